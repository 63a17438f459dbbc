// The loop and a clock on the wall that is wrong for a while, through its runner: named by what people saw.

import { expect, it } from '@jest/globals';
import { ManualClock } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { dataset, drift, HOUR_MS, live, model, policy } from '../../test/a-loop.js';
import { HELD_MS } from './held-clock.js';
import { LoopRunner } from './loop-runner.js';
import { DAY_MS, type LoopState, startedWithinDay } from './loop-state.js';

const MINUTE_MS = 60_000;
const START_MS = 10 * DAY_MS;

class TwoClocks extends ManualClock {
  setMs = START_MS;

  override nowMs(): number {
    return this.monotonicMs() + this.setMs;
  }
}

/** Of one project; it waits by minutes. */
async function aLoop(over: Partial<LoopState>, retrain: Partial<Project['retrain']> = {}, setMs = START_MS) {
  const clock = new TwoClocks();
  clock.setMs = setMs;
  const saved: LoopState[] = [];
  const logged: string[] = [];
  const effect = async () => undefined;
  const runner = new LoopRunner(
    {
      load: async () => null,
      save: async (_project, _createdAtMs, state) => void saved.push(structuredClone(state)),
      remove: async () => undefined,
      projects: async () => [],
    },
    { startTraining: effect, startRollout: effect, rollback: effect, compare: effect },
    clock,
    { info: (message) => void logged.push(message), error: (message) => void logged.push(message) },
  );
  const project = {
    ...{ name: 'p', scope: { metric: policy.metric }, data: { label: { delayMs: 0 }, versionEveryMs: MINUTE_MS } },
    ...{ rollout: { automatic: true, probation: policy.probation }, monitoring: { allowedLatenessMs: 0 } },
    retrain: { ...policy.retrain, ...retrain },
  } as unknown as Project;
  await runner.define(project, 0);
  Object.assign(runner.stateOf('p'), over);
  return {
    ...{ runner, clock, saved, logged },
    state: () => runner.stateOf('p'),
    used: () => startedWithinDay(runner.stateOf('p').startedAtMs, clock.nowMs()).length,
    tick: async (afterMs: number) => {
      clock.advance(afterMs);
      await runner.tick();
    },
    /** How many minutes pass until this is over; it gives up after three days. */
    lasts: async (phase: LoopState['phase']) => {
      let minutes = 0;
      for (; runner.stateOf('p').phase === phase && minutes < 4_320; minutes++) {
        clock.advance(MINUTE_MS);
        await runner.tick();
      }
      return minutes;
    },
  };
}

it('a clock that is ahead for a tick ends no pause, and frees nothing of the budget', async () => {
  const pause = { phase: 'cooling', coolUntilMs: START_MS + 6 * HOUR_MS } as const;
  const loop = await aLoop({ ...pause, startedAtMs: [START_MS - 23 * HOUR_MS] }, { cooldownMs: 6 * HOUR_MS });
  for (let i = 0; i < 3; i++) {
    loop.clock.setMs += 5 * HOUR_MS;
    await loop.tick(1_000);
    loop.clock.setMs -= 5 * HOUR_MS;
    await loop.tick(1_000);
  }
  expect([loop.state().coolUntilMs - START_MS, loop.used(), loop.saved]).toEqual([6 * HOUR_MS, 1, []]);
  expect(await loop.lasts('cooling')).toBe(360);
  expect(loop.logged).toContain('the clock is ahead all at once: it is not believed unless it stays so');
});

