import { describe, expect, it } from '@jest/globals';
import { ALL, type Cohort, cohortOfVersion, seededRng } from '@millrace/domain';
import { dataset, drift, live, policy, run } from '../../test/a-loop.js';
import { KNOWN_VERSIONS_MAX } from './known-datasets.js';
import { advance, pendingEffects } from './loop-advance.js';
import { HISTORY_MAX, initialLoopState, type LoopInput, type LoopState } from './loop-state.js';

describe('the closed loop', () => {
  it('goes from drift to a retraining on the newest versions, to a rollout, to calm', () => {
    const { state, effects } = run([live(1), dataset(1), dataset(2), drift(), dataset(3)]);
    expect(state.phase).toBe('training');
    expect(effects).toEqual([
      {
        kind: 'start_training',
        trainingId: 'c1',
        trigger: 'drift',
        datasetVersions: ['d2', 'd3'],
        evaluationShare: 0.2,
        warmStartVersion: 1,
        correlationId: 'c1',
      },
    ]);
    const blessed = run([{ kind: 'model', version: 2, trainingId: 'c1', blessed: true, verdict: '' }], state);
    expect(blessed.effects).toEqual([
      { kind: 'start_rollout', version: 2, reason: 'drift of hour (psi)', correlationId: 'c1' },
    ]);
    const done = run([live(2, 1), { kind: 'tick' }], blessed.state);
    expect(done.state).toMatchObject({ phase: 'cooling', liveVersion: 2, previousVersion: 1, episode: null });
    expect(advance(done.state, { kind: 'tick' }, policy, 5_000).state.phase).toBe('calm');
  });

  it('trains on the newest labels of a span, and does not take them for data that has come since', () => {
    const late: LoopInput = {
      kind: 'dataset',
      dataset: {
        id: 'd2 with late labels',
        ordinal: 4,
        rowsOf: 2,
        windowStartMs: 20,
        windowEndMs: 30,
        labelledRows: 9,
      },
    };
    const waiting = run([live(1), dataset(1), dataset(2), drift(), late]);
    expect(waiting.state.phase).toBe('settling');
    // Read again after a restart, the version without them does not come back.
    const { effects } = run([dataset(2), dataset(3)], waiting.state);
    expect(effects).toMatchObject([{ datasetVersions: ['d2 with late labels', 'd3'] }]);
  });

  it('waits for data after the drifted window', () => {
    const { state, effects } = run([live(1), dataset(1), dataset(2), drift()]);
    expect(state.phase).toBe('settling');
    expect(effects).toEqual([]);
  });

  it('does not roll out what was not blessed', () => {
    const { state, effects } = run([
      live(1),
      drift(),
      dataset(3),
      {
        kind: 'model',
        version: 2,
        trainingId: 'c1',
        blessed: false,
        verdict: 'version 2 is not blessed: worse log loss',
      },
    ]);
    expect(effects.map((effect) => effect.kind)).toEqual(['start_training']);
    expect(state.phase).toBe('cooling');
    expect(state.history.at(-1)?.message).toContain('version 2 is not blessed: worse log loss');
  });

  it.each([
    ['another feature', drift({ feature: 'origin' })],
    ['an older version', drift({ cohort: cohortOfVersion(7) })],
    ['a slice', drift({ cohort: { version: 1, slice: { column: 'carrier', value: 'AA' } } })],
  ])('ignores drift of %s', (_what, input) => {
    expect(run([live(1), dataset(1), input, dataset(3)]).state.phase).toBe('calm');
  });

  it('keeps to the budget and the cool-down', () => {
    const failed = (id: string): LoopInput => ({ kind: 'training_failed', trainingId: id, message: 'boom' });
    let { state } = run([live(1), drift(), dataset(3), failed('c1')]);
    expect(state.phase).toBe('cooling');
    const another = (id: string) => drift({ correlationId: id, eventId: id });
    state = advance(state, another('c2'), policy, 10).state;
    expect(state.phase).toBe('cooling');
    state = advance(state, { kind: 'tick' }, policy, 2_000).state;
    expect(state).toMatchObject({ phase: 'training', episode: { id: 'c2' } });
    state = advance(state, failed('c2'), policy, 2_002).state;
    state = advance(state, { kind: 'tick' }, policy, 9_000).state;
    expect(state.phase).toBe('calm');
    state = advance(state, another('c3'), policy, 9_001).state;
    expect(state.phase).toBe('calm');
    expect(state.history.at(-1)?.message).toContain('budget of 2 retrainings in 24 hours is used up: it waits');
    const said = state.history.length;
    state = advance(state, { kind: 'tick' }, policy, 9_002).state;
    expect(state.history).toHaveLength(said);
    // Two within any 24 hours, not within a day of the calendar: the first one's hours end, the second one's not yet.
    const endMs = 86_400_000 + 1_000;
    expect(advance(state, { kind: 'tick' }, policy, endMs).state).toMatchObject({
      phase: 'training',
      episode: { id: 'c3' },
    });
  });

  it('waits for a person where the project says so, and obeys the kill switch', () => {
    const manual = { ...policy, retrain: { ...policy.retrain, approval: 'manual' as const } };
    const waiting = run([live(1), drift(), dataset(3)], initialLoopState(), manual);
    expect(waiting.state.phase).toBe('approval');
    expect(waiting.effects).toEqual([]);
    expect(
      run([{ kind: 'approve', by: 'anna', reason: '' }], waiting.state, manual).effects.map((e) => e.kind),
    ).toEqual(['start_training']);
    const stopped = run(
      [{ kind: 'stop' }, { kind: 'approve', by: 'anna', reason: '' }, drift(), dataset(4)],
      waiting.state,
      manual,
    );
    expect(stopped.state.phase).toBe('stopped');
    expect(stopped.effects).toEqual([]);
    expect(run([{ kind: 'resume' }], stopped.state).state.phase).toBe('calm');
  });

  it('does not bring back by itself what a person rolled back', () => {
    const model: LoopInput = { kind: 'model', version: 2, trainingId: 'c1', blessed: true, verdict: '' };
    const { state } = run([live(1), drift(), dataset(3), model, live(2, 1), live(1, 2)]);
    expect(run([model, { kind: 'tick' }], state).effects).toEqual([]);
    // A lost state file: the route alone tells that version 2 was in service.
    expect(run([live(1, 2), model, { kind: 'tick' }]).effects).toEqual([]);
  });

  it('rolls out after the cool-down what came while it was busy', () => {
    const { state } = run([
      live(1),
      drift(),
      dataset(3),
      { kind: 'model', version: 5, trainingId: 'other', blessed: true, verdict: '' },
    ]);
    const failed = run([{ kind: 'training_failed', trainingId: 'c1', message: 'm' }], state);
    expect(advance(failed.state, { kind: 'tick' }, policy, 5_000).effects).toMatchObject([
      { kind: 'start_rollout', version: 5 },
    ]);
  });

  it('takes a version back for its software alone: whether its quality is worse is a question of two versions', () => {
    const { state } = run([
      live(1),
      drift(),
      dataset(3),
      { kind: 'model', version: 2, trainingId: 'c1', blessed: true, verdict: '' },
      live(2, 1),
    ]);
    const bad = run([drift({ feature: '@software', detector: 'error_share', cohort: cohortOfVersion(2) })], state);
    expect(bad.effects).toMatchObject([{ kind: 'rollback' }]);
    for (const detector of ['auc_drop', 'log_loss_rise'])
      expect(run([drift({ feature: '@quality', detector, cohort: cohortOfVersion(2) })], state).effects).toEqual([]);
  });

  it('takes a version back whose requests fail, not one that a busy machine slows down, and trains for neither', () => {
    const cooling = run([
      live(1),
      drift(),
      dataset(3),
      { kind: 'model', version: 2, trainingId: 'c1', blessed: true, verdict: '' },
      live(2, 1),
    ]).state;
    const software = (detector: string, version = 2) =>
      drift({
        feature: '@software',
        detector,
        cohort: cohortOfVersion(version),
        value: 0.05,
        threshold: 0.01,
        correlationId: 's1',
      });
    expect(run([software('error_share')], cooling).effects).toMatchObject([
      { kind: 'rollback', reason: expect.stringContaining('@software error_share 0.050 against 0.01') },
    ]);
    expect(run([software('p99_ms')], cooling).effects).toEqual([]);
    expect(run([software('error_share', 1)], cooling).effects).toEqual([]);
    const anything = { ...policy, retrain: { ...policy.retrain, features: [] } };
    const calm = run([live(2, 1)]).state;
    expect(advance(calm, software('error_share'), anything, 9_000)).toEqual({ state: calm, effects: [] });
  });

  it('is the same state where it is told what it knows: each new one is written', () => {
    const routes = [live(1), live(2, 1), live(3, 2)];
    const versions = Array.from({ length: KNOWN_VERSIONS_MAX + 44 }, (_, i) => dataset(i + 1));
    const known = run([...routes, ...versions]).state;
    expect(known.datasets).toHaveLength(KNOWN_VERSIONS_MAX);
    // What a start reads again, from the beginning.
    const again: LoopInput[] = [...routes, ...versions, { kind: 'dataset_gone', id: 'unknown' }];
    for (const input of again) expect(run([input], known).state).toBe(known);
    expect(run([{ kind: 'dataset_gone', id: 'd300' }], known).state.datasets).toHaveLength(KNOWN_VERSIONS_MAX - 1);
  });

  it('takes the failure of a rollout before for none of this one, and a failure of this one for one', () => {
    const before = run([live(1)]).state;
    const old = live(1, 0, 'failed', 2);
    const model: LoopInput = { kind: 'model', version: 3, trainingId: 'x', blessed: true, verdict: '' };
    const rolling = run([old, model], before).state;
    expect(rolling.phase).toBe('rolling_out');
    // Read again, read for the first time (the decision came before it), or a state of a release that kept no revision.
    expect(run([old], rolling).state).toBe(rolling);
    expect(run([live(1, 0, 'failed', 2)], run([model], before).state).state.phase).toBe('rolling_out');
    expect(run([old], { ...rolling, routeRevision: 0 }).state.phase).toBe('rolling_out');
    expect(run([live(1, 0, 'failed', 3)], rolling).state.phase).toBe('cooling');
  });

  it('repeats after a restart a rollback that may not have left, of the route that was judged and of no other', () => {
    const model: LoopInput = { kind: 'model', version: 2, trainingId: 'c1', blessed: true, verdict: '' };
    const [first, second] = [live(1), live(2, 1)];
    const cooling = run([first, drift(), dataset(3), model, second]).state;
    expect(pendingEffects(cooling, policy)).toEqual([]);
    const software = { feature: '@software', detector: 'error_share' };
    const bad = drift({ ...software, cohort: cohortOfVersion(2), correlationId: 'bad' });
    const { state, effects } = run([bad], cooling);
    expect(pendingEffects(state, policy)).toEqual([{ ...effects[0], expectedRevision: second.revision }]);
    const ends: LoopInput[] = [live(1, 0), { kind: 'stop' }];
    for (const end of ends) expect(pendingEffects(run([end], state).state, policy)).toEqual([]);
    const calm = advance(state, { kind: 'tick' }, policy, 9_000).state;
    expect([calm.phase, pendingEffects(calm, policy)]).toEqual([
      'calm',
      [{ ...effects[0], expectedRevision: second.revision }],
    ]);
    expect(advance(calm, { kind: 'tick' }, policy, 4_000_000).state.takingBack).toBeNull();
  });

  it('repeats after a restart what was begun, with the same ids', () => {
    const training = run([live(1), drift(), dataset(3)]);
    expect(pendingEffects(training.state, policy)).toEqual(training.effects);
    const rolling = run([{ kind: 'model', version: 2, trainingId: 'c1', blessed: true, verdict: '' }], training.state);
    expect(pendingEffects(rolling.state, policy)).toMatchObject([{ kind: 'start_rollout', version: 2 }]);
    expect(pendingEffects(initialLoopState(), policy)).toEqual([]);
  });

  it('holds its invariants in 2,000 random histories, with every input delivered twice at random', () => {
    for (let seed = 1; seed <= 2_000; seed++) {
      const rng = seededRng(seed);
      let state: LoopState = initialLoopState();
      const trainings = new Set<string>();
      // 240,000 calls of `expect` would take longer than the simulation itself.
      const hold = (kept: boolean, what: string) => {
        if (!kept) throw new Error(`seed ${seed}: ${what}`);
      };
      let nowMs = 0;
      for (let i = 0; i < 60; i++) {
        nowMs += rng.below(700);
        const inputs: LoopInput[] = [
          dataset(rng.below(40)),
          drift({
            correlationId: `c${i}`,
            eventId: `e${i}`,
            cohort: [ALL, cohortOfVersion(1), cohortOfVersion(2)][rng.below(3)] as Cohort,
          }),
          {
            kind: 'model',
            version: 1 + rng.below(6),
            trainingId: state.episode?.trainingId ?? 'x',
            blessed: rng.next() < 0.6,
            verdict: '',
          },
          live(1 + rng.below(4), rng.below(3), rng.next() < 0.2 ? 'failed' : 'promoted', 1 + rng.below(6)),
          { kind: 'training_failed', trainingId: state.episode?.trainingId ?? 'x', message: 'm' },
          { kind: 'tick' },
          { kind: 'drift_ended', eventId: `e${rng.below(60)}` },
        ];
        const input = inputs[rng.below(inputs.length)]!;
        for (let times = rng.next() < 0.3 ? 2 : 1; times > 0; times--) {
          const before = state;
          const result = advance(state, input, policy, nowMs);
          state = result.state;
          for (const effect of result.effects) {
            if (effect.kind === 'start_training') {
              hold(before.liveVersion > 0, 'a training without a version in service');
              hold(!trainings.has(effect.trainingId), 'a training twice');
              trainings.add(effect.trainingId);
              hold(effect.datasetVersions.length <= policy.retrain.versions, 'too many dataset versions');
            }
            if (effect.kind === 'start_rollout') hold(effect.version > before.liveVersion, 'a rollout backwards');
          }
        }
        hold(state.datasets.length <= KNOWN_VERSIONS_MAX && state.history.length <= HISTORY_MAX, 'unbounded memory');
        const today = state.startedAtMs.filter((at) => at > nowMs - 86_400_000).length;
        hold(today <= policy.retrain.budgetPerDay, 'over the budget');
        hold(
          state.openDrifts.every(({ eventId }) => !state.endedDrifts.includes(eventId)),
          'open and over',
        );
        hold(state.phase !== 'training' || Boolean(state.episode?.trainingId), 'a training without an id');
      }
    }
  });
});
