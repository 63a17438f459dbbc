import { beforeEach, describe, expect, it } from '@jest/globals';
import { type BanditMove, emptyRoute, type Route, type StepOutcome } from '@millrace/routing';
import { Time } from '../../test/still-time.js';
import { type StepAnswer, StepWatch } from './step-watch.js';

const READY_MS_MAX = 5_000;
let time: Time;
let route: Route;
let outcomes: StepOutcome[];
let isReady: boolean;
let answer: StepAnswer;
let asked: number;
let isBroken: boolean;
let move: BanditMove;
let watch: StepWatch;

beforeEach(() => {
  time = new Time();
  move = { kind: 'stay' };
  [outcomes, isReady, answer, asked, isBroken] = [[], true, 'yes', 0, false];
  route = {
    ...emptyRoute('p'),
    revision: 4,
    rollout: {
      ...{ phase: 'progressing', version: 2, message: '' },
      steps: {
        ...{ plan: [{ weight: 5, forMs: 1_000 }], at: 0, sinceMs: time.nowMs, dueMs: time.nowMs + 1_000 },
        ...{ fromRevision: 4, salt: 7, baseline: [{ version: 1, weight: 100 }] },
      },
    },
  };
  const settle = async (_: string, outcome: StepOutcome): Promise<void> => {
    outcomes.push(outcome);
    if (!isBroken) route = { ...route, revision: route.revision + 1 };
  };
  watch = new StepWatch(
    { get: () => route, settle },
    { modelReady: async () => isReady },
    {
      ...{ clock: time.clock, readyTimeoutMs: READY_MS_MAX, sleep: time.sleep, onError: () => undefined },
      askBandit: () => move,
      mayAdvance: () => {
        asked += 1;
        return answer;
      },
    },
  );
});

const next = { kind: 'next', version: 2, revision: 4 };