it('a clock that is ahead for a tick gives no rollout and no training up, and asks nobody for less', async () => {
  const route = { liveVersion: 1, routeRevision: 1, handledVersion: 1 };
  const rollout = { ...route, phase: 'rolling_out', waitingVersion: 2, rollingSinceMs: START_MS } as const;
  const loop = await aLoop(rollout);
  loop.clock.setMs += 125 * MINUTE_MS;
  await loop.tick(1_000);
  loop.clock.setMs -= 125 * MINUTE_MS;
  expect(await loop.lasts('rolling_out')).toBe(125);

  const training = await aLoop({});
  for (const input of [live(1), dataset(1), dataset(2), dataset(3), dataset(4), drift()])
    await training.runner.apply('p', input);
  expect(training.state().phase).toBe('training');
  training.clock.setMs += 30 * HOUR_MS;
  await training.tick(HELD_MS / 2);
  training.clock.setMs -= 30 * HOUR_MS;
  expect(await training.lasts('training')).toBe(24 * 60 - 30);

  const asked = await aLoop({}, { approval: 'manual', approvalExpiresMs: 2 * HOUR_MS });
  for (const input of [live(1), dataset(1), dataset(2), dataset(3), dataset(4), drift()])
    await asked.runner.apply('p', input);
  expect(asked.state().phase).toBe('approval');
  asked.clock.setMs += 30 * HOUR_MS;
  await asked.tick(HELD_MS / 2);
  asked.clock.setMs -= 30 * HOUR_MS;
  expect(await asked.lasts('approval')).toBe(90);
});

it('a clock that was behind for years and is set right is believed in time: a schedule goes by it, a training goes on', async () => {
  const loop = await aLoop({ liveSinceMs: 1 }, { everyMs: 30 * DAY_MS }, 1);
  await loop.runner.apply('p', live(1));
  await loop.runner.apply('p', dataset(1));
  expect(loop.state().phase).toBe('calm');
  loop.clock.setMs = 20_000 * DAY_MS;
  await loop.tick(MINUTE_MS);
  expect(loop.state().phase).toBe('calm');
  // Begun while the clock is not believed.
  for (const input of [dataset(2), dataset(3), dataset(4), drift()]) await loop.runner.apply('p', input);
  expect(loop.state().phase).toBe('training');
  await loop.tick(HELD_MS);
  const { history, phase, trainingSinceMs } = loop.state();
  expect([phase, history.at(-1)?.message]).toEqual([
    'training',
    'the clock has stayed ahead by 1728000000 s: it is believed, and that time counts as passed',
  ]);
  expect([loop.clock.nowMs() - trainingSinceMs, loop.used()]).toEqual([HELD_MS, 1]);
  expect(await loop.lasts('training')).toBe(24 * 60 - 60);
});

it('a machine that slept has waited for as long: the pause is over when its clock is believed', async () => {
  const pause = { phase: 'cooling', coolUntilMs: START_MS + 6 * HOUR_MS } as const;
  const loop = await aLoop(pause, { cooldownMs: 6 * HOUR_MS });
  await loop.tick(MINUTE_MS);
  loop.clock.setMs += 8 * HOUR_MS;
  await loop.tick(0);
  expect(await loop.lasts('cooling')).toBe(HELD_MS / MINUTE_MS);
});

it('a clock that is believed and taken back later leaves older waits as they were, and moves those since', async () => {
  const pause = { phase: 'cooling', coolUntilMs: START_MS + 10 * HOUR_MS } as const;
  const loop = await aLoop({ ...pause, startedAtMs: [START_MS - 20 * HOUR_MS] }, { cooldownMs: 10 * HOUR_MS });
  await loop.tick(MINUTE_MS);
  loop.clock.setMs += 5 * HOUR_MS;
  await loop.tick(0);
  await loop.tick(HELD_MS);
  expect(loop.used()).toBe(0);
  // Told by the clock that is ahead.
  await loop.runner.apply('p', model(2, 'hand'));
  const { rollingSinceMs } = loop.state();
  expect([loop.state().phase, rollingSinceMs]).toEqual(['rolling_out', loop.clock.nowMs()]);
  loop.clock.setMs -= 5 * HOUR_MS;
  await loop.tick(0);
  expect([loop.state().coolUntilMs, loop.used()]).toEqual([START_MS + 10 * HOUR_MS, 1]);
  expect(await loop.lasts('rolling_out')).toBe(125);
});
