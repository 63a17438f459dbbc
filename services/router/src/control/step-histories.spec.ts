// Rollouts in steps, and switches with checks, under owners that crash: seeded histories in which commands come
// late, twice, out of order or not at all, two routers hand the partition to each other, and one dies at a write,
// before or after the log has it. The log fences as Kafka does: who has lost the partition writes nothing.
//
// Of each history: what the log has keeps the rules of a route at every revision, nobody writes over another's
// revision, a failed rollout has nothing, no version is unloaded before its time, no experiment runs beside a rollout,
// and a kill is in force whatever step came beside it. Then all commands end, and within a bounded time experiment and
// rollout are over, or the route says for which person the rollout waits, and what has nothing to do is unloaded.

import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import {
  type Route,
  type RouteAction,
  type RouteCommand,
  readyVersions,
  rolloutProgress,
  runningExperiment,
  strategyNamed,
} from '@millrace/routing';
import { historiesToRun } from '@millrace/testing';
import { Time, turn } from '../../test/still-time.js';
import { SwitchLog } from '../outcomes/switch-log.js';
import { RouteTable } from '../routing/route-table.js';
import { RouteOwner } from './route-owner.js';
import type { StepAnswer } from './step-watch.js';

/** So many histories a run; each has its own seed. */
const HISTORIES = historiesToRun(2_000);
const TIMEOUT_MS = 60_000 + 30 * HISTORIES;
const LOAD_TIMEOUT_MS = 5_000;
const STEP_MS = 10_000;
const STRATEGY = strategyNamed('canary', {
  steps: [{ weight: 5, forMs: STEP_MS }, { weight: 20, forMs: STEP_MS }, { weight: 50 }],
});
const TIMED = strategyNamed('canary', {
  steps: [
    { weight: 5, forMs: STEP_MS },
    { weight: 50, forMs: STEP_MS },
  ],
});
const KEEP_MS = 15_000;
const WITHIN_MS = 20_000;
const CHECKED = strategyNamed('blue_green', {
  checks: {
    before: { copies: 10, forMs: STEP_MS, withinMs: WITHIN_MS },
    after: { copies: 10, forMs: STEP_MS },
  },
  keepMs: KEEP_MS,
});
const BY_HAND = strategyNamed('blue_green', { checks: { before: { copies: 10 } }, keepMs: KEEP_MS });

type Crash = 'no' | 'before' | 'after';

/** routes.v1: one writer at a time. */
class Log {
  readonly written: { route: Route; by: number }[] = [];
  epoch = 0;

  get last(): Route | undefined {
    return this.written.at(-1)?.route;
  }
}

class World {
  readonly time = new Time();
  readonly log = new Log();
  /** What serving has loaded and calls ready. */
  readonly ready = new Set<number>();
  answer: StepAnswer | 'throws' = 'yes';
  crash: Crash = 'no';
  /** The same at one write, counted from 1. */
  crashAtWrite = 0;
  crashThere: Crash = 'before';
  writes = 0;
  /** What has nothing to do is unloaded. */
  readonly keeps: boolean;
  private owner: RouteOwner;
  private readonly sent: RouteCommand[] = [];
  private serial = 0;

  constructor(
    readonly rng: Rng,
    private readonly strategy: typeof STRATEGY,
  ) {
    this.keeps = strategy.keepMs !== undefined;
    this.owner = this.newOwner();
  }

  /** As the router's tick does it, for as long as it goes on. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 1_000) {
      await this.time.pass(Math.min(left, 1_000));
      await this.owner.unloadSpare('p');
    }
  }

  /** A router that takes the partition over, and reads what is there. The one before may live on. */
  takeOver(): void {
    this.owner = this.newOwner();
    if (this.log.last !== undefined) this.owner.resume(this.log.last);
  }

