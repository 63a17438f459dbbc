// Symptoms: with a label delay of 30 days a drift of the first second was reported after 31 days; labels that came
// after their window had been judged changed nothing; and nobody was told how many rows a verdict of quality rests on.

import { describe, expect, it } from '@jest/globals';
import type { PredictionMessage } from '@millrace/contracts';
import { ALL, binaryOutputs, cohortOfVersion, seededRng } from '@millrace/domain';
import type { Evaluation } from '@millrace/evaluation';
import { buildReferenceProfile } from '@millrace/statistics';
import { aLabel, aPrediction } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, restored, saved } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import type { ClosedWindow } from './closed-window.js';
import type { Engine } from './engine.js';

const WINDOW_MS = 10_000;
const DAY_MS = 86_400_000;
const ROWS = 1_000;
const VERSION = cohortOfVersion(1);

/** What version 1 was worth when it was trained. */
class Evaluated extends MetadataCache {
  override evaluation(): Evaluation {
    return {
      ...{ rows: 20_000, metrics: { auc: 0.78, log_loss: 0.6, accuracy: 0.72 }, positiveShare: 0.5 },
      ...{ eventTimeFromMs: 0, eventTimeToMs: 1 },
    };
  }
}

/** Labels come with the probability that was answered, `wrong` ones turned round. */
class Stand {
  readonly judged: ClosedWindow[] = [];
  readonly metadata = new Evaluated();
  engine: Engine;
  private readonly rng = seededRng(3);
  private readonly rows: { prediction: PredictionMessage; label: number }[] = [];
  private readonly offsets = { predictions: 0, labels: 0 };

  constructor(
    readonly delayMs: number,
    private readonly joinRowsMax = 100_000,
  ) {
    const rng = seededRng(1);
    this.metadata.setProject(aProject(WINDOW_MS, delayMs));
    const profile = buildReferenceProfile({
      features: [
        { name: 'x', kind: 'numeric', values: Array.from({ length: 20_000 }, () => rng.normal()) },
        { name: 'c', kind: 'categorical', values: Array.from({ length: 20_000 }, () => `c${rng.below(5)}`) },
      ],
      scoreName: 'probability',
      scores: Array.from({ length: 20_000 }, () => rng.next()),
      positiveShare: 0.5,
    });
    const inputs = [
      { name: 'x', kind: 'numeric' as const },
      { name: 'c', kind: 'categorical' as const },
    ];
    this.metadata.setReference('p', 1, { profile, inputs });
    this.engine = this.opened();
  }

  opened(): Engine {
    return anEngine(this.metadata, {
      joinRowsMax: this.joinRowsMax,
      retainedWindows: 4,
      windowsKept: 1_000,
    });
  }

  /** Predictions of a window; processing time is event time. */
  window(index: number, shift = 0, modelVersion = 1): void {
    for (let i = 0; i < ROWS; i++) {
      const eventTimeMs = index * WINDOW_MS + i * 10;
      const probability = this.rng.next();
      const prediction = aPrediction({
        ...{ predictionId: `r${index}-${i}/0`, project: 'p', eventTimeMs, answeredAtMs: eventTimeMs, modelVersion },
        ...{ features: [this.rng.normal() + shift, `c${this.rng.below(5)}`], outputs: binaryOutputs(probability) },
      });
      this.rows.push({ prediction, label: this.rng.next() < probability ? 1 : 0 });
      this.engine.applyPrediction(prediction, 0, this.offsets.predictions++, eventTimeMs);
    }
    this.close((index + 1) * WINDOW_MS);
  }

  /** Labels of rows of a window, known at `knownAtMs`. */
  labels(index: number, knownAtMs: number, { from = 0, to = ROWS, wrong = false } = {}): void {
    for (const { prediction, label } of this.rows.slice(index * ROWS + from, index * ROWS + to)) {
      const { predictionId, eventTimeMs } = prediction;
      const value = wrong ? 1 - label : label;
      const message = aLabel({ project: 'p', predictionId, recordId: '', eventTimeMs, knownAtMs, value });
      this.engine.applyLabel(message, 0, this.offsets.labels++, knownAtMs);
    }
    this.close(knownAtMs);
  }

  close(nowMs: number): void {
    this.judged.push(...this.engine.close(nowMs).map(({ window }) => window));
  }

  /** The process dies and goes on from its checkpoint. */
  restart(nowMs: number): void {
    const durable = saved(this.engine);
    this.engine = restored(this.opened(), durable, nowMs);
    this.engine.monitor('p', nowMs);
  }

