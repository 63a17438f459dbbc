// What is rolled out, and what happens to it: a strategy is a row with its steps, a disturbance is one with what it may
// cost. Each strategy meets each disturbance at each of its steps (disturbed-rollouts.ts).

import type { Route } from '@millrace/routing';
import type { Disturbance, Rollout, StrategyRow } from './disturbed-rollouts.js';

const sole = ({ targets }: Route, version: number): boolean =>
  targets.length === 1 && targets[0]?.version === version && targets[0].weight === 100;

/** Quick to agree: what is judged is whether the version fails far more often. */
const ANALYSIS =
  'analysis: { errors: { effect: 0.2 }, ignore: [latency, unusable, constant, scores], minRequests: 20 }';
const STEPS = 'steps: [{ weight: 20, for: 1s }, { weight: 40, for: 1s }, { weight: 60, until: promoted }]';
const LAST = 2;
/** Long enough for a busy machine to see it before it is over. */
const CHECKS = 'checks: { before: { share: 50, for: 5s }, after: { share: 50, for: 5s } }';

/** Begins it; who asks waits for the load, and may lose the router that was asked. */
function begun(rollout: Rollout): void {
  void rollout.post('rollouts', { version: rollout.version, reason: 'begins' }).catch(() => undefined);
}

async function loading(rollout: Rollout): Promise<void> {
  begun(rollout);
  await rollout.until('it loads', ({ rollout: { phase } }) => phase === 'loading');
}

async function started(rollout: Rollout): Promise<void> {
  rollout.load();
  begun(rollout);
  await rollout.until('it has traffic', ({ targets }) => targets.some(({ version }) => version === rollout.version));
}

const isEnded = ({ rollout: { phase } }: Route): boolean => phase !== 'loading' && phase !== 'progressing';

/** Nobody holds it any more. */
function goingOn(rollout: Rollout): Promise<void> {
  const isGoing = ({ rollout: { steps } }: Route) => steps?.pause === undefined;
  return rollout.untilTaken('rollout/resume', {}, (route) => isEnded(route) || isGoing(route));
}

const abort: StrategyRow['kill'] = ({ version }) => ['rollout/abort', { version, reason: 'stop', issuedBy: 'ada' }];

const inSteps: Omit<StrategyRow, 'name' | 'rollout'> = {
  steps: {
    loading,
    'first step': started,
    'last step': async (rollout) => {
      await started(rollout);
      await rollout.until('its last step', ({ rollout: { steps } }) => steps?.at === LAST);
    },
    paused: async (rollout) => {
      await started(rollout);
      const isPaused = ({ rollout: { steps } }: Route) => steps?.pause !== undefined;
      await rollout.untilTaken('rollout/pause', { reason: 'a look', issuedBy: 'ada' }, isPaused);
    },
  },
  async finish(rollout) {
    await goingOn(rollout);
    const isLast = (route: Route) => isEnded(route) || route.rollout.steps?.at === LAST;
    await rollout.until('its last step, or its end', isLast);
    const { version } = rollout;
    // The analysis may still have a word.
    if (!rollout.isFaulty) await rollout.untilTaken('rollout/skip', { version }, isEnded);
    await rollout.until('its end', isEnded);
  },
  kill: abort,
  isOver: (route, { version }, failed) =>
    failed
      ? sole(route, 1) && route.rollout.phase === 'failed' && route.rollout.message !== ''
      : sole(route, version) && route.rollout.phase === 'promoted',
  judges: true,
};