  private newOwner(): RouteOwner {
    const epoch = ++this.log.epoch;
    const table = new RouteTable();
    if (this.log.last !== undefined) table.apply(this.log.last);
    let isDead = false;
    const write = async (route: Route): Promise<void> => {
      // The rest of the process goes on meanwhile.
      await Promise.resolve();
      if (isDead || epoch !== this.log.epoch) throw new Error('fenced');
      this.writes += 1;
      const crash = this.writes === this.crashAtWrite ? this.crashThere : this.crash;
      this.crash = 'no';
      if (crash !== 'before') this.log.written.push({ route, by: epoch });
      if (crash === 'no') return;
      isDead = true;
      throw new Error(`died ${crash} the write`);
    };
    return new RouteOwner(
      table,
      new SwitchLog(() => 0),
      { write, remove: async () => undefined },
      {
        modelReady: async (_, version) => !isDead && this.ready.has(version),
        readySomewhere: async (_, version) => !isDead && this.ready.has(version),
      },
      {
        ...{ clock: this.time.clock, loadTimeoutMs: LOAD_TIMEOUT_MS, sleep: this.time.sleep },
        ...{ failures: () => 0, createdAtMs: () => 0, strategyOf: () => this.strategy, mixed: () => undefined },
        versions: { fault: () => undefined, isGone: () => false, upToNow: async () => undefined },
        mayAdvance: () => {
          if (this.answer === 'throws') throw new Error('the analysis is broken');
          return this.answer;
        },
        onSettled: () => undefined,
        onError: () => undefined,
      },
    );
  }

  /** As Kafka delivers: again until it was applied or refused, or never. */
  async send(action: RouteAction, delivery: 'once' | 'lost' = 'once', expectedRevision = 0): Promise<void> {
    this.serial += 1;
    const facts = { id: `c${this.serial}`, project: 'p', issuedAtMs: 0, correlationId: '', reason: 'r' };
    const command: RouteCommand = { ...facts, expectedRevision, action };
    this.sent.push(command);
    if (delivery === 'once') await this.deliver(command);
  }

  /** One of earlier, delivered or lost: late, again, out of order. */
  async deliverOld(): Promise<void> {
    const old = this.sent[this.rng.below(Math.max(1, this.sent.length))];
    if (old !== undefined) await this.deliver(old);
  }

  private async deliver(command: RouteCommand): Promise<void> {
    for (let tries = 0; tries < 5; tries++) {
      const applied = await this.owner.apply(command).then(
        () => true,
        () => false,
      );
      if (applied) return;
      this.takeOver();
    }
  }
}

const VERSIONS = [1, 2, 3, 4];
const KINDS = [
  ...(['startRollout', 'advance', 'pause', 'resume', 'abort', 'rollback', 'promote'] as const),
  ...(['startExperiment', 'startExperiment', 'setExperimentWeights', 'endExperiment'] as const),
];
/** Shorter than what a history has to come to rest. */
const EXPERIMENT_MS = 15_000;

function anyAction(rng: Rng): RouteAction {
  const kind = KINDS[rng.below(KINDS.length)] ?? 'abort';
  const version = VERSIONS[rng.below(VERSIONS.length)] ?? 1;
  if (kind === 'rollback') return { kind };
  const weight = 10 + rng.below(81);
  const arms = [
    { version, weight },
    { version: (version % VERSIONS.length) + 1, weight: 100 - weight },
  ];
  if (kind === 'startExperiment')
    return { kind, name: 'prices', arms, control: 0, share: 1 + rng.below(100), forMs: EXPERIMENT_MS };
  if (kind === 'setExperimentWeights') return { kind, name: '', weights: arms, share: 0 };
  if (kind === 'endExperiment') return { kind, name: '', winner: rng.below(3) === 0 ? version : 0 };
  if (kind === 'startRollout' || kind === 'promote') return { kind, version };
  return { kind, version: rng.below(3) === 0 ? version : 0 };
}

async function happen(world: World): Promise<void> {
  const { rng } = world;
  const what = rng.below(12);
  if (what < 4) await world.send(anyAction(rng));
  else if (what === 4) await world.send(anyAction(rng), 'lost');
  else if (what === 5) await world.deliverOld();
  else if (what === 6) world.takeOver();
  else if (what === 7) world.crash = rng.below(2) === 0 ? 'before' : 'after';
  else if (what === 8) {
    const version = VERSIONS[rng.below(VERSIONS.length)] ?? 1;
    if (!world.ready.delete(version)) world.ready.add(version);
  } else if (what === 9) {
    const answers: World['answer'][] = ['yes', 'yes', 'not yet', 'throws', { abort: 'worse' }, { pause: 'unsure' }];
    world.answer = answers[rng.below(answers.length)] ?? 'yes';
  } else await world.pass(rng.below(3 * STEP_MS));
}

function checkLog(log: Log): void {
  log.written.forEach(({ route }, i) => {
    const before = log.written[i - 1]?.route;
    // Two owners never write the same revision, nor over what they did not know.
    expect(route.revision).toBe((before?.revision ?? 0) + 1);
    const sum = route.targets.reduce((total, { weight }) => total + weight, 0);
    expect(route.targets.length === 0 || sum === 100).toBe(true);
    const ready = readyVersions(route);
    for (const { version } of route.targets) expect(ready).toContain(version);
    if (route.rollout.phase === 'failed' && before?.rollout.phase !== 'failed')
      expect(route.targets.map(({ version }) => version)).not.toContain(route.rollout.version);
    if (route.rollout.phase !== 'progressing') expect(route.rollout.steps).toBeUndefined();
    checkUnloaded(before, route);
    if (runningExperiment(route) !== undefined)
      expect(['loading', 'ready', 'progressing']).not.toContain(route.rollout.phase);
  });
}

