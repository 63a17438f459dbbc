// What the simulation found wrong, each by its symptom.

import { describe, expect, it } from '@jest/globals';
import { cohortOfVersion, ManualClock, PlatformError } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { dataset, drift, ended, HOUR_MS, live, model, policy, run } from '../../test/a-loop.js';
import { rollbackCommandId, rolloutCommandId } from './command-ids.js';
import { advance, pendingEffects } from './loop-advance.js';
import { type LoopActions, LoopRunner } from './loop-runner.js';
import { initialLoopState, type LoopInput, type LoopState } from './loop-state.js';

const tick: LoopInput = { kind: 'tick' };
const training = () => run([live(1), drift(), dataset(3)]).state;
const kinds = (effects: readonly { kind: string }[]) => effects.map(({ kind }) => kind);
const last = ({ history }: LoopState) => history.at(-1)?.message;

describe('a stop', () => {
  it('while a version was rolled out, and it was rolled out again after the loop was resumed', () => {
    const rolling = run([model(2, 'c1')], training()).state;
    const stopped = run([{ kind: 'stop' }], rolling).state;
    expect(last(stopped)).toBe('stopped by the kill switch; version 2 is left to a person');
    const resumed = run([{ kind: 'resume' }, tick, tick], stopped);
    // The drift is open still: another retraining may begin.
    expect(kinds([...resumed.effects, ...pendingEffects(resumed.state, policy)])).not.toContain('start_rollout');
  });

  it('after a rollout had timed out and people were to be asked since: it was rolled out once they approved', () => {
    const rolling = run([model(2, 'c1')], training()).state;
    const asking = { ...policy, rolloutAutomatic: false };
    const at = (state: LoopState, inputs: readonly LoopInput[], nowMs: number) =>
      inputs.reduce((result, input) => advance(result.state, input, asking, nowMs), {
        state,
        effects: [],
      } as ReturnType<typeof advance>);
    const timedOut = at(rolling, [tick], 3 * HOUR_MS).state;
    expect(timedOut).toMatchObject({ phase: 'cooling', waitingVersion: 2, rolloutTries: 1 });
    const stopped = at(timedOut, [{ kind: 'stop' }], 3 * HOUR_MS).state;
    expect(last(stopped)).toBe('stopped by the kill switch; version 2 is left to a person');
    const approve = { kind: 'approve', by: 'anna', reason: 'r' } as const;
    expect(at(stopped, [{ kind: 'resume' }, approve, tick], 4 * HOUR_MS).effects).toEqual([]);
  });

  it('while it trained, and what the training made went live after the loop was resumed', () => {
    const { state, effects } = run([{ kind: 'stop' }, { kind: 'resume' }, model(2, 'c1'), tick], training());
    expect(kinds(effects)).not.toContain('start_rollout');
    expect(state.history.map(({ message }) => message)).toContain(
      'version 2 is of a training that a stop has ended: it waits for a rollout by hand',
    );
    // One that a person has asked for goes live as ever.
    expect(
      run([model(3, 'hand'), tick], run([{ kind: 'stop' }, { kind: 'resume' }], training()).state).effects,
    ).toMatchObject([{ kind: 'start_rollout', version: 3 }]);
  });

  it('after a training had been given up for its silence, and what it made went live all the same', () => {
    const givenUp = advance(training(), tick, policy, 30 * HOUR_MS).state;
    expect(givenUp.phase).toBe('cooling');
    const resumed = run([{ kind: 'stop' }, { kind: 'resume' }], givenUp).state;
    expect(kinds(run([model(2, 'c1'), tick], resumed).effects)).not.toContain('start_rollout');
  });

  it('within the pause after a retraining, and the pause was over when the loop was resumed', () => {
    const cooling = run([{ kind: 'training_failed', trainingId: 'c1', message: 'm' }], training()).state;
    const { state } = run([{ kind: 'stop' }, { kind: 'resume' }], cooling);
    expect([state.phase, state.coolUntilMs]).toEqual(['cooling', cooling.coolUntilMs]);
  });
});