/** Before the switch the new version gets copies alone, after it the one before does. */
const checked: Omit<StrategyRow, 'name' | 'rollout'> = {
  steps: {
    loading,
    'before the switch': async (rollout) => {
      rollout.load();
      begun(rollout);
      await rollout.until('it gets copies', (route) => sole(route, 1) && route.shadows[0] === rollout.version);
    },
    'after the switch': async (rollout) => {
      await started(rollout);
      await rollout.until('the other one gets copies', ({ shadows }) => shadows[0] === 1);
    },
  },
  finish: (rollout) => rollout.until('its end', ({ rollout: { phase } }) => phase === 'promoted' || phase === 'failed'),
  // Whoever asked a router that stands still learns from the next one that it was promoted meanwhile.
  kill: (rollout, route) =>
    route.rollout.phase === 'promoted' ? ['rollback', { reason: 'stop' }] : abort(rollout, route),
  isOver: (route, rollout, failed) =>
    // A kill that its last step has overtaken finds it promoted, and takes that back.
    inSteps.isOver(route, rollout, failed) || (failed && sole(route, 1) && route.rollout.phase === 'promoted'),
  judges: true,
};

const START = 20;
const BANDIT = `bandit: { start: ${START}, floor: 10, every: 1s, for: 1h }`;
/** Mean losses of the version before and of the new one, each of so many labels. */
const MAY_BE_BETTER = [60, 0.2, 0.19] as const;
const IS_BETTER = [4_000, 0.2, 0.15] as const;
const IS_WORSE = [4_000, 0.15, 0.2] as const;

/** What labels say of it from now on; where it is over, nobody listens. */
async function labelled(rollout: Rollout, [count, before, now]: readonly [number, number, number]): Promise<void> {
  const { steps } = (await rollout.until('it has loaded', ({ rollout: { phase } }) => phase !== 'loading')).rollout;
  if (steps === undefined) return;
  const cell = (version: number, mean: number) => ({ version, weight: START, count, mean, m2: count * 0.02 });
  await rollout.labelled(steps.fromRevision, [cell(1, before), cell(rollout.version, now)]);
}

const shareOf = ({ targets }: Route, version: number): number =>
  targets.find((target) => target.version === version)?.weight ?? 0;

async function moved(rollout: Rollout): Promise<void> {
  await started(rollout);
  await labelled(rollout, MAY_BE_BETTER);
  await rollout.until('its share has moved', (route) => shareOf(route, rollout.version) > 50);
}

/** Its share follows labels, and they end it: `says` is what they say in the end. */
const byLabels = (says: typeof IS_BETTER | typeof IS_WORSE): Omit<StrategyRow, 'name'> => ({
  rollout: `{ strategy: bandit, ${BANDIT}, ${ANALYSIS} }`,
  steps: {
    loading,
    'first share': started,
    moved,
    paused: inSteps.steps.paused as StrategyRow['steps'][string],
  },
  async finish(rollout) {
    await goingOn(rollout);
    // The analysis has the word.
    if (!rollout.isFaulty) await labelled(rollout, says);
    await rollout.until('its end', isEnded);
  },
  kill: abort,
  isOver: (route, rollout, failed) => inSteps.isOver(route, rollout, failed || says === IS_WORSE),
  judges: true,
});

