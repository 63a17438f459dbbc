import { describe, expect, it } from '@jest/globals';
import { cohortOfVersion } from '@millrace/domain';
import { dataset, drift, live, policy as usual } from '../../test/a-loop.js';
import { advance, pendingEffects } from './loop-advance.js';
import { initialLoopState, type LoopEffect, type LoopInput, type LoopPolicy, type LoopState } from './loop-state.js';

const policy: LoopPolicy = { ...usual, probation: { share: 0.5, forMs: 100_000 } };
const BLOCKS = { count: 120, mean: 0, m2: 0.5 };
const model = (version: number, trainingId = 'c1'): LoopInput => ({
  ...{ kind: 'model', version, trainingId, blessed: true, verdict: '' },
});
/** By how much version 2 is better. */
const compared = (n: number, mean: number, version = 2): LoopInput => ({
  ...{ kind: 'compared', version, datasetVersion: `d${n}` },
  rows: { rows: 2_400, version: 0.6 - mean, against: 0.6, blocks: { ...BLOCKS, mean } },
});

function run(inputs: readonly LoopInput[], start: LoopState = initialLoopState(), nowMs = 1) {
  let state = start;
  const effects: LoopEffect[] = [];
  for (const input of inputs) {
    const result = advance(state, input, policy, nowMs);
    state = result.state;
    effects.push(...result.effects);
  }
  return { state, effects, last: state.history.at(-1)?.message };
}

/** Version 2 was trained for a drift of version 1 on d3, and is live. */
const onProbation = () => run([live(1), drift(), dataset(3), model(2), live(2, 1)]).state;
const COMPARE = { kind: 'compare', version: 2, against: 1, datasetVersion: 'd4', share: 0.5 };