  get counters() {
    return this.engine.monitor('p', 0)!.counters;
  }

  record(index: number) {
    return [...this.engine.windowsBefore('p')].find(({ startMs }) => startMs === index * WINDOW_MS)!;
  }
}

const told = (windows: readonly ClosedWindow[]) =>
  windows.map(({ startMs, revision, drift, corrections }) => [
    startMs / WINDOW_MS,
    revision,
    ...drift.map(({ data }) => data.feature),
    ...corrections.map(({ data }) => `${data.alarming ? 'rings' : 'calm'} after ${data.corrects}`),
  ]);

describe('a label delay of 30 days', () => {
  it('does not hold the verdict about inputs and scores', () => {
    const stand = new Stand(30 * DAY_MS);
    for (let index = 0; index < 100; index++) stand.window(index, index === 0 ? 1 : 0);
    // The last window waits for a second of lateness.
    expect(stand.judged).toHaveLength(99);
    expect(told(stand.judged)[0]).toEqual([0, 0, 'x']);
    expect(stand.record(0).metrics[0]).toMatchObject({ revision: 0, labelsDueMs: WINDOW_MS + 30 * DAY_MS + 1_000 });
    expect(stand.counters).toMatchObject({ windowsClosed: 99, windowsClosedEarly: 0, qualityJudged: 0 });
  });

  it('has the end of drift told, once, with the event that it ends, in the first window that is calm, a restart between', () => {
    const stand = new Stand(30 * DAY_MS);
    for (let index = 0; index < 12; index++) {
      stand.window(index, index === 2 || index === 3 || index === 4 || index === 8 ? 1 : 0);
      if (index === 3) stand.restart(4 * WINDOW_MS);
    }
    const drift = stand.judged.flatMap((window) => window.drift);
    expect(drift.map(({ data }) => [data.feature, data.window.startMs / WINDOW_MS])).toEqual([
      ['x', 2],
      ['x', 8],
    ]);
    const ended = stand.judged.flatMap((window) => window.ended);
    expect(ended.map(({ data }) => [data.window.startMs / WINDOW_MS, data.ends, data.windows, data.reason])).toEqual([
      [5, drift[0]?.id, 3, 'calm'],
      [9, drift[1]?.id, 1, 'calm'],
    ]);
    expect(ended[0]?.data).toMatchObject({
      feature: 'x',
      cohort: VERSION,
      correlationId: drift[0]?.data.correlationId,
    });
    expect(ended[0]?.data.message).toMatch(
      /^x is calm again: \w+ [\d.e-]+ < [\d.]+ over \d+ rows of .*, after 3 windows$/,
    );
    expect(new Set([...drift, ...ended].map(({ id }) => id)).size).toBe(4);
  });

  // Symptom: the second rollout of a version that drifted in its first one was not stopped: no event came of it.
  it('has drift told anew where its version serves again, after a restart too, by the same id each time it is judged', () => {
    const rolledOutTwice = (restartsAt: number) => {
      const stand = new Stand(30 * DAY_MS);
      for (let index = 0; index < 9; index++) {
        stand.window(index, index < 6 ? 1 : 0, index === 2 || index === 3 ? 2 : 1);
        if (index === restartsAt) stand.restart((index + 1) * WINDOW_MS);
      }
      const drift = stand.judged.flatMap((window) => window.drift).filter(({ data }) => data.feature === 'x');
      return { drift, ended: stand.judged.flatMap(({ ended }) => ended) };
    };
    const { drift, ended } = rolledOutTwice(-1);
    expect(drift.map(({ data }) => [data.window.startMs / WINDOW_MS, data.continues])).toEqual([
      [0, undefined],
      [4, drift[0]?.id],
    ]);
    expect(drift[1]?.data.message).toMatch(/^x drifts on: /);
    expect(ended.map(({ data }) => [data.ends, data.window.startMs / WINDOW_MS, data.windows])).toEqual([
      [drift[1]?.id, 6, 4],
    ]);
    const idsOf = (told: ReturnType<typeof rolledOutTwice>) => [...told.drift, ...told.ended].map(({ id }) => id);
    expect(idsOf(rolledOutTwice(3))).toEqual(idsOf({ drift, ended }));
  });

  it('has quality judged when it is over, after a restart too', () => {
    const stand = new Stand(30 * DAY_MS);
    for (let index = 0; index < 10; index++) stand.window(index);
    stand.restart(100_000);
    for (let index = 0; index < 10; index++) stand.labels(index, (index + 1) * WINDOW_MS + 30 * DAY_MS + 500);
    const before = stand.judged.length;
    stand.labels(0, 30 * DAY_MS + 10 * WINDOW_MS, { to: 0 });
    expect(stand.counters).toMatchObject({ labelsJoined: 10 * ROWS, unmatchedLabels: 0, lateLabels: 0 });
    expect(stand.judged.slice(0, before).filter(({ revision }) => revision === 1)).toHaveLength(9);
    const [all, version] = stand.record(3).metrics;
    expect([all!.cohort, version!.cohort]).toEqual([ALL, VERSION]);
    for (const row of [all!, version!]) expect(row).toMatchObject({ predictions: ROWS, labels: ROWS, revision: 1 });
    const tests = version!.tests.map(({ feature }) => feature);
    expect([...new Set(tests)]).toEqual(['x', 'c', '@score', '@software', '@quality']);
  });
});