describe('the watch of a step', () => {
  it('brings the next one when its time is up, once', async () => {
    watch.watch(route);
    watch.watch(route);
    await time.pass(999);
    expect([outcomes, asked]).toEqual([[], 0]);
    await time.pass(10_000);
    expect(outcomes).toEqual([next]);
  });

  it('waits while serving does not call the version ready, and ends the rollout where that lasts', async () => {
    isReady = false;
    watch.watch(route);
    await time.pass(1_000 + READY_MS_MAX - 500);
    expect(outcomes).toEqual([]);
    isReady = true;
    await time.pass(250);
    expect(outcomes).toEqual([next]);
    isReady = false;
    watch.watch(route);
    await time.pass(READY_MS_MAX + 500);
    expect(outcomes[1]).toEqual({
      ...{ kind: 'abort', version: 2, revision: 5, by: 'the router' },
      reason: `serving has not called it ready for ${READY_MS_MAX} ms`,
    });
    expect(asked).toBe(1);
  });

  it('the time for a version that is not ready began anew with each change of shadows, and the step never ended', async () => {
    isReady = false;
    watch.watch(route);
    await time.pass(1_000);
    for (let i = 0; i < 3; i++) {
      await time.pass(READY_MS_MAX / 4);
      route = { ...route, revision: route.revision + 1 };
      watch.watch(route);
    }
    expect(outcomes).toEqual([]);
    await time.pass(READY_MS_MAX / 4 + 500);
    expect(outcomes).toMatchObject([{ kind: 'abort', revision: 7, by: 'the router' }]);
  });

  it('pauses a check that has not been decided in time, whatever has become of the analysis', async () => {
    const steps = route.rollout.steps as NonNullable<Route['rollout']['steps']>;
    const plan = [{ weight: 0, copies: 10, forMs: 1_000, withinMs: 20_000 }];
    route = { ...route, rollout: { ...route.rollout, steps: { ...steps, plan, untilMs: time.nowMs + 20_000 } } };
    answer = 'not yet';
    watch.watch(route);
    await time.pass(24_000);
    expect(outcomes).toEqual([]);
    await time.pass(2_000);
    expect(outcomes).toEqual([
      {
        ...{ kind: 'pause', version: 2, revision: 4, by: 'the router' },
        reason: expect.stringContaining('has not decided in time'),
      },
    ]);
  });

  it('asks the analysis until it agrees, and hands on what it decides', async () => {
    answer = 'not yet';
    watch.watch(route);
    await time.pass(5_000);
    expect([outcomes, asked > 5]).toEqual([[], true]);
    answer = { pause: 'too few requests' };
    await time.pass(500);
    answer = { abort: 'p99 is twice that of version 1' };
    watch.watch(route);
    await time.pass(500);
    expect(outcomes).toEqual([
      { kind: 'pause', version: 2, revision: 4, by: 'the analysis', reason: 'too few requests' },
      { kind: 'abort', version: 2, revision: 5, by: 'the analysis', reason: 'p99 is twice that of version 1' },
    ]);
  });

  it('tries again what could not be written', async () => {
    isBroken = true;
    watch.watch(route);
    await time.pass(1_600);
    expect(outcomes.length).toBeGreaterThan(1);
    isBroken = false;
    await time.pass(500);
    const tries = outcomes.length;
    await time.pass(5_000);
    expect(outcomes.length).toBe(tries);
  });

  it('ends with the partition, and for a step without a time or in a pause', async () => {
    watch.watch(route);
    watch.end('p');
    await time.pass(5_000);
    const { rollout } = route;
    const pause = { sinceMs: 1, reason: '', by: '' };
    watch.watch(route);
    watch.watch({ ...route, rollout: { ...rollout, steps: { ...rollout.steps, pause } as never } });
    await time.pass(5_000);
    watch.watch({ ...route, rollout: { ...rollout, steps: { ...rollout.steps, dueMs: undefined } as never } });
    await time.pass(5_000);
    expect(outcomes).toEqual([]);
  });

  describe('of a bandit', () => {
    const EVERY_MS = 10_000;
    const figures = 'the figures';
    const at = { version: 2, revision: 4 };
    beforeEach(() => {
      const steps = route.rollout.steps as NonNullable<Route['rollout']['steps']>;
      const bandit = { floor: 5, everyMs: EVERY_MS, confidence: 0.95 };
      const plan = [{ weight: 5, forMs: 60_000 }];
      route = {
        ...route,
        changedAtMs: time.nowMs,
        rollout: { ...route.rollout, steps: { ...steps, plan, dueMs: time.nowMs + 60_000, bandit } },
      };
    });

    it('asks every so often what labels say, and moves its share without waiting for its time', async () => {
      watch.watch(route);
      await time.pass(EVERY_MS - 1);
      expect(outcomes).toEqual([]);
      move = { kind: 'weight', weight: 40, reason: figures };
      await time.pass(1_000);
      expect(outcomes).toEqual([{ kind: 'weight', ...at, weight: 40, reason: figures }]);
    });

    it('ends before its time where labels say so: for the new version only where the analysis agrees', async () => {
      move = { kind: 'promote', weight: 100, reason: figures };
      answer = 'not yet';
      watch.watch(route);
      await time.pass(2.5 * EVERY_MS);
      expect([outcomes, asked]).toEqual([[], 2]);
      answer = 'yes';
      await time.pass(EVERY_MS);
      expect(outcomes).toEqual([{ kind: 'next', ...at, reason: figures }]);
    });

    it('keeps the stable one without asking anybody, and is told when its time is over', async () => {
      const over: boolean[] = [];
      const options = { clock: time.clock, readyTimeoutMs: READY_MS_MAX, sleep: time.sleep, onError: () => undefined };
      const ends = new StepWatch(
        {
          get: () => route,
          settle: async (_, outcome) => {
            outcomes.push(outcome);
            route = { ...route, revision: route.revision + 1 };
          },
        },
        { modelReady: async () => true },
        {
          ...{ ...options, mayAdvance: () => 'not yet' as const },
          askBandit: (_, isOver) => {
            over.push(isOver);
            return isOver ? { kind: 'keep', weight: 0, reason: figures } : { kind: 'stay' };
          },
        },
      );
      ends.watch(route);
      await time.pass(61_000);
      expect(over).toEqual([false, false, false, false, false, true]);
      expect(outcomes).toEqual([{ kind: 'abort', ...at, by: 'the labels', reason: figures }]);
    });

    it('a version that serving does not call ready gets no other share, and is aborted where that lasts', async () => {
      isReady = false;
      move = { kind: 'weight', weight: 40, reason: figures };
      watch.watch(route);
      await time.pass(EVERY_MS + READY_MS_MAX + 1_000);
      expect(outcomes).toEqual([expect.objectContaining({ kind: 'abort', by: 'the router' })]);
    });
  });
});
