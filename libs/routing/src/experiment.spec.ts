import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RouteChoices } from './choice.js';
import { EXPERIMENT_MS_MAX, type ExperimentOutcome } from './experiment.js';
import { ExperimentDraw, trafficShares } from './experiment-draw.js';
import { decide as decideBy, settleExperiment, settleLoad, settleStep } from './rollout.js';
import {
  ARMS_MAX,
  EXPERIMENT_SLOTS,
  type Experiment,
  emptyRoute,
  LOADED_MAX,
  type Route,
  readyVersions,
  runningExperiment,
  sameTraffic,
} from './route.js';
import type { Decision, RouteAction, RouteCommand } from './route-command.js';
import { blueGreen } from './strategies/blue-green.js';
import { canary } from './strategies/canary.js';
import type { RolloutStrategy } from './strategy.js';

const NOW_MS = 1_000;
const WEEK_MS = 604_800_000;
const HUGE = Number.MAX_SAFE_INTEGER;

let serial = 0;
function command(action: RouteAction, over: Partial<RouteCommand> = {}): RouteCommand {
  serial += 1;
  const fields = { id: `e${serial}`, project: 'p', issuedAtMs: 0, expectedRevision: 0, correlationId: 'k' };
  return { ...fields, reason: '', issuedBy: 'ada', action, ...over };
}

const changed = (decision: Decision): Route => {
  if (decision.kind !== 'changed') throw new Error(JSON.stringify(decision));
  return decision.route;
};
const change = (route: Route, action: RouteAction, strategy: RolloutStrategy = blueGreen): Route =>
  changed(decideBy(route, command(action), strategy, NOW_MS));

const shares = (weights: Record<number, number>) =>
  Object.entries(weights).map(([version, weight]) => ({ version: Number(version), weight }));
const begin = (weights: Record<number, number>, over: object = {}): RouteAction => ({
  ...{ kind: 'startExperiment', name: 'prices', arms: shares(weights), control: 0, share: 100, forMs: WEEK_MS },
  ...over,
});

/** Version 3 has all traffic, 2 is the one before. */
const LIVE: Route = {
  ...emptyRoute('p'),
  revision: 6,
  targets: [{ version: 3, weight: 100, name: 'blue' }],
  loadedVersions: [2, 3],
  previousVersion: 2,
  rollout: { phase: 'promoted', version: 3, message: '' },
};

const settle = (route: Route, ready: number[]): Route =>
  changed(settleExperiment(route, { kind: 'arms', revision: route.revision, ready }, blueGreen, NOW_MS));
const running = (route: Route): Experiment => runningExperiment(route) as Experiment;
const entities = Array.from({ length: 20_000 }, (_, i) => `entity-${i}`);

/** The version of each entity. */
function versions(route: Route, of: readonly string[] = entities): number[] {
  const choices = new RouteChoices(route, true);
  return of.map((entity, i) => {
    const choice = choices.choose(entity, `r${i}`, 0);
    return choice.kind === 'chosen' ? choice.live : 0;
  });
}

const share = (of: readonly number[], version: number) => of.filter((one) => one === version).length / of.length;

