import { describe, expect, it } from '@jest/globals';
import type { Project } from '@millrace/project';
import { dataset, drift, HOUR_MS, live, model, policy, run } from '../../test/a-loop.js';
import { advance } from './loop-advance.js';
import { wordFault } from './loop-approval.js';
import { initialLoopState, type LoopInput, type LoopPolicy, type LoopState } from './loop-state.js';
import { loopWait } from './loop-wait.js';

const approve = (by: string, reason = ''): LoopInput => ({ kind: 'approve', by, reason });
const reject = (by: string, reason: string): LoopInput => ({ kind: 'reject', by, reason });
const tick: LoopInput = { kind: 'tick' };
const last = ({ history }: LoopState) => history.at(-1)?.message;
const kinds = (effects: readonly { kind: string }[]) => effects.map(({ kind }) => kind);

const four: LoopPolicy = {
  ...policy,
  retrain: { ...policy.retrain, approval: 'manual', approvers: 2, approvalExpiresMs: 2 * HOUR_MS },
};
const byHand: LoopPolicy = {
  ...policy,
  rolloutAutomatic: false,
  retrain: { ...policy.retrain, approvers: 2, approvalExpiresMs: 2 * HOUR_MS },
};
const waits = (state: LoopState, { retrain, rolloutAutomatic: automatic }: LoopPolicy) =>
  loopWait(state, { name: 'p', retrain, rollout: { automatic }, data: { label: {} }, monitoring: {} } as Project, 1);
const asking = () => run([live(1), drift(), dataset(3)], initialLoopState(), four).state;
const waiting = () => run([live(1), drift(), dataset(3), model(2, 'c1')], initialLoopState(), byHand).state;

describe('a retraining that people approve', () => {
  it('begins when two different ones have; the same name twice is one', () => {
    const state = asking();
    expect(waits(state, four).for).toBe('2 people to approve the retraining');
    const one = run([approve('anna', 'a storm'), approve(' ANNA ')], state, four);
    expect([one.state.phase, one.effects, one.state.approvals.length]).toEqual(['approval', [], 1]);
    expect(last(one.state)).toBe(
      'the retraining is approved (anna: a storm): it waits for a second person beside anna',
    );
    expect(waits(one.state, four)).toMatchObject({
      for: 'a second person beside anna to approve the retraining',
      untilMs: one.state.askedSinceMs + 2 * HOUR_MS,
    });
    expect(wordFault(one.state, four, { kind: 'approve', by: 'Anna' })).toBe(
      'Anna has approved the retraining already: it waits for a second person beside anna',
    );
    expect(wordFault(one.state, four, { kind: 'approve', by: 'bob' })).toBeUndefined();
    const both = run([approve('bob')], one.state, four);
    expect([both.state.phase, kinds(both.effects)]).toEqual(['training', ['start_training']]);
  });

  it('is given up when its time is over: the drift stays open and is asked about again after the pause', () => {
    const one = run([approve('anna')], asking(), four).state;
    const over = advance(one, tick, four, 3 * HOUR_MS).state;
    expect([over.phase, over.episode, over.openDrifts.map(({ tries }) => tries)]).toEqual(['cooling', null, [0]]);
    expect(last(over)).toBe(
      'the retraining did not begin in time, it waited for a second person beside anna: it is given up',
    );
    const again = advance(over, tick, four, 4 * HOUR_MS).state;
    expect(again.phase).toBe('approval');
    // What anna said was of the question before: the next try has the same episode, and asks both again.
    const bob = advance(again, approve('bob'), four, 4 * HOUR_MS);
    expect([bob.state.phase, bob.effects, again.approvals]).toEqual(['approval', [], []]);
    expect(waits(bob.state, four).for).toBe('a second person beside bob to approve the retraining');
  });

  it('is rejected by one: it counts as tried', () => {
    const { state, effects } = run([reject('bob', 'wait for the new sensors')], asking(), four);
    expect([state.phase, effects, state.openDrifts.map(({ tries }) => tries)]).toEqual(['cooling', [], [1]]);
    expect(last(state)).toBe('the retraining is rejected (bob: wait for the new sensors)');
    expect(state.answered).toMatchObject({ outcome: 'refused', by: 'bob', reason: 'wait for the new sensors' });
    expect(state.answered?.about).toMatch(/^retraining .* since \d+$/);
  });

  it('is not what a stop leaves approved', () => {
    const stopped = run([approve('anna'), { kind: 'stop', by: 'eve', reason: 'fire' }], asking(), four).state;
    expect([last(stopped), stopped.approvals]).toEqual(['stopped by the kill switch (eve: fire)', []]);
    expect(wordFault(stopped, four, { kind: 'approve', by: 'bob' })).toContain('its loop is stopped');
  });
});

describe('a version that people let live', () => {
  it('is rolled out when two different ones have approved it', () => {
    const state = waiting();
    expect(state).toMatchObject({ phase: 'cooling', waitingVersion: 2 });
    expect(kinds(run([tick, approve('anna')], state, byHand).effects)).toEqual([]);
    const both = run([approve('anna'), approve('bob')], state, byHand);
    expect(both.effects).toMatchObject([{ kind: 'start_rollout', version: 2 }]);
    expect(both.state.phase).toBe('rolling_out');
  });

  it('is not approved by what was said of the one before it', () => {
    const one = run([approve('anna'), model(3, 'hand')], waiting(), byHand).state;
    expect(last(one)).toBe('version 3 is blessed and waits for a rollout by hand, in place of version 2');
    const { effects, state } = run([approve('bob')], one, byHand);
    expect(effects).toEqual([]);
    const calm = advance(state, tick, byHand, HOUR_MS).state;
    expect(waits(calm, byHand).for).toBe('a second person beside bob to approve the rollout of version 3');
  });

  it('is left to a rollout by hand when it is rejected, or its time is over', () => {
    const rejected = run([reject('bob', 'no'), tick], waiting(), byHand);
    expect([rejected.state.waitingVersion, rejected.effects]).toEqual([0, []]);
    expect(last(rejected.state)).toBe(
      'the rollout of version 2 is rejected (bob: no): it is left to a rollout by hand',
    );
    const over = advance(waiting(), tick, byHand, 3 * HOUR_MS).state;
    expect(over.waitingVersion).toBe(0);
    expect(over.history.map(({ message }) => message)).toContain(
      'the rollout of version 2 was not approved in time, it waited for 2 people: it is left to a rollout by hand',
    );
  });

  it('waits for the router to end another rollout, and goes on by itself', () => {
    const state = waiting();
    const loading = run([live(1, 0, 'loading', 9)], state, byHand).state;
    const both = run([approve('anna'), approve('bob')], loading, byHand);
    expect(both.effects).toEqual([]);
    expect(waits(both.state, byHand).for).toBe('the rollout of version 9, before that of version 2');
    const { effects } = run([live(1, 0, 'failed', 9), tick], both.state, byHand);
    expect(effects).toMatchObject([{ kind: 'start_rollout', version: 2 }]);
  });
});
