import { describe, expect, it } from '@jest/globals';
import { dataset, drift, HOUR_MS, live, model, policy, run } from '../../test/a-loop.js';
import { advance } from './loop-advance.js';
import { initialLoopState, type LoopInput, type LoopPolicy, type LoopState } from './loop-state.js';

const DAY_MS = 24 * HOUR_MS;
/** A dataset version has 5 labelled rows. */
const with_ = (retrain: Partial<LoopPolicy['retrain']>, more: Partial<LoopPolicy> = {}): LoopPolicy => ({
  ...{ ...policy, ...more },
  retrain: { ...policy.retrain, onDrift: false, cooldownMs: HOUR_MS, ...retrain },
});
const tick = { kind: 'tick' } as const;

/** Inputs of one moment. */
function at(nowMs: number, inputs: readonly LoopInput[], from: LoopState, by: LoopPolicy) {
  let state = from;
  const effects = inputs.flatMap((input) => {
    const result = advance(state, input, by, nowMs);
    state = result.state;
    return result.effects;
  });
  return { state, effects };
}
const inService = (by: LoopPolicy) => at(1, [dataset(1), live(1)], initialLoopState(), by).state;

describe('enough new labelled rows', () => {
  const rules = with_({ rows: 12 });

  it('start a retraining on the newest versions; those that the version in service may have had do not count', () => {
    const waiting = at(2, [dataset(2), dataset(3), tick], inService(rules), rules);
    expect([waiting.state.phase, waiting.effects]).toEqual(['calm', []]);
    const { state, effects } = at(3, [dataset(4), tick], waiting.state, rules);
    expect(effects).toMatchObject([
      { kind: 'start_training', trigger: 'volume', trainingId: 'p-volume-3', datasetVersions: ['d3', 'd4'] },
    ]);
    expect(state.history.map(({ message }) => message)).toContain('15 new labelled rows (retrain.rows: 12)');
  });

  it('count anew after a retraining, whatever came of it', () => {
    const { state } = at(3, [dataset(2), dataset(3), dataset(4), tick], inService(rules), rules);
    const cooled = at(3 + DAY_MS, [tick], at(4, [model(2, 'p-volume-3', false)], state, rules).state, rules);
    const later = at(4 + DAY_MS, [dataset(5), dataset(6), tick], cooled.state, rules);
    expect([later.state.phase, later.effects]).toEqual(['calm', []]);
    expect(at(5 + DAY_MS, [dataset(7), tick], later.state, rules).effects).toMatchObject([
      { kind: 'start_training', trainingId: `p-volume-${5 + DAY_MS}` },
    ]);
  });
});

describe('a schedule', () => {
  const rules = with_({ everyMs: 2 * DAY_MS });

  it('starts a retraining when its time has come and there are new rows, from the last one on', () => {
    const early = at(2 * DAY_MS, [dataset(2), tick], inService(rules), rules);
    expect(early.state.phase).toBe('calm');
    const due = at(2 * DAY_MS + 1, [tick], early.state, rules);
    expect(due.effects).toMatchObject([{ kind: 'start_training', trigger: 'schedule', warmStartVersion: 1 }]);
    const id = due.state.episode?.trainingId ?? '';
    const blessed = at(2 * DAY_MS + 2, [model(2, id)], due.state, rules);
    expect(blessed.effects).toMatchObject([
      { kind: 'start_rollout', reason: 'the schedule (retrain.every), with 5 new labelled rows' },
    ]);
    const cooled = at(3 * DAY_MS, [live(2, 1), tick], blessed.state, rules).state;
    expect(at(4 * DAY_MS, [dataset(3), tick], cooled, rules).state.phase).toBe('calm');
    // The version came into service on the third day.
    expect(
      at(5 * DAY_MS + 1, [tick, tick], at(4 * DAY_MS, [dataset(3), tick], cooled, rules).state, rules).effects,
    ).toEqual([expect.objectContaining({ kind: 'start_training' })]);
  });

  it('waits for rows: on the same ones a retraining would come to the same', () => {
    const still = at(30 * DAY_MS, [tick], inService(rules), rules).state;
    expect(still.phase).toBe('calm');
    expect(at(31 * DAY_MS, [dataset(2), tick], still, rules).state.phase).toBe('training');
  });

  it('asks where retrainings are approved, keeps to the budget, and waits for a version that waits for a person', () => {
    const asks = with_({ everyMs: DAY_MS, approval: 'manual' });
    const asked = at(2 * DAY_MS, [dataset(2), tick], inService(asks), asks);
    expect([asked.state.phase, asked.effects]).toEqual(['approval', []]);
    expect(at(2 * DAY_MS, [{ kind: 'approve', by: 'anna', reason: '' }], asked.state, asks).effects).toMatchObject([
      { trigger: 'schedule' },
    ]);
    const none = with_({ everyMs: DAY_MS, budgetPerDay: 0 });
    expect(at(2 * DAY_MS, [dataset(2), tick], inService(none), none).state.phase).toBe('calm');
    const byHand = with_({ everyMs: DAY_MS }, { rolloutAutomatic: false });
    const better = at(2, [model(2, 'by hand')], inService(byHand), byHand).state;
    expect(at(2 * DAY_MS, [dataset(2), tick], better, byHand).state.phase).toBe('calm');
  });

  it('lets drift go first, and answers drift that lasts with it', () => {
    const both = with_({ everyMs: DAY_MS, onDrift: true, features: [] });
    const drifted = at(2 * DAY_MS, [dataset(2), drift(), tick], inService(both), both).state;
    expect(drifted).toMatchObject({ phase: 'settling', episode: { trigger: 'drift', feature: 'hour' } });
    // Its retraining was not blessed: the schedule comes before the next for it.
    const failed = at(2 * DAY_MS, [dataset(3), model(2, 'c1', false)], drifted, both).state;
    const waits = failed.openDrifts.map((one) => ({ ...one, againAtMs: 9 * DAY_MS }));
    const due = at(4 * DAY_MS, [dataset(4), tick], { ...failed, openDrifts: waits }, both).state;
    expect(due).toMatchObject({ phase: 'training', episode: { trigger: 'schedule' }, openDrifts: [{ tries: 1 }] });
    const over = at(4 * DAY_MS, [model(3, due.episode?.trainingId ?? '', false)], due, both).state;
    expect(over.openDrifts).toMatchObject([{ tries: 2 }]);
  });

  it('of a state of an earlier release counts from when the version in service came', () => {
    const { lastBegunAtMs: _, taughtThroughMs: __, ...old } = inService(rules);
    const read = { ...initialLoopState(), ...old };
    expect(at(DAY_MS, [dataset(2), tick], read, rules).state.phase).toBe('calm');
    expect(run([], at(3 * DAY_MS, [dataset(2), tick], read, rules).state).state.phase).toBe('training');
  });
});