describe('an experiment', () => {
  it('takes no version for loaded that was unloaded after its time', () => {
    const alone: Route = { ...LIVE, loadedVersions: [3], previousVersion: 2 };
    const running = change(alone, begin({ 3: 50, 4: 50 }));
    expect(running.loadedVersions).toEqual([3, 4]);
    expect(change(LIVE, begin({ 3: 50, 4: 50 })).loadedVersions).toEqual(
      LIVE.previousVersion === 2 ? [2, 3, 4] : [3, 4],
    );
  });

  it('gives nothing to a version that a rollback leads to and that it loads again, before serving has it', () => {
    const unloaded: Route = { ...LIVE, loadedVersions: [3] };
    const begun = change(unloaded, begin({ 2: 50, 3: 50 }));
    expect(begun.loadedVersions).toEqual([2, 3]);
    expect(readyVersions(begun)).toEqual([3]);
    const half = { kind: 'setWeights', weights: shares({ 2: 50, 3: 50 }) } as const;
    const refused = decideBy(begun, command(half), blueGreen, NOW_MS);
    expect(refused).toMatchObject({ kind: 'rejected', reason: 'not_loaded' });
    const back = change(begun, { kind: 'rollback' });
    expect(back).toMatchObject({ targets: LIVE.targets, loadedVersions: [2, 3] });
    expect(back.rollout).toMatchObject({ phase: 'loading', version: 2, back: true });
    const there = change(settle(begun, [2, 3]), { kind: 'rollback' });
    expect(there.targets).toMatchObject([{ version: 2, weight: 100 }]);
  });

  it('names the draw of each arm, so that labels of what was drawn by one set of weights are compared', () => {
    const drawsOf = (route: Route) => {
      const choices = new RouteChoices(route, true);
      const chosen = Array.from({ length: 200 }, (_, i) => choices.choose(`e${i}`, `r${i}`, 0));
      return new Set(chosen.map((choice) => choice.kind === 'chosen' && JSON.stringify(choice.draw)));
    };
    const halves = change(LIVE, begin({ 2: 50, 3: 50 }));
    const [draw] = drawsOf(halves);
    expect(drawsOf(halves)).toEqual(new Set([expect.stringMatching(/^{"fromRevision":7,"weight":\d\d?}$/)]));
    const weights = shares({ 2: 20, 3: 80 });
    const moved = change(halves, { kind: 'setExperimentWeights', name: 'prices', weights, share: 100 });
    expect(drawsOf(moved)).not.toContain(draw);
    expect(drawsOf(change(moved, { kind: 'endExperiment', name: 'prices', winner: 0 }))).toEqual(new Set([undefined]));
  });

  it('splits the traffic by its arms, which the targets do not show', () => {
    const route = settle(change(LIVE, begin({ 3: 50, 4: 30, 5: 20 })), [4, 5]);
    expect(route).toMatchObject({ targets: LIVE.targets, loadedVersions: [2, 3, 4, 5] });
    expect(running(route)).toMatchObject({ control: 3, startedBy: 'ada', fromRevision: 7, endsAtMs: NOW_MS + WEEK_MS });
    const met = versions(route);
    for (const [version, percent] of [
      [3, 0.5],
      [4, 0.3],
      [5, 0.2],
    ] as const) {
      // Five sigma of a binomial.
      const sigma = Math.sqrt((percent * (1 - percent)) / entities.length);
      expect(Math.abs(share(met, version) - percent)).toBeLessThan(5 * sigma);
    }
    expect(trafficShares(route)).toEqual(shares({ 3: 50, 4: 30, 5: 20 }));
  });

  it('keeps every entity with its version, also where the project is not sticky, and draws who has none', () => {
    const route = settle(change(LIVE, begin({ 3: 50, 4: 50 })), [4]);
    const choices = new RouteChoices(route, false);
    const first = versions(route);
    const again = entities.map((entity, i) => choices.choose(entity, `another-${i}`, 0));
    expect(again.map((one) => (one.kind === 'chosen' ? one.live : 0))).toEqual(first);
    const nameless = entities.map((_, i) => choices.choose('', `r${i}`, 0));
    const four = nameless.filter((one) => one.kind === 'chosen' && one.live === 4).length / entities.length;
    expect(Math.abs(four - 0.5)).toBeLessThan(0.02);
  });

  it('of a part of the traffic leaves all other as it was; a larger part only adds entities', () => {
    const part = settle(change(LIVE, begin({ 4: 50, 5: 50 }, { share: 20 })), [4, 5]);
    const met = versions(part);
    expect(Math.abs(share(met, 3) - 0.8)).toBeLessThan(0.02);
    expect(trafficShares(part)).toEqual(shares({ 3: 80, 4: 10, 5: 10 }));
    const more = change(part, {
      ...{ kind: 'setExperimentWeights', name: '', share: 60 },
      weights: shares({ 4: 50, 5: 50 }),
    });
    for (const [i, version] of versions(more).entries()) if (met[i] !== 3) expect(version).toBe(met[i]);
    // Who takes part says nothing of the arm.
    const inPart = met.filter((version) => version !== 3);
    expect(Math.abs(share(inPart, 4) - 0.5)).toBeLessThan(0.03);
  });

  it('is another draw for each: who met one arm meets either of the next', () => {
    const one = settle(change(LIVE, begin({ 3: 50, 4: 50 })), [4]);
    const ended = change(one, { kind: 'endExperiment', name: '', winner: 0 });
    const two = change(ended, begin({ 3: 50, 4: 50 }));
    const [first, second] = [versions(one), versions(two)];
    const both = first.filter((version, i) => version === 4 && second[i] === 4).length / entities.length;
    expect(Math.abs(both - 0.25)).toBeLessThan(0.02);
  });

  it('an arm that serving does not have gets nothing: its share goes to the control arm and is told', () => {
    const started = change(LIVE, begin({ 3: 40, 2: 30, 4: 30 }));
    expect(share(versions(started), 4)).toBe(0);
    // 2 was loaded before.
    expect(trafficShares(started)).toEqual(shares({ 2: 30, 3: 70 }));
    const ready = settle(started, [2, 3, 4]);
    expect(ready.reason).toBe("experiment 'prices': version 4 is ready");
    const lost = settle(ready, [2, 3]);
    expect(lost.reason).toBe(
      "experiment 'prices': version 4 is not ready, its share goes to version 3, its control arm",
    );
    const [before, after] = [versions(ready), versions(lost)];
    for (const [i, version] of after.entries()) expect(version).toBe(before[i] === 4 ? 3 : before[i]);
    const choices = new RouteChoices(lost, true);
    const moved = entities.find((_, i) => before[i] === 4) as string;
    expect(choices.choose(moved, 'r', 0)).toMatchObject({ live: 3, drawn: false });
    expect(choices.drawn(moved, 'r')).toMatchObject({ version: 3, arm: { version: 4 } });
  });

  it('whose control arm is not there either leaves the traffic to the targets', () => {
    const started = change(LIVE, begin({ 4: 50, 5: 50 }));
    expect(running(started).control).toBe(4);
    expect(new Set(versions(started))).toEqual(new Set([3]));
    expect(trafficShares(started)).toEqual(shares({ 3: 100 }));
    expect(readyVersions(started)).toEqual([2, 3]);
  });

  it('only what it drew for the arm that answers compares versions', () => {
    const route = settle(change(LIVE, begin({ 3: 50, 4: 50 }, { share: 50 })), [4]);
    const choices = new RouteChoices(route, true);
    for (const entity of entities.slice(0, 2_000)) {
      const choice = choices.choose(entity, '', 0);
      expect(choice).toMatchObject({ drawn: choices.drawn(entity, '') !== undefined });
    }
    expect(choices.choose('anna', '', 4)).toMatchObject({ live: 4, drawn: false });
  });

  it('ends by its time, and not before', () => {
    const route = change(LIVE, begin({ 3: 50, 4: 50 }));
    const over: ExperimentOutcome = { kind: 'over', revision: route.revision };
    expect(settleExperiment(route, over, blueGreen, NOW_MS + WEEK_MS - 1)).toMatchObject({ kind: 'rejected' });
    const ended = changed(settleExperiment(route, over, blueGreen, NOW_MS + WEEK_MS));
    expect(ended.experiment?.end).toMatchObject({ reason: 'its time is over', by: '', winner: 0 });
    // What never came is not waited for any more.
    expect(ended.loadedVersions).toEqual([2, 3]);
    expect(new Set(versions(ended))).toEqual(new Set([3]));
    expect(sameTraffic(ended, LIVE)).toBe(true);
  });

  it('ends by hand, with a winner that is promoted', () => {
    const route = settle(change(LIVE, begin({ 3: 50, 4: 50 })), [4]);
    const won = change(route, { kind: 'endExperiment', name: 'prices', winner: 4 });
    expect(won).toMatchObject({
      targets: [{ version: 4, weight: 100 }],
      previousVersion: 3,
      rollout: { phase: 'promoted', version: 4 },
      experiment: { end: { winner: 4, by: 'ada' } },
    });
    const kept = change(route, { kind: 'endExperiment', name: '', winner: 3 });
    expect(kept).toMatchObject({ targets: LIVE.targets, previousVersion: 2, experiment: { end: { winner: 3 } } });
  });

  it.each<[string, RouteAction, object, string]>([
    [
      'a rollout',
      { kind: 'startRollout', version: 7 },
      { rollout: { phase: 'loading' } },
      'a rollout of version 7 began',
    ],
    ['a promote', { kind: 'promote', version: 4 }, { targets: [{ version: 4 }] }, 'version 4 was promoted'],
    ['a promote of the live one', { kind: 'promote', version: 3 }, { targets: [{ version: 3 }] }, '3 was promoted'],
    ['a rollback', { kind: 'rollback' }, { targets: [{ version: 2 }] }, 'the traffic was rolled back'],
    ['weights', { kind: 'setWeights', weights: shares({ 2: 50, 3: 50 }) }, { targets: [{}, {}] }, 'by hand'],
  ])('%s ends it, says so, and leaves its arms loaded for what is under way', (_, action, expected, reason) => {
    const route = settle(change(LIVE, begin({ 3: 50, 4: 50 })), [4]);
    const after = change(route, action);
    expect(after).toMatchObject({ ...expected, experiment: { end: { by: 'ada' } } });
    expect(after.experiment?.end?.reason).toContain(reason);
    expect(after.loadedVersions).toEqual(expect.arrayContaining([2, 3, 4]));
  });

  it('a rollback that finds nothing else to take back ends it alone', () => {
    const route = change({ ...LIVE, previousVersion: 0, loadedVersions: [3] }, begin({ 3: 50, 4: 50 }));
    const after = change(route, { kind: 'rollback' });
    expect(after).toMatchObject({
      targets: LIVE.targets,
      experiment: { end: { reason: 'the traffic was rolled back' } },
    });
    expect(decideBy(after, command({ kind: 'rollback' }), blueGreen, NOW_MS)).toMatchObject({
      reason: 'nothing_to_roll_back',
    });
  });

  it('a command that is refused leaves it running', () => {
    const route = change(LIVE, begin({ 3: 50, 4: 50 }));
    for (const action of [
      { kind: 'promote', version: 9 },
      { kind: 'setWeights', weights: shares({ 4: 100 }) },
    ] as RouteAction[])
      expect(decideBy(route, command(action), blueGreen, NOW_MS)).toMatchObject({ kind: 'rejected' });
    // An arm that is not there yet is loaded by its rollout first.
    expect(change(route, { kind: 'startRollout', version: 4 }).rollout).toMatchObject({ phase: 'loading', version: 4 });
  });

  it('an end holds whatever the experiment has come to since it was sent', () => {
    const started = change(LIVE, begin({ 3: 50, 4: 50 }));
    const settled = settle(started, [4]);
    const end: RouteAction = { kind: 'endExperiment', name: '', winner: 0 };
    const sent = command(end, { expectedRevision: started.revision });
    expect(changed(decideBy(settled, sent, blueGreen, NOW_MS)).experiment?.end).toBeDefined();
    const stale = command(end, { expectedRevision: LIVE.revision });
    expect(decideBy(settled, stale, blueGreen, NOW_MS)).toMatchObject({ reason: 'revision_conflict' });
  });

  const loading = change(LIVE, { kind: 'startRollout', version: 9 });
  const started = change(LIVE, begin({ 3: 50, 4: 50 }));
  it.each<[string, Route, RouteAction, string, string]>([
    ['while a rollout loads', loading, begin({ 3: 50, 4: 50 }), 'rollout_in_progress', 'promote or abort it first'],
    ['beside another', started, begin({ 3: 50, 5: 50 }), 'experiment_in_progress', "'prices' is running: end it first"],
    ['before anything is live', emptyRoute('p'), begin({ 3: 50, 4: 50 }), 'nothing_live', 'roll one out first'],
    ['of one arm', LIVE, begin({ 3: 100 }), 'invalid_experiment', '2 to 8 different versions'],
    ['with weights of 99 %', LIVE, begin({ 3: 50, 4: 49 }), 'invalid_experiment', 'add up to 100'],
    ['with an arm of 0 %', LIVE, begin({ 3: 100, 4: 0 }), 'invalid_experiment', 'add up to 100'],
    ['of version 0', LIVE, begin({ 0: 50, 4: 50 }), 'invalid_version', 'version 0'],
    ['with a strange control', LIVE, begin({ 3: 50, 4: 50 }, { control: 5 }), 'invalid_experiment', 'not version 5'],
    ['without a name', LIVE, begin({ 3: 50, 4: 50 }, { name: '' }), 'invalid_experiment', 'has a name of'],
    ['of no traffic', LIVE, begin({ 3: 50, 4: 50 }, { share: 0 }), 'invalid_experiment', '1 to 100 percent'],
    ['for ever', LIVE, begin({ 3: 50, 4: 50 }, { forMs: EXPERIMENT_MS_MAX + 1 }), 'invalid_experiment', '90 days'],
    [
      'of more than serving holds',
      { ...LIVE, targets: [1, 2, 3, 4].map((version) => ({ version, weight: 25, name: `v${version}` })) },
      begin({ 10: 20, 11: 10, 12: 10, 13: 10, 14: 10, 15: 10, 16: 10, 17: 20 }, {}),
      ...(['too_many_loaded', 'take fewer arms'] as const),
    ],
    ['an end without one', LIVE, { kind: 'endExperiment', name: '', winner: 0 }, 'no_experiment', 'there was none yet'],
    [
      ...(['an end of another', started, { kind: 'endExperiment', name: 'colours', winner: 0 }] as const),
      ...(['other_experiment', "'prices', not 'colours'"] as const),
    ],
    [
      ...(['a winner that is no arm', started, { kind: 'endExperiment', name: '', winner: 2 }] as const),
      ...(['invalid_version', 'they are 3, 4'] as const),
    ],
    [
      ...(['a winner that is not there', started, { kind: 'endExperiment', name: '', winner: 4 }] as const),
      ...(['not_loaded', 'not loaded yet'] as const),
    ],
    [
      'weights of some arms',
      started,
      { kind: 'setExperimentWeights', name: '', weights: shares({ 3: 100 }), share: 0 },
      ...(['invalid_experiment', 'each of its arms, 3, 4'] as const),
    ],
  ])('%s is refused, and says what to do', (_, route, action, reason, words) => {
    const decision = decideBy(route, command(action), blueGreen, NOW_MS);
    expect(decision).toMatchObject({ kind: 'rejected', reason, message: expect.stringContaining(words) });
  });
});

