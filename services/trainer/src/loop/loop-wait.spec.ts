import { describe, expect, it } from '@jest/globals';
import { parseProject } from '@millrace/project';
import type { Episode } from './episode.js';
import { initialLoopState, type LoopState } from './loop-state.js';
import { loopWait } from './loop-wait.js';

const HOUR_MS = 3_600_000;
const parsed = parseProject(
  `name: loans
data:
  entity: customer
  eventTime: at
  versionEvery: 1h
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: customer, type: text, required: true }
    - { name: amount, type: number }
    - { name: bad, type: boolean, outcome: true }
  label: { name: bad, column: bad, operation: eq, value: true, delay: 2h }
features: [{ name: amount, kind: numeric }]
monitoring: { allowedLateness: 10m }
retrain: { settleVersions: 2 }
`,
  'project.yaml',
);
if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
const { project } = parsed;

const episode: Episode = {
  id: 'e',
  feature: 'amount',
  detector: 'psi',
  windowStartMs: 0,
  windowEndMs: 10.5 * HOUR_MS,
  startedAtMs: 0,
  datasetVersions: [],
  trainingId: 't-1',
  version: 0,
};
const state = (part: Partial<LoopState>): LoopState => ({ ...initialLoopState(), liveVersion: 1, ...part });
const version = (ordinal: number, endHour: number) => ({
  id: `v${ordinal}`,
  ordinal,
  windowStartMs: (endHour - 1) * HOUR_MS,
  windowEndMs: endHour * HOUR_MS,
  labelledRows: 1,
});
const closing = (spanEndHour: number) => (spanEndHour + 2) * HOUR_MS + 600_000;