export const STRATEGY_ROWS: readonly StrategyRow[] = [
  {
    name: 'blue_green',
    rollout: '{ strategy: blue_green }',
    steps: { loading, promoted: started },
    finish: (rollout) => rollout.until('its end', ({ rollout: { phase } }) => phase !== 'loading'),
    // A rollback has nothing to take back while the version loads.
    kill: (rollout, route) =>
      route.rollout.phase === 'loading' ? abort(rollout, route) : ['rollback', { reason: 'stop' }],
    isOver: (route, { version }, failed) => sole(route, failed ? 1 : version) && isEnded(route),
    judges: false,
  },
  { name: 'canary', rollout: `{ strategy: canary, ${STEPS}, ${ANALYSIS} }`, ...inSteps },
  {
    name: 'matches',
    rollout: `{ strategy: canary, ${STEPS}, ${ANALYSIS}, matches: [{ header: x-team, equals: a, target: canary }] }`,
    ...inSteps,
  },
  { name: 'checks', rollout: `{ strategy: blue_green, ${CHECKS}, ${ANALYSIS} }`, ...checked },
  {
    name: 'experiment',
    rollout: '{ strategy: blue_green }',
    steps: {
      running: async (rollout) => {
        rollout.load();
        const arms = [1, rollout.version].map((version) => ({ version, weight: 50 }));
        const isThere = ({ experiment }: Route) => experiment?.arms.every(({ isReady }) => isReady) === true;
        await rollout.untilTaken('experiment', { name: 'e', arms, forMs: 600_000, issuedBy: 'ada' }, isThere);
      },
    },
    finish: async (rollout) => {
      const { version } = rollout;
      await rollout.untilTaken('experiment/end', { name: 'e', winner: version }, (route) => sole(route, version));
    },
    kill: () => ['experiment/end', { name: 'e', reason: 'stop', issuedBy: 'ada' }],
    isOver: (route, { version }, failed) => route.experiment?.end !== undefined && sole(route, failed ? 1 : version),
    judges: false,
  },
  {
    name: 'shadow',
    rollout: '{ strategy: blue_green }',
    steps: {
      copied: async (rollout) => {
        await started(rollout);
        await rollout.untilTaken('promote', { version: 1 }, (route) => sole(route, 1));
        const { version } = rollout;
        await rollout.untilTaken('shadows', { versions: [version], share: 50 }, ({ shadows }) => shadows.length > 0);
      },
    },
    finish: async () => undefined,
    kill: () => ['shadows', { versions: [], reason: 'stop' }],
    isOver: (route, { version }, failed) =>
      sole(route, 1) && (failed ? route.shadows.length === 0 : route.shadows[0] === version),
    judges: false,
  },
  { name: 'bandit', ...byLabels(IS_BETTER) },
  // Until its end it is as the other one.
  { name: 'bandit that loses', ...byLabels(IS_WORSE), steps: { moved } },
];

const STOPPED_MS = 3_000;
/** Beyond its session: another one has its partitions by then, and it wakes up as the owner that it was. */
const FENCED_MS = 14_000;
const SLOWED_MS = 200;
const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

type Place = 'owner' | 'other';

const killedRouter = (place: Place): Disturbance => ({
  name: `${place === 'owner' ? 'the owner' : 'the other router'} is killed`,
  begin: async (world, rollout) => {
    const router = world.routerAt(place, rollout);
    await world.kill(router);
    return () => world.revive(router);
  },
});

const stoppedRouter = (place: Place, ms = STOPPED_MS): Disturbance => ({
  name: `${place === 'owner' ? 'the owner' : 'the other router'} stands still for ${ms / 1_000} s`,
  isLong: ms > STOPPED_MS,
  begin: async (world, rollout) => {
    const router = world.routerAt(place, rollout);
    router.process.signal('SIGSTOP');
    return async () => {
      await pause(ms);
      router.process.signal('SIGCONT');
    };
  },
});

export const DISTURBANCES: readonly Disturbance[] = [
  killedRouter('owner'),
  killedRouter('other'),
  stoppedRouter('owner'),
  stoppedRouter('owner', FENCED_MS),
  stoppedRouter('other'),
  {
    name: 'a serving is killed',
    begin: async ({ servings: [serving] }) => {
      await serving.kill();
      return () => serving.start();
    },
  },
  {
    name: 'a serving stands still for 3 s',
    begin: async ({ servings: [serving] }) => {
      serving.signal('SIGSTOP');
      return async () => {
        await pause(STOPPED_MS);
        serving.signal('SIGCONT');
      };
    },
  },
  {
    name: 'a serving answers 200 ms later',
    begin: async ({ servings: [serving] }) => {
      serving.delayMs = SLOWED_MS;
      serving.tell();
      return async () => {
        await pause(STOPPED_MS);
        serving.delayMs = 0;
        serving.tell();
      };
    },
  },
  {
    name: 'the new version answers errors',
    begin: async ({ servings }, rollout) => {
      rollout.isFaulty = true;
      for (const serving of servings) {
        serving.broken.set(rollout.version, 'errs');
        serving.tell();
      }
      return async () => undefined;
    },
  },
];