/** Weights of so many arms that add up to 100. */
const weightsOf = (arms: number) =>
  fc.array(fc.integer({ min: 0, max: 100 }), { minLength: arms - 1, maxLength: arms - 1 }).map((cuts) => {
    const at = [0, ...cuts.sort((a, b) => a - b), 100];
    return at.slice(1).map((cut, i) => cut - (at[i] as number));
  });

describe('a change of weights', () => {
  it('moves as few entities as there can be: half the sum of the differences, each from who gives to who gets', () => {
    const some = entities.slice(0, 500);
    const history = fc
      .integer({ min: 2, max: ARMS_MAX })
      .chain((arms) => fc.tuple(fc.constant(arms), fc.array(weightsOf(arms), { minLength: 1, maxLength: 6 })));
    fc.assert(
      fc.property(history, ([count, changes]) => {
        const arms = Array.from({ length: count }, (_, i) => 10 + i);
        const first = Object.fromEntries(arms.map((version, i) => [version, i === 0 ? 101 - count : 1]));
        const alone = { ...LIVE, loadedVersions: [3], previousVersion: 0 };
        let route = settle(change(alone, begin(first)), arms);
        for (const weights of changes) {
          const before = running(route);
          const asked = arms.map((version, i) => ({ version, weight: weights[i] as number }));
          const next = change(route, { kind: 'setExperimentWeights', name: '', weights: asked, share: 0 });
          const after = running(next);
          const owners = (of: Experiment) =>
            Array.from({ length: EXPERIMENT_SLOTS }, (_, slot) => of.arms.find((arm) => arm.slots.includes(slot)));
          const [was, is] = [owners(before), owners(after)];
          const moved = is.filter((arm, slot) => arm?.version !== was[slot]?.version).length;
          const differences = after.arms.map((arm, i) => arm.weight - (before.arms[i]?.weight ?? 0));
          expect(moved).toBe(differences.reduce((sum, one) => sum + Math.abs(one), 0) / 2);
          const more = (version: number) => (differences[arms.indexOf(version)] as number) > 0;
          const [met, meets] = [versions(route, some), versions(next, some)];
          for (const [i, version] of meets.entries())
            if (version !== met[i]) expect([more(version), more(met[i] as number)]).toEqual([true, false]);
          route = next;
        }
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  it('and back again moves the same ones back', () => {
    const route = settle(change(LIVE, begin({ 3: 50, 4: 50 })), [4]);
    const weigh = (of: Route, weights: Record<number, number>) =>
      change(of, { kind: 'setExperimentWeights', name: '', weights: shares(weights), share: 0 });
    expect(versions(weigh(weigh(route, { 3: 80, 4: 20 }), { 3: 50, 4: 50 }))).toEqual(versions(route));
  });
});

type Step =
  | { kind: 'command'; action: RouteAction }
  | { kind: 'arms'; ready: number[] }
  | { kind: 'over'; late: boolean }
  | { kind: 'load'; ready: boolean }
  | { kind: 'due'; abort: boolean };

const version = fc.integer({ min: 1, max: 9 });
const twoShares = fc.tuple(version, version, fc.integer({ min: 0, max: 100 })).map(([a, b, weight]) => [
  { version: a, weight },
  { version: b, weight: 100 - weight },
]);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: twoShares.map((arms): Step => ({ kind: 'command', action: begin({}, { arms }) })) },
  twoShares.map(
    (weights): Step => ({ kind: 'command', action: { kind: 'setExperimentWeights', name: '', weights, share: 0 } }),
  ),
  fc
    .oneof(fc.constant(0), version)
    .map((winner): Step => ({ kind: 'command', action: { kind: 'endExperiment', name: '', winner } })),
  { weight: 3, arbitrary: fc.uniqueArray(version).map((ready): Step => ({ kind: 'arms', ready })) },
  fc.boolean().map((late): Step => ({ kind: 'over', late })),
  fc.boolean().map((ready): Step => ({ kind: 'load', ready })),
  fc.boolean().map((abort): Step => ({ kind: 'due', abort })),
  version.map((v): Step => ({ kind: 'command', action: { kind: 'startRollout', version: v } })),
  version.map((v): Step => ({ kind: 'command', action: { kind: 'promote', version: v } })),
  twoShares.map((weights): Step => ({ kind: 'command', action: { kind: 'setWeights', weights } })),
  fc
    .uniqueArray(version, { maxLength: 2 })
    .map((versions): Step => ({ kind: 'command', action: { kind: 'setShadows', versions, share: 10 } })),
  fc.constantFrom('rollback' as const).map((kind): Step => ({ kind: 'command', action: { kind } })),
  fc
    .constantFrom('abort' as const, 'pause' as const, 'resume' as const, 'advance' as const)
    .map((kind): Step => ({ kind: 'command', action: { kind, version: 0 } })),
);

function taken(route: Route, one: Step, strategy: RolloutStrategy): Route {
  const { revision, rollout } = route;
  const at = { version: rollout.version, revision };
  const decision = (): Decision => {
    switch (one.kind) {
      case 'command':
        return decideBy(route, command(one.action), strategy, NOW_MS);
      case 'arms':
        return settleExperiment(route, { kind: 'arms', revision, ready: one.ready }, strategy, NOW_MS);
      case 'over':
        return settleExperiment(route, { kind: 'over', revision: revision - (one.late ? 1 : 0) }, strategy, HUGE);
      case 'load':
        return settleLoad(
          route,
          one.ready ? { kind: 'ready', ...at } : { kind: 'failed', ...at, message: 'x' },
          strategy,
          NOW_MS,
        );
      case 'due':
        return settleStep(
          route,
          one.abort ? { kind: 'abort', ...at, by: '', reason: '' } : { kind: 'next', ...at },
          strategy,
          HUGE,
        );
    }
  };
  const made = decision();
  return made.kind === 'changed' ? made.route : route;
}

function checkExperiment(route: Route, before: Route): void {
  const experiment = runningExperiment(route);
  expect(route.loadedVersions.length).toBeLessThanOrEqual(LOADED_MAX);
  for (const target of route.targets) expect(readyVersions(route)).toContain(target.version);
  const { previousVersion, rollout } = route;
  if (previousVersion !== 0 && rollout.phase !== 'progressing' && !readyVersions(route).includes(previousVersion)) {
    // It was an arm that serving had lost.
    const back = taken(route, { kind: 'command', action: { kind: 'rollback' } }, blueGreen);
    expect(back).toMatchObject({ rollout: { phase: 'loading', version: previousVersion, back: true } });
  }
  for (const shadow of route.shadows) expect(readyVersions(route)).toContain(shadow);
  // Who answered before finds its requests' version loaded after the write.
  for (const { version: had, weight } of trafficShares(before))
    if (weight > 0 && readyVersions(before).includes(had) && !isLost(route, before, had))
      expect(route.loadedVersions).toContain(had);
  if (route.targets.length > 0) {
    const sum = trafficShares(route).reduce((all, { weight }) => all + weight, 0);
    expect(sum).toBeCloseTo(100, 9);
  }
  if (experiment === undefined) return;
  const { arms, control } = experiment;
  expect(['idle', 'promoted', 'failed']).toContain(route.rollout.phase);
  expect(arms.length).toBeGreaterThanOrEqual(2);
  expect(arms.map((arm) => arm.version)).toEqual([...new Set(arms.map((arm) => arm.version))].sort((a, b) => a - b));
  expect(arms.map((arm) => arm.version)).toContain(control);
  for (const arm of arms) {
    expect(route.loadedVersions).toContain(arm.version);
    expect(arm.slots.length).toBe(arm.weight);
  }
  expect(new Set(arms.flatMap((arm) => arm.slots)).size).toBe(EXPERIMENT_SLOTS);
  expect(arms.reduce((sum, arm) => sum + arm.weight, 0)).toBe(100);
  const draw = ExperimentDraw.of(route) as ExperimentDraw;
  for (const entity of entities.slice(0, 50)) {
    const drawn = draw.draw(entity)?.version ?? 0;
    if (drawn !== 0) expect(arms.find((arm) => arm.version === drawn)?.isReady).toBe(true);
  }
}

/** An arm that serving has lost: nothing of it is there to be found. */
const isLost = (route: Route, before: Route, had: number): boolean => {
  const arm = (of: Route) => of.experiment?.arms.find(({ version: one }) => one === had);
  return arm(before)?.isReady === false || arm(route)?.isReady === false;
};

describe.each([blueGreen, canary])('random histories with $name', (strategy) => {
  it('keep every invariant; nothing that was refused changes anything', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let route: Route = LIVE;
        for (const one of steps) {
          const before = route;
          route = taken(route, one, strategy);
          if (route !== before) expect(route.revision).toBe(before.revision + 1);
          checkExperiment(route, before);
        }
      }),
      { numRuns: 600, seed: 6 },
    );
  });

  it('never hang: the time ends whatever runs, a rollout begins all the same, and its load ends', () => {
    let runs = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let route: Route = LIVE;
        for (const one of steps) route = taken(route, one, strategy);
        const experiment = runningExperiment(route);
        if (experiment !== undefined) {
          runs += 1;
          const over: ExperimentOutcome = { kind: 'over', revision: route.revision };
          const ended = changed(settleExperiment(route, over, strategy, experiment.endsAtMs));
          expect(runningExperiment(ended)).toBeUndefined();
          expect(ended.targets).toEqual(route.targets);
          expect(runningExperiment(taken(route, { kind: 'command', action: { kind: 'rollback' } }, strategy))).toBe(
            undefined,
          );
        }
        if (route.rollout.phase === 'loading') route = taken(route, { kind: 'load', ready: false }, strategy);
        const begun = taken(route, { kind: 'command', action: { kind: 'startRollout', version: 100 } }, strategy);
        expect(begun.rollout).toMatchObject({ phase: 'loading', version: 100 });
        expect(runningExperiment(begun)).toBeUndefined();
        const warm = taken(begun, { kind: 'load', ready: true }, strategy);
        const promoted = taken(warm, { kind: 'command', action: { kind: 'promote', version: 100 } }, strategy);
        expect(promoted.targets).toMatchObject([{ version: 100, weight: 100 }]);
        const next = decideBy(promoted, command(begin({ 100: 50, 101: 50 })), strategy, NOW_MS);
        expect(runningExperiment(changed(next))).toBeDefined();
      }),
      { numRuns: 400, seed: 7 },
    );
    // The histories reach what they are about.
    expect(runs).toBeGreaterThan(40);
  });
});