describe('labels that come after their window was judged', () => {
  const DELAY_MS = 3_000;
  const due = (index: number) => (index + 1) * WINDOW_MS + DELAY_MS + 1_000;

  it('take an alarm back by a correction that names its event, and ring nothing', () => {
    const stand = new Stand(DELAY_MS);
    stand.window(0);
    // Labels are delivered: they are waited for.
    stand.labels(0, 1, { to: 1 });
    stand.window(1);
    stand.labels(0, due(0), { from: 1, to: 110, wrong: true });
    const [event] = stand.judged.flatMap(({ drift }) => drift);
    expect(event!.data).toMatchObject({ feature: '@quality', cohort: VERSION, rows: ROWS, coverage: 0.11 });
    expect(event!.data.message).toMatch(/over 1000 rows of .*, 110 of them labelled/);
    expect(stand.engine.monitor('p', 0)!.alarms.active).toBe(1);
    stand.labels(0, due(0) + 1, { from: 110 });
    expect(told(stand.judged).slice(2)).toEqual([]);
    stand.window(2);
    stand.labels(1, due(1));
    expect(told(stand.judged).slice(3)).toEqual([
      [0, 2, `calm after ${event!.id}`],
      [1, 1],
    ]);
    expect(stand.record(0).corrections[0]!.data).toMatchObject({ corrects: event!.id, alarming: false, coverage: 1 });
    expect(stand.record(0).ended.map(({ data }) => [data.ends, data.reason, data.windows])).toEqual([
      [event!.id, 'corrected', 1],
    ]);
    expect(stand.record(0).metrics[1]).toMatchObject({ labels: ROWS, revision: 2 });
    const { alarms } = stand.engine.monitor('p', 0)!;
    expect(alarms.list().map(({ subject, endReason }) => [subject, endReason])).toEqual([['@quality', 'corrected']]);
    expect(stand.counters).toMatchObject({ lateLabels: 890, qualityCorrected: 1, driftEvents: 1 });
  });

  it('ring once where the window had too few labels to be tested', () => {
    const stand = new Stand(DELAY_MS);
    stand.window(0);
    // Labels are delivered: they are waited for.
    stand.labels(0, 1, { to: 1 });
    stand.window(1);
    stand.labels(0, due(0), { from: 1, to: 50 });
    expect(stand.record(0).metrics[1]!.tests.filter(({ feature }) => feature === '@quality')).toEqual([]);
    stand.labels(0, due(0) + 1, { from: 50, wrong: true });
    // Nothing else closes: they are judged when no more came for as long as a silent delivery is waited for.
    stand.close(due(0) + 59_000);
    expect(stand.record(0).revision).toBe(1);
    stand.close(due(0) + 61_000);
    expect(told(stand.judged).filter(([window]) => window === 0)).toEqual([
      [0, 0],
      [0, 1],
      [0, 2, '@quality'],
    ]);
  });

  it('and the predictions that came late with them count for quality', () => {
    const stand = new Stand(DELAY_MS);
    stand.window(0);
    // Labels are delivered: they are waited for.
    stand.labels(0, 1, { to: 1 });
    stand.window(1);
    const late = aPrediction({ predictionId: 'late/0', project: 'p', eventTimeMs: 5_000, answeredAtMs: 21_000 });
    stand.engine.applyPrediction(late, 0, 1e6, 21_000);
    const label = { predictionId: 'late/0', recordId: '', eventTimeMs: 5_000, knownAtMs: due(0), value: 1 };
    stand.engine.applyLabel(aLabel({ project: 'p', ...label }), 1, 0, 21_000);
    stand.labels(0, due(0), { from: 1, to: 999 });
    expect(stand.record(0).metrics[1]).toMatchObject({ predictions: ROWS + 1, labels: ROWS });
    expect(stand.counters).toMatchObject({ latePredictions: 1, unmatchedLabels: 0 });
  });
});

