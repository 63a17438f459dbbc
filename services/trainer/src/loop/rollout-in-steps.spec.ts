// Symptom: a rollout was given up when its time was over, and counted as refused by the router, also while the
// version had a part of the traffic and was getting more of it.

import { describe, expect, it } from '@jest/globals';
import type { RolloutPhase } from '@millrace/routing';
import { dataset, drift, HOUR_MS, live, model, policy, run } from '../../test/a-loop.js';
import { advance } from './loop-advance.js';
import type { LoopInput, LoopState } from './loop-state.js';

const route = (revision: number, phase: RolloutPhase, over: object = {}): LoopInput => ({
  ...{ kind: 'route', revision, liveVersion: 1, previousVersion: 0, rolloutVersion: 2, phase, message: '' },
  ...over,
});
const rolling = run([live(1), drift(), dataset(3), model(2, 'c1')]).state;
const inSteps = run([route(5, 'loading'), route(6, 'progressing', { previousVersion: 1 })], rolling).state;
const at = (state: LoopState, hours: number) => advance(state, { kind: 'tick' }, policy, hours * HOUR_MS);

describe('a loop that waits for a rollout in steps', () => {
  it('waits as long as its steps take, also where the version has most of the traffic, and asks for none again', () => {
    const most = run([route(7, 'progressing', { liveVersion: 2, previousVersion: 1 })], inSteps).state;
    for (const state of [inSteps, most])
      expect(at(state, 240)).toMatchObject({ state: { phase: 'rolling_out', waitingVersion: 2 }, effects: [] });
    const done = run([route(8, 'promoted', { liveVersion: 2, previousVersion: 1 })], most).state;
    expect(done).toMatchObject({ phase: 'cooling', probationVersion: 2, waitingVersion: 0 });
  });

  it('is told of an abort at once, with its reason, and does not roll the version out again', () => {
    const aborted = run([route(7, 'failed', { message: 'aborted by ada: p99 doubled' })], inSteps).state;
    expect(aborted).toMatchObject({ phase: 'cooling', waitingVersion: 0 });
    expect(aborted.history.at(-1)?.message).toBe('the rollout failed: aborted by ada: p99 doubled');
    expect(run([{ kind: 'tick' }], aborted).effects).toEqual([]);
  });

  it('ends where somebody puts another version in its place', () => {
    const other = run([route(7, 'promoted', { rolloutVersion: 1 })], inSteps).state;
    expect(other).toMatchObject({ phase: 'cooling', waitingVersion: 0 });
    expect(other.history.at(-1)?.message).toBe('the rollout was ended: version 1 was put in its place');
  });

  it('counts the time again for the next rollout, of which nothing is heard', () => {
    const stopped = run([{ kind: 'stop' }, { kind: 'resume' }, model(3, 'by-hand')], inSteps).state;
    const next = run([route(7, 'failed'), { kind: 'tick' }], stopped).state;
    expect(next).toMatchObject({ phase: 'rolling_out', waitingVersion: 3, inSteps: false });
    expect(at(next, 3).state.phase).toBe('cooling');
  });

  it("does not end a person's rollout in steps by one of its own", () => {
    const byHand = run([live(1), route(5_000, 'progressing', { rolloutVersion: 2, previousVersion: 1 })]).state;
    const { state, effects } = run([model(3, 'x'), { kind: 'tick' }], byHand);
    expect([state.phase, state.waitingVersion, effects]).toEqual(['calm', 3, []]);
    const over = run([route(5_001, 'failed'), { kind: 'tick' }], state);
    expect(over.effects).toMatchObject([{ kind: 'start_rollout', version: 3 }]);
  });
});