describe('what a loop waits for', () => {
  it.each([
    [state({ liveVersion: 0 }), 'a first blessed version: before it there is nothing that drifts', null],
    [state({}), 'drift of any feature, the score or the quality', null],
    [state({ phase: 'approval', episode }), 'a person to approve the retraining', null],
    [state({ phase: 'training', episode }), 'training t-1', null],
    [state({ phase: 'rolling_out', waitingVersion: 2 }), 'version 2 to be loaded and to get its traffic', null],
    [state({ phase: 'cooling', coolUntilMs: 77 }), 'the pause after a retraining to end', 77],
    [state({ phase: 'stopped' }), 'a person to resume it', null],
  ])('is told for each phase: %#', (given, what, untilMs) =>
    expect(loopWait(given, project, 0)).toMatchObject({ for: what, untilMs }),
  );

  it('is the close of the span after the drifted window, then of the next', () => {
    const settling = state({ phase: 'settling', episode, datasets: [version(1, 10)] });
    expect(loopWait(settling, project, 0)).toEqual({
      for: '2 dataset versions with rows from after the drift',
      untilMs: closing(12),
      clock: 'event',
    });
    const oneMore = { ...settling, datasets: [version(1, 10), version(2, 11)] };
    expect(loopWait(oneMore, project, 0)).toEqual({
      for: 'a dataset version with rows from after the drift',
      untilMs: closing(12),
      clock: 'event',
    });
  });

  it('is whichever comes first of drift, rows and the schedule', () => {
    const began = { liveSinceMs: 5 * HOUR_MS, lastBegunAtMs: 7 * HOUR_MS, taughtThroughMs: 2 * HOUR_MS };
    const some = state({ ...began, datasets: [version(1, 2), version(2, 3)] });
    const of = (retrain: Partial<typeof project.retrain>) =>
      loopWait(some, { ...project, retrain: { ...project.retrain, ...retrain } }, 8 * HOUR_MS);
    const rows = some.datasets[1]?.labelledRows ?? 0;
    expect(of({ everyMs: 24 * HOUR_MS, rows: rows + 7 })).toEqual({
      for: 'drift of any feature, the score or the quality, or 7 more labelled rows (retrain.rows), or the schedule (retrain.every)',
      untilMs: 31 * HOUR_MS,
      clock: 'processing',
    });
    expect(of({ rows: rows + 7, onDrift: false })).toMatchObject({
      for: '7 more labelled rows (retrain.rows)',
      untilMs: null,
    });
    expect(of({ everyMs: HOUR_MS, onDrift: false })).toMatchObject({
      for: 'new labelled rows: a retraining is due (retrain.every)',
      untilMs: null,
    });
    expect(of({ everyMs: HOUR_MS, onDrift: false, budgetPerDay: 0 }).for).toContain('budgetPerDay is 0');
  });

  it('is that a retraining pays, with the sum, where the policy is cost', () => {
    const weighing = { ...project.retrain, onDrift: false, prices: { retraining: 200, loss: 1 } };
    const of = (given: LoopState) => loopWait(given, { ...project, retrain: weighing }, 0).for;
    expect(of(state({}))).toBe('a window with labels of the version in service: without one nothing is weighed');
    const window = { version: 1, startMs: 0, endMs: HOUR_MS, predictions: 9, rows: 9, positiveShare: 0.5 };
    const cost = { ...state({}).cost, windowLosses: [{ ...window, loss: 0.5, meanScore: 0.5 }], watchedSinceMs: 1 };
    const sum = 'a retraining would save about 0 (0 to 0) until 1970-01-01T04:00Z, it costs 200';
    expect(of(state({ cost, datasets: [version(1, 2)] }))).toBe(`a retraining to pay: ${sum}`);
    expect(of(state({ cost }))).toBe(`new labelled rows; ${sum}`);
  });

  it('is rows from after the change where none are there, or the next ones where those save more', () => {
    const losses = [0.5, 0.52, 0.49, 0.51, 0.5, 0.48, 1.2, 1.3, 1.25];
    const windowLosses = losses.map((loss, i) => ({
      ...{ version: 1, startMs: i * HOUR_MS, endMs: (i + 1) * HOUR_MS, predictions: 900, rows: 900, loss },
      ...{ positiveShare: 0.5, meanScore: 0.5 },
    }));
    const weighing = { ...project.retrain, onDrift: false, prices: { retraining: 200, loss: 1 } };
    const at = (hours: number) => {
      const datasets = Array.from({ length: hours }, (_, i) => ({ ...version(i + 1, i + 1), labelledRows: 900 }));
      const cost = { ...state({}).cost, windowLosses, watchedSinceMs: 1 };
      return loopWait(state({ cost, datasets }), { ...project, retrain: weighing }, 0).for;
    };
    expect(at(6)).toMatch(/^dataset versions with rows from after the change at 1970-01-01T06:00Z: a retraining would/);
    expect(at(7)).toMatch(/^the next dataset version, whose rows save more than the wait for them costs: a retraining/);
  });

  it('is a person where versions are rolled out by hand', () => {
    const byHand = { ...project, rollout: { ...project.rollout, automatic: false } };
    expect(loopWait(state({ waitingVersion: 3 }), byHand, 0).for).toBe('a person to roll out version 3');
    const fourEyes = { ...byHand, retrain: { ...project.retrain, approvers: 2 } };
    const approvals = ['anna', 'boris'].map((by) => ({ key: 'rollout 3', by, reason: '', atMs: 1 }));
    expect(loopWait(state({ waitingVersion: 3, approvals: approvals.slice(1) }), fourEyes, 0).for).toBe(
      'a second person beside boris to approve the rollout of version 3',
    );
    // Somebody rolls another version out by hand meanwhile: nobody is asked any more, and nothing expires.
    expect(loopWait(state({ waitingVersion: 3, loadingVersion: 2, approvals }), fourEyes, 0)).toEqual({
      for: 'the rollout of version 2, before that of version 3',
      untilMs: null,
      clock: 'processing',
    });
  });

  it('is what no episode can start without', () => {
    const data = { ...project.data, label: undefined };
    const retrain = { ...project.retrain, budgetPerDay: 2 };
    const DAY_MS = 24 * HOUR_MS;
    expect(loopWait(state({}), { ...project, data }, 0).for).toContain('nothing: the project has no label');
    expect(loopWait(state({}), { ...project, retrain: { ...retrain, onDrift: false } }, 0).for).toContain('by hand');
    expect(loopWait(state({}), { ...project, retrain: { ...retrain, budgetPerDay: 0 } }, 0).for).toContain('is 0');
    const used = state({ startedAtMs: [1, HOUR_MS, 2 * HOUR_MS] });
    // Three within a day, of which at most one may be when the next begins.
    expect(loopWait(used, { ...project, retrain }, 3 * HOUR_MS)).toMatchObject({
      for: 'the budget of 2 retrainings in 24 hours to have room',
      untilMs: HOUR_MS + DAY_MS,
    });
    expect(loopWait(used, { ...project, retrain }, 2 * HOUR_MS + DAY_MS).for).toContain('drift of any feature');
  });
});