describe('a version that came while another one was rolled out', () => {
  it('was taken for the one that was on its way: that one never arrived, and a restart began the second at once', () => {
    const rolling = run([model(2, 'c1'), model(3, 'hand')], training());
    expect(pendingEffects(rolling.state, policy)).toMatchObject([{ version: 2 }]);
    const done = run([live(2, 1)], rolling.state);
    expect(done.state).toMatchObject({ phase: 'cooling', probationVersion: 2, waitingVersion: 3 });
    expect(advance(done.state, tick, policy, HOUR_MS).effects).toMatchObject([{ kind: 'start_rollout', version: 3 }]);
  });

  it('was forgotten, where the first one ended in its steps', () => {
    const begun = training();
    const inSteps = run([model(2, 'c1'), live(1, 0, 'progressing', 2), model(3, 'hand')], begun).state;
    expect(inSteps.inSteps).toBe(true);
    const over = run([live(1, 0, 'promoted', 1)], inSteps).state;
    expect([over.phase, over.waitingVersion]).toEqual(['cooling', 3]);
  });

  it('was asked for while the router was known to load another one', () => {
    const { state, effects } = run([live(1), live(1, 0, 'loading', 2), model(3, 'hand')]);
    expect([effects, state.waitingVersion]).toEqual([[], 3]);
    expect(run([live(1, 0, 'failed', 2), tick], state).effects).toMatchObject([{ version: 3 }]);
  });
});

describe('a version that a person took back', () => {
  it('was rolled out again, where the loop had not seen it in service', () => {
    const rolling = run([model(2, 'c1')], training()).state;
    const taken = { ...live(1, 0, 'promoted', 1), commandIds: [rolloutCommandId({ version: 2 }), 'by hand'] };
    const over = run([taken], rolling).state;
    expect([over.phase, over.waitingVersion]).toEqual(['cooling', 0]);
    expect(last(over)).toBe('version 2 was taken back or overtaken by hand: it is left to a person');
    // Or was told of it when it had given the rollout up for the time being.
    const givenUp = advance(rolling, tick, policy, 3 * HOUR_MS).state;
    expect(givenUp.waitingVersion).toBe(2);
    const { state } = advance(givenUp, taken, policy, 3 * HOUR_MS);
    expect(advance(state, tick, policy, 5 * HOUR_MS).effects).toEqual([]);
  });

  it('could have come again by another command: a version is rolled out by one id, whatever it was made for', () => {
    const first = run([model(2, 'c1')], training());
    const again = advance(advance(first.state, tick, policy, 3 * HOUR_MS).state, tick, policy, 6 * HOUR_MS);
    const [one, two] = [first.effects[0], again.effects[0]];
    if (one?.kind !== 'start_rollout' || two?.kind !== 'start_rollout') throw new Error('no rollout');
    expect([one.correlationId === two.correlationId, rolloutCommandId(one) === rolloutCommandId(two)]).toEqual([
      false,
      true,
    ]);
  });
});

describe('a version that fails its probation', () => {
  const bad = drift({ feature: '@software', detector: 'error_share', cohort: cohortOfVersion(2), eventId: 'bad' });
  const judged = () => {
    const begun = training();
    return run([bad], run([model(2, 'c1'), live(2, 1)], begun).state);
  };

  it('was taken back whatever the route was by then: what a person had put in its place went with it', () => {
    const { state, effects } = judged();
    expect(effects).toMatchObject([{ kind: 'rollback', expectedRevision: state.routeRevision }]);
  });

  it('stayed, where the alarm was read before the route that shows it in service', () => {
    const rolling = run([model(2, 'c1')], training()).state;
    const early = run([bad], rolling);
    expect(early.effects).toEqual([]);
    const shown = live(2, 1);
    expect(run([shown], early.state).effects).toMatchObject([{ kind: 'rollback', expectedRevision: shown.revision }]);
    // It is over by then, or it was of another version.
    expect(run([ended('bad'), live(2, 1)], early.state).effects).toEqual([]);
    const other = drift({ feature: '@software', detector: 'error_share', cohort: cohortOfVersion(7), eventId: 'o' });
    expect(run([other, live(2, 1)], rolling).effects).toEqual([]);
  });

  it('stayed, where the route moved before the router had the command', () => {
    const { state } = judged();
    const moved = live(2, 1, 'failed', 3);
    const again = run([moved], state);
    expect(again.effects).toMatchObject([{ kind: 'rollback', expectedRevision: moved.revision }]);
    expect(pendingEffects(again.state, policy)).toMatchObject([{ expectedRevision: moved.revision }]);
    expect(rollbackCommandId({ expectedRevision: 7 })).not.toBe(rollbackCommandId({ expectedRevision: 8 }));
    // What a person has begun to load is about to take its place.
    expect(run([live(2, 1, 'loading', 3)], judged().state).effects).toEqual([]);
  });

  it('stayed without a word, where the router refused to take it back', () => {
    const { history } = advance(judged().state, tick, policy, 2 * HOUR_MS).state;
    expect(history.map(({ message }) => message)).toContain(
      'version 2 is in service still: the router did not take it back, a person has to',
    );
  });

  it('was forgotten for another one that came meanwhile, also when the pause was over', () => {
    const calm: LoopState = { ...judged().state, phase: 'calm', coolUntilMs: 0 };
    const come = run([model(3, 'hand'), tick], calm);
    expect([come.state.phase, come.state.waitingVersion, come.effects]).toEqual(['calm', 3, []]);
  });

  it('was forgotten for another one that came within the pause', () => {
    const { state, effects } = run([model(3, 'hand')], judged().state);
    expect([state.phase, state.waitingVersion, effects]).toEqual(['cooling', 3, []]);
  });
});