describe('a version that the loop put into service', () => {
  it('is compared with the one before it on each dataset version that closes after those it learned from', () => {
    const begun = onProbation();
    expect(begun.probation).toMatchObject({ version: 2, against: 1, byHand: false, fromMs: 40, untilMs: 100_001 });
    const first = run([dataset(4), dataset(5)], begun);
    expect(first.effects).toEqual([COMPARE]);
    expect(run([compared(4, 0)], first.state).effects).toEqual([{ ...COMPARE, datasetVersion: 'd5' }]);
  });

  it('is taken back where the one before it is better now, at whatever the loop is', () => {
    const { state } = run([dataset(4)], onProbation());
    const bad = run([compared(4, -0.05)], state);
    expect(bad.effects).toMatchObject([
      {
        kind: 'rollback',
        expectedRevision: state.routeRevision,
        reason: expect.stringContaining(
          'version 1 is better now: Log loss 0.6500 of version 2, 0.6000 of version 1 on the same 2400 rows',
        ),
      },
    ]);
    expect(bad.last).toContain('rolling back: version 1 is better now');
    expect(pendingEffects(bad.state, policy)).toEqual(bad.effects);
    const calm = run([{ kind: 'tick' }, compared(4, -0.05)], state, 2_000);
    expect([calm.state.phase, calm.effects]).toMatchObject(['calm', [{ kind: 'rollback' }]]);
    expect(pendingEffects(calm.state, policy)).toEqual(calm.effects);
    expect(run([live(1)], bad.state).state).toMatchObject({ takingBack: null, probation: null });
  });

  it('stays where it is better, and the loop says by how much', () => {
    const { state } = run([dataset(4)], onProbation());
    const good = run([compared(4, 0.05), dataset(5)], state);
    expect(good.state.probation).toBeNull();
    expect(good.effects).toEqual([]);
    expect(good.last).toMatch(/^version 2 stays: Log loss 0\.5500 of version 2, 0\.6000 of version 1/);
  });

  it('stays when its time is over, though nothing was ever compared', () => {
    const { state, last, effects } = run([{ kind: 'tick' }], onProbation(), 100_001);
    expect([state.probation, effects]).toEqual([null, []]);
    expect(last).toContain('version 2 stays at the end of its probation');
  });

  it('is not judged by how it was itself: an alarm of its quality takes nothing back', () => {
    const alarm = drift({ feature: '@quality', detector: 'auc_drop', cohort: cohortOfVersion(2), correlationId: 'q' });
    expect(run([alarm], onProbation()).effects).toEqual([]);
  });

  it('goes back for requests of its own that fail, also after the cool-down', () => {
    const { state } = run([{ kind: 'tick' }], onProbation(), 2_000);
    const alarm = drift({
      feature: '@software',
      detector: 'error_share',
      cohort: cohortOfVersion(2),
      correlationId: 's',
    });
    expect(state.phase).toBe('calm');
    expect(run([alarm], state, 2_001).effects).toMatchObject([{ kind: 'rollback' }]);
  });

  it('is compared again after a restart, and after a while where the rows could not be read', () => {
    const { state } = run([dataset(4)], onProbation());
    expect(pendingEffects(state, policy)).toEqual([COMPARE]);
    const failed = { kind: 'not_compared' as const, version: 2, datasetVersion: 'd4', reason: 'the store is away' };
    const later = run([{ ...failed, outcome: 'again' }], state);
    expect(later.effects).toEqual([]);
    expect(run([{ kind: 'tick' }], later.state, 60_001).effects).toEqual([COMPARE]);
    expect(run([{ ...failed, outcome: 'skip' }, { kind: 'tick' }], state, 60_001).effects).toEqual([]);
    const end = run([{ ...failed, outcome: 'end' }], state);
    expect([end.state.probation, end.last]).toMatchObject([
      null,
      expect.stringContaining('cannot be compared with version 1: the store is away'),
    ]);
  });

  it('is on none after stop, and a result that comes then changes nothing', () => {
    const { state } = run([dataset(4), { kind: 'stop' }], onProbation());
    expect(pendingEffects(state, policy)).toEqual([]);
    const { state: after, effects } = run([compared(4, -0.05), { kind: 'tick' }], state);
    expect([after.phase, effects]).toEqual(['stopped', []]);
  });

  it('leaves its probation to the version that takes its place; a result of before is none of it', () => {
    const begun = onProbation();
    const { state } = run([dataset(4), live(3, 2)], begun);
    expect(state.probation).toMatchObject({ version: 3, against: 2 });
    expect(run([compared(4, -0.05)], state).effects).toEqual([]);
  });

  it('is not taken back while another one comes into service', () => {
    const rolling = run([dataset(4), { kind: 'tick' }, model(3, 'other')], onProbation(), 2_000).state;
    expect(rolling.phase).toBe('rolling_out');
    expect(run([compared(4, -0.05)], rolling).effects).toEqual([]);
  });
});

describe('taking back', () => {
  const worse = compared(4, -0.05);
  const comparing = () => run([dataset(4)], onProbation()).state;

  it('waits where another rollout is under way, whoever began it', () => {
    const state = comparing();
    const byHand = run([{ ...live(2, 2, 'progressing', 3) }], state).state;
    expect(run([worse, { kind: 'tick' }], byHand).effects).toEqual([]);
    const back = run([live(2, 1, 'failed', 3)], run([worse], byHand).state);
    expect(back.effects).toMatchObject([{ kind: 'rollback' }]);
  });

  it('is left to a person where the route does not lead back to the version that is better', () => {
    // Weights by hand make the version in service the one before itself; an aborted rollout leaves none.
    for (const previous of [2, 0]) {
      const state = comparing();
      const { effects, last } = run([worse], run([live(2, previous)], state).state);
      expect(effects).toEqual([]);
      expect(last).toMatch(
        /^version 1 is better now: .*\. The route does not lead back to it: a rollout of version 1 by hand does$/,
      );
    }
    const state = onProbation();
    const alarm = drift({
      feature: '@software',
      detector: 'error_share',
      cohort: cohortOfVersion(2),
      correlationId: 's',
    });
    expect(run([alarm], run([live(2, 2)], state).state).effects).toEqual([]);
  });

  it('is asked for again as long as the router may take it, also after the pause', () => {
    const { state } = run([worse], comparing());
    const calm = run([{ kind: 'tick' }], state, 2_000).state;
    expect([calm.phase, pendingEffects(calm, policy)]).toMatchObject(['calm', [{ kind: 'rollback' }]]);
    const { state: over, last } = run([{ kind: 'tick' }], calm, 4_000_000);
    expect([over.takingBack, pendingEffects(over, policy)]).toEqual([null, []]);
    expect(last).toBe('version 2 is in service still: the router did not take it back, a person has to');
  });
});