/**
 * A version goes with its own load, with the next rollout or experiment, as an arm that serving does not have, or when
 * its time is over; never while it has work.
 */
function checkUnloaded(before: Route | undefined, route: Route): void {
  const gone = before?.loadedVersions.filter((version) => !route.loadedVersions.includes(version)) ?? [];
  if (before === undefined || gone.length === 0) return;
  for (const version of gone) {
    expect(before.targets.map((target) => target.version)).not.toContain(version);
    expect(route.targets.map((target) => target.version)).not.toContain(version);
  }
  const isNext = route.rollout.phase === 'loading' || route.experiment?.fromRevision === route.revision;
  const arms = runningExperiment(before)?.arms.filter(({ isReady }) => !isReady) ?? [];
  const isArm = gone.every((version) => arms.some((arm) => arm.version === version));
  const isItsLoad = before.rollout.phase === 'loading' && gone.join() === String(before.rollout.version);
  if (!isNext && !isItsLoad && !isArm) expect(before.keepUntilMs).toBeLessThanOrEqual(route.changedAtMs);
}

/** Nobody commands any more; who holds the partition lives. */
async function comesToRest(world: World): Promise<void> {
  const { time, log } = world;
  world.crash = 'no';
  world.takeOver();
  const boundMs = LOAD_TIMEOUT_MS + 2 * (WITHIN_MS + LOAD_TIMEOUT_MS) + KEEP_MS + 15_000;
  await world.pass(boundMs);
  const route = log.last;
  if (route === undefined) return;
  // Its time is in the route: whoever has the partition ends it.
  expect(runningExperiment(route)).toBeUndefined();
  const { phase, steps } = route.rollout;
  expect(['idle', 'promoted', 'failed', 'progressing']).toContain(phase);
  expect(route.keepUntilMs).toBeUndefined();
  const busy = [...route.targets.map(({ version }) => version), ...route.shadows].sort();
  if (phase !== 'progressing' && world.keeps) expect([...route.loadedVersions]).toEqual(busy);
  if (phase !== 'progressing') return;
  const progress = rolloutProgress(route, time.nowMs);
  expect(steps).toBeDefined();
  const waitsForPerson = steps?.pause !== undefined || steps?.dueMs === undefined;
  // Nothing waits for the analysis for ever before a switch.
  if (steps?.plan[steps.at]?.weight === 0) expect(waitsForPerson).toBe(true);
  expect(waitsForPerson || world.answer === 'not yet' || world.answer === 'throws').toBe(true);
  expect(progress?.waitsFor).toMatch(waitsForPerson ? /^a person to/ : /the analysis to agree$/);
}

const STRATEGIES = [STRATEGY, CHECKED, TIMED, BY_HAND];