describe('for ever', () => {
  it('a training whose end nobody told was waited for', () => {
    const begun = advance(run([live(1), drift()]).state, dataset(3), policy, HOUR_MS).state;
    expect(advance(begun, tick, policy, 24 * HOUR_MS).state.phase).toBe('training');
    const over = advance(begun, tick, policy, 25 * HOUR_MS).state;
    expect([over.phase, last(over)]).toEqual([
      'cooling',
      'nothing was heard of the end of training c1 within 24 h: the loop does not wait for it any longer',
    ]);
    // Its version, should it come, is looked at; a state of before knows no time.
    expect(run([model(2, 'c1')], over).effects).toMatchObject([{ kind: 'start_rollout', version: 2 }]);
    const old = advance({ ...begun, trainingSinceMs: 0 }, tick, policy, 99 * HOUR_MS).state;
    expect([old.phase, old.trainingSinceMs]).toEqual(['training', 99 * HOUR_MS]);
  });

  it('a retraining waited for approval that the project file did not ask for any more', () => {
    const manual = { ...policy, retrain: { ...policy.retrain, approval: 'manual' as const } };
    const asking = run([live(1), drift(), dataset(3)], initialLoopState(), manual).state;
    expect(asking.phase).toBe('approval');
    expect(kinds(run([tick], asking, policy).effects)).toEqual(['start_training']);
  });

  it('or for as long as the clock had been ahead, it cooled down', () => {
    const cooling = advance(
      training(),
      { kind: 'training_failed', trainingId: 'c1', message: 'm' },
      policy,
      1_000 * HOUR_MS,
    ).state;
    const back = advance(cooling, tick, policy, 2 * HOUR_MS).state;
    expect(back.coolUntilMs).toBe(2 * HOUR_MS + policy.retrain.cooldownMs);
    expect(advance(back, tick, policy, 3 * HOUR_MS).state.phase).not.toBe('cooling');
  });
});

it('a budget that was taken away while rows were waited for was spent all the same', () => {
  const none = { ...policy, retrain: { ...policy.retrain, budgetPerDay: 0 } };
  const settling = run([live(1), drift()]).state;
  const waiting = run([dataset(3), tick], settling, none);
  expect([waiting.state.phase, waiting.effects]).toEqual(['settling', []]);
  expect(kinds(run([tick], waiting.state, policy).effects)).toEqual(['start_training']);
});

it('what a receiver said made the state too large for its message', () => {
  const message = 'x'.repeat(1_000_000);
  const { state } = run([{ kind: 'training_failed', trainingId: 'c1', message }], training());
  expect(JSON.stringify(state).length).toBeLessThan(10_000);
});

it('a stop that was confirmed was not kept, after a save that nobody heard of', async () => {
  const kept: string[] = [];
  let isHeard = true;
  const runner = new LoopRunner(
    {
      load: async () => null,
      save: async (_project, _createdAtMs, { phase }) => {
        kept.push(phase);
        if (!isHeard) throw new PlatformError('unavailable', 'no broker');
      },
      remove: async () => undefined,
      projects: async () => [],
    },
    Object.fromEntries(
      ['startTraining', 'startRollout', 'rollback', 'compare'].map((does) => [does, async () => undefined]),
    ) as unknown as LoopActions,
    new ManualClock(1),
    { info: () => undefined, error: () => undefined },
  );
  const { retrain } = policy;
  await runner.define(
    {
      name: 'p',
      retrain,
      scope: { metric: 'log_loss' },
      rollout: { automatic: true, probation: { share: 1, forMs: 0 } },
    } as unknown as Project,
    0,
  );
  await runner.apply('p', { kind: 'stop' });
  isHeard = false;
  await expect(runner.apply('p', { kind: 'resume' })).rejects.toThrow('no broker');
  isHeard = true;
  // It changes nothing: the loop is stopped. What is kept says something else.
  await runner.apply('p', { kind: 'approve', by: 'anna', reason: '' });
  expect(kept).toEqual(['stopped', 'calm', 'stopped']);
});