describe('a comparison', () => {
  it('is asked for again after a restart, also while another version is rolled out', () => {
    const { state } = run([dataset(4), { kind: 'tick' }, model(3, 'other')], onProbation(), 2_000);
    expect(pendingEffects(state, policy)).toContainEqual(COMPARE);
  });

  it('counts the rows of a dataset version once, also where one with later labels has taken its place', () => {
    const asked = run([dataset(4)], onProbation()).state;
    const later = { id: 'd4-later', ordinal: 9, rowsOf: 4, windowStartMs: 40, windowEndMs: 50, labelledRows: 5 };
    const replaced = run([{ kind: 'dataset', dataset: later }], asked).state;
    expect(run([compared(4, 0)], replaced).effects).toEqual([]);
    const gone: LoopInput = {
      ...{ kind: 'not_compared', version: 2, datasetVersion: 'd4', outcome: 'skip', reason: 'it is no more' },
    };
    expect(run([gone], replaced).effects).toEqual([{ ...COMPARE, datasetVersion: 'd4-later' }]);
  });

  it('that could not be had is told as the reason why nothing was compared', () => {
    const failed: LoopInput = {
      ...{ kind: 'not_compared', version: 2, datasetVersion: 'd4', outcome: 'skip', reason: 'the file is damaged' },
    };
    const { state } = run([dataset(4), failed], onProbation());
    expect(run([{ kind: 'tick' }], state, 200_000).last).toContain(
      'not compared with version 1, for the file is damaged',
    );
  });
});

describe('the time of a probation', () => {
  it('ends at once where the project file wants none any more', () => {
    const none = { ...policy, probation: { share: 1, forMs: 0 } };
    expect(advance(onProbation(), { kind: 'tick' }, none, 2).state.probation).toBeNull();
  });

  it('is counted from now where the clock was ahead when it began', () => {
    const begun = onProbation();
    const ahead = { ...begun, probation: begun.probation && { ...begun.probation, sinceMs: 9e12, untilMs: 9e12 } };
    expect(advance(ahead, { kind: 'tick' }, policy, 50).state.probation).toMatchObject({
      sinceMs: 50,
      untilMs: 100_050,
    });
  });

  it('begins after all rows that there are, where a state of an earlier release does not say what was learned from', () => {
    const rolling = run([live(1), drift(), dataset(3), dataset(4), model(2)]).state;
    expect(run([live(2, 1)], { ...rolling, taughtThroughMs: 0 }).state.probation).toMatchObject({ fromMs: 50 });
  });
});

describe('a version that a person put into service', () => {
  it('stays though the one before it is better: the person is told', () => {
    const { state } = run([live(1), dataset(3), live(2, 1), dataset(4)]);
    expect(state.probation).toMatchObject({ version: 2, against: 1, byHand: true, comparing: 'd4' });
    const { effects, last } = run([compared(4, -0.05)], state);
    expect(effects).toEqual([]);
    expect(last).toMatch(
      /^version 1 is better now: .*\. Version 2 was put into service by hand: a rollback brings version 1 back$/,
    );
  });

  it('is on none where it is an older one, nor where nobody was before', () => {
    expect(run([live(2, 1), live(1)]).state.probation).toBeNull();
    expect(run([live(1)]).state.probation).toBeNull();
  });
});