describe('predictions without an event time', () => {
  it('are found by labels of any time, also after a restart', () => {
    const stand = new Stand(3_000);
    stand.window(0);
    const answered = aPrediction({ predictionId: 'a/0', project: 'p', eventTimeMs: 0, answeredAtMs: 5_000 });
    stand.engine.applyPrediction(answered, 0, 1e6, 9_999);
    stand.window(1);
    stand.restart(20_000);
    const label = { predictionId: 'a/0', recordId: '', eventTimeMs: 15_000, knownAtMs: 15_000, value: 1 };
    stand.engine.applyLabel(aLabel({ project: 'p', ...label }), 0, 0, 20_000);
    expect(stand.counters).toMatchObject({ labelsJoined: 1, unmatchedLabels: 0 });
  });
});

// Symptom: `labels add` right after `predict` joined 11 of 20 rows, or none: labels.v1 is read by itself.
describe('a prediction without an event time that is read after its label', () => {
  it.each([
    ['names a time of another open window', 12 * WINDOW_MS + 11_000, 0],
    ['names a time whose window is over', 1_000, 0],
    ['is of another partition', 1_000, 1],
  ])('meets it where the label %s', (_what, eventTimeMs, partition) => {
    const stand = new Stand(0);
    for (let index = 0; index < 12; index++) stand.window(index);
    const nowMs = 12 * WINDOW_MS + 1;
    const label = { predictionId: '', recordId: 'r-1', eventTimeMs, knownAtMs: eventTimeMs, value: 1 };
    stand.engine.applyLabel(aLabel({ project: 'p', ...label }), partition, 0, nowMs);
    expect(stand.counters.labelsJoined).toBe(0);
    const answered = { project: 'p', predictionId: 'r-1/0', eventTimeMs: 0, answeredAtMs: nowMs };
    for (let offset = 1e6; offset < 1e6 + 2; offset++)
      stand.engine.applyPrediction(aPrediction(answered), 0, offset, nowMs);
    expect(stand.counters).toMatchObject({ labelsJoined: 1, unmatchedLabels: 0, duplicatePredictions: 1 });
    // One that names the time of its event has its label by that.
    const timed = { ...answered, predictionId: 'r-2/0', eventTimeMs: nowMs };
    stand.engine.applyLabel(aLabel({ project: 'p', ...label, recordId: 'r-2' }), partition, 1, nowMs);
    stand.engine.applyPrediction(aPrediction(timed), 0, 1e6 + 2, nowMs);
    expect(stand.counters.labelsJoined).toBe(1);
  });
});

it('a label that waits when the process dies meets the prediction that is read after it', () => {
  const stand = new Stand(0);
  for (let index = 0; index < 12; index++) stand.window(index);
  const nowMs = 12 * WINDOW_MS + 1;
  const label = { predictionId: '', recordId: 'r-1', eventTimeMs: nowMs + 11_000, knownAtMs: nowMs, value: 1 };
  stand.engine.applyLabel(aLabel({ project: 'p', ...label }), 0, 0, nowMs);
  stand.restart(nowMs);
  const answered = { project: 'p', predictionId: 'r-1/0', eventTimeMs: 0, answeredAtMs: nowMs };
  stand.engine.applyPrediction(aPrediction(answered), 0, 1e6, nowMs);
  expect(stand.counters).toMatchObject({ labelsJoined: 1, unmatchedLabels: 0 });
});

describe('more rows that wait for labels than the bound', () => {
  it('have quality of the oldest windows judged early, and counted', () => {
    const stand = new Stand(30 * DAY_MS, 5 * ROWS);
    for (let index = 0; index < 10; index++) {
      stand.window(index);
      if (index === 0) stand.labels(0, WINDOW_MS, { to: 600 });
    }
    const early = stand.engine.outbox.map(({ window }) => window).filter(({ revision }) => revision === 1);
    expect(early.map(({ startMs }) => startMs / WINDOW_MS)).toEqual([0, 1, 2, 3, 4]);
    expect(early[0]!.metrics[1]).toMatchObject({ predictions: ROWS, labels: 600 });
    expect(stand.counters).toMatchObject({ qualityJudgedEarly: 5, unjoinable: 0, windowsClosedEarly: 0 });
  });
});