describe('rollouts in steps and experiments whose owners crash', () => {
  it(
    `keep their rules and come to rest, in ${HISTORIES} histories`,
    async () => {
      const seen = { promoted: 0, failed: 0, progressing: 0 } as Record<string, number>;
      const ends = { 'its time is over': 0, began: 0, 'rolled back': 0 } as Record<string, number>;
      for (let seed = 1; seed <= HISTORIES; seed++) {
        const rng = seededRng(seed);
        const world = new World(rng, STRATEGIES[seed % STRATEGIES.length] as typeof STRATEGY);
        for (const version of VERSIONS) world.ready.add(version);
        const steps = 5 + rng.below(20);
        for (let step = 0; step < steps; step++) await happen(world);
        await comesToRest(world);
        checkLog(world.log);
        const phase = world.log.last?.rollout.phase ?? 'idle';
        seen[phase] = (seen[phase] ?? 0) + 1;
        for (const why of Object.keys(ends))
          if (world.log.written.some(({ route }) => route.experiment?.end?.reason.includes(why)))
            ends[why] = (ends[why] ?? 0) + 1;
      }
      // The histories are worth something: many come to each end.
      for (const phase of ['promoted', 'failed', 'progressing']) expect(seen[phase]).toBeGreaterThan(HISTORIES / 80);
      for (const count of Object.values(ends)) expect(count).toBeGreaterThan(HISTORIES / 200);
    },
    TIMEOUT_MS,
  );

  it(
    'a kill is in force whatever step comes beside it, and whoever dies at its write',
    async () => {
      for (let seed = 1; seed <= HISTORIES / 4; seed++) {
        const rng = seededRng(seed);
        const world = new World(rng, seed % 2 === 0 ? TIMED : CHECKED);
        for (const version of VERSIONS) world.ready.add(version);
        await world.send({ kind: 'startRollout', version: 1 });
        await world.time.pass(1_000);
        await world.send({ kind: 'startRollout', version: 2 });
        await world.time.pass(1_000 + rng.below(STEP_MS - 2_000));
        const seen = world.log.last?.revision ?? 0;
        const crashes: Crash[] = ['no', 'before', 'after'];
        world.crash = crashes[rng.below(3)] ?? 'no';
        const kill: RouteAction = rng.below(2) === 0 ? { kind: 'abort', version: 2 } : { kind: 'rollback' };
        const skip = (): Promise<void> => world.send({ kind: 'advance', version: 0 });
        const killed = (): Promise<void> => world.send(kill, 'once', seen);
        // A step by hand just before, or by its time in the same moment.
        if (rng.below(2) === 0) await Promise.all([skip(), killed()]);
        else await Promise.all([world.time.pass(rng.below(2) * STEP_MS), killed()]);
        await world.time.pass(5 * STEP_MS);
        const route = world.log.last as Route;
        expect(route.targets).toMatchObject([{ version: 1, weight: 100 }]);
        expect(route.rollout).toMatchObject({ phase: 'failed', version: 2 });
        checkLog(world.log);
      }
    },
    TIMEOUT_MS,
  );

  it('an experiment ends by its time though a version beside it is unloaded meanwhile', async () => {
    const world = new World(seededRng(1), strategyNamed('blue_green', { keepMs: KEEP_MS }));
    for (const version of VERSIONS) world.ready.add(version);
    for (const version of [1, 2]) {
      await world.send({ kind: 'startRollout', version });
      await world.time.pass(1_000);
    }
    const arms = [2, 3].map((version) => ({ version, weight: 50 }));
    await world.pass(KEEP_MS - 5_000);
    await world.send({ kind: 'startExperiment', name: 'e', arms, control: 2, share: 100, forMs: EXPERIMENT_MS });
    await world.pass(7_000);
    expect(world.log.last).toMatchObject({ loadedVersions: [2, 3], previousVersion: 1 });
    world.ready.delete(3);
    await world.pass(3_000);
    expect(runningExperiment(world.log.last as Route)?.arms).toMatchObject([{ isReady: true }, { isReady: false }]);
    await world.pass(EXPERIMENT_MS);
    expect(world.log.last?.experiment?.end).toMatchObject({ reason: 'its time is over' });
    checkLog(world.log);
  });

  const LIFE: RouteAction[] = [
    { kind: 'startRollout', version: 1 },
    { kind: 'startRollout', version: 2 },
    { kind: 'pause', version: 2 },
    { kind: 'resume', version: 2 },
  ];
  it.each<[string, RouteAction[], object]>([
    ['is promoted', [], { targets: [{ version: 2, weight: 100 }], rollout: { phase: 'promoted', version: 2 } }],
    [
      'is aborted',
      [{ kind: 'abort', version: 2 }],
      { targets: [{ version: 1, weight: 100 }], rollout: { phase: 'failed', version: 2, message: 'aborted: r' } },
    ],
  ])('a rollout that %s comes to the same end whoever dies at whichever write', async (_, last, end) => {
    let writes = 1;
    for (let at = 0; at <= writes; at++) {
      for (const how of ['before', 'after'] as const) {
        const world = new World(seededRng(1), TIMED);
        for (const version of VERSIONS) world.ready.add(version);
        world.crashAtWrite = at;
        world.crashThere = how;
        for (const action of [...LIFE, ...last]) {
          await world.send(action);
          // Of a load: who has died at it is missed, and another one takes the partition.
          await world.time.pass(1_000);
          world.takeOver();
          await world.time.pass(1_000);
        }
        for (let i = 0; i < 4; i++) {
          await world.time.pass(STEP_MS);
          world.takeOver();
        }
        expect(world.log.last).toMatchObject(end);
        checkLog(world.log);
        // The life without a crash says how many writes there are.
        if (at === 0) writes = world.writes;
      }
    }
    expect(writes).toBeGreaterThanOrEqual(LIFE.length + last.length + 2);
  });
});
