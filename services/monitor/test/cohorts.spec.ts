// What only names its cohort and its task passes through the whole monitor without anybody assuming versions or binary
// answers: a slice from prediction to API, and a task of two numbers from its bytes to the figures of quality.

import { describe, expect, it } from '@jest/globals';
import {
  DRIFT_EVENT_TYPE,
  decodeDriftEvent,
  decodePrediction,
  decodeWindowMetrics,
  encodeDriftEvent,
  encodePrediction,
  encodeWindowMetrics,
} from '@millrace/contracts';
import {
  ALL,
  binaryOutputs,
  type Cohort,
  cohortKey,
  cohortOfVersion,
  type Output,
  outputValue,
  seededRng,
  type Task,
} from '@millrace/domain';
import type { Project } from '@millrace/project';
import { buildReferenceProfile, Moments } from '@millrace/statistics';
import { aLabel, aPrediction } from '@millrace/testing';
import { MonitorGrpc } from '../src/api/monitor.grpc.js';
import {
  alarmsView,
  driftEventsView,
  labelsJoinedView,
  qualityRangeView,
  type ViewSources,
  windowsView,
} from '../src/api/views.js';
import { Annotations } from '../src/live/annotations.js';
import { LastTold } from '../src/live/last-told.js';
import { LiveTrafficByProject } from '../src/live/live-traffic.js';
import { Loops } from '../src/live/loops.js';
import { Marks } from '../src/live/marks.js';
import { MetadataCache } from '../src/metadata/metadata-cache.js';
import type { QualityCounts, TaskTerms } from '../src/quality/task-terms.js';
import { TrafficHistory } from '../src/software/traffic-history.js';
import type { Engine, EngineOptions } from '../src/windows/engine.js';
import { aProject } from './a-project.js';
import { anEngine, numberState, restored, saved } from './an-engine.js';

const WINDOW_MS = 10_000;
const FROM_MS = 100_000;
const ROWS = 5_000;

function metadataOf(project: Project, scoreOf: (rng: { next(): number }) => number): MetadataCache {
  const rng = seededRng(1);
  const rows = 20_000;
  const metadata = new MetadataCache();
  metadata.setProject(project);
  const profile = buildReferenceProfile({
    features: [
      { name: 'x', kind: 'numeric', values: Array.from({ length: rows }, () => rng.normal()) },
      { name: 'c', kind: 'categorical', values: Array.from({ length: rows }, () => `c${rng.below(5)}`) },
    ],
    scoreName: 'probability',
    scores: Array.from({ length: rows }, () => scoreOf(rng)),
    positiveShare: 0.5,
  });
  metadata.setReference(project.name, 1, {
    profile,
    inputs: [
      { name: 'x', kind: 'numeric' },
      { name: 'c', kind: 'categorical' },
    ],
  });
  return metadata;
}

function engineOf(project: Project, metadata: MetadataCache, part: Partial<EngineOptions>): Engine {
  const idleMs = { predictions: 5_000, labels: 5_000 };
  return anEngine(metadata, { project: () => project, idleMs, retainedWindows: 100, ...part });
}

/** A row every 10 ms through the prediction's bytes, its label at once; then silence. */
function feed(engine: Engine, rowOf: (i: number) => { features: [number, string]; outputs: Output[]; label: number }) {
  for (let i = 0; i < ROWS; i++) {
    const eventTimeMs = FROM_MS + i * 10;
    const { features, outputs, label } = rowOf(i);
    const head = { predictionId: `r${i}/0`, project: 'p', eventTimeMs, answeredAtMs: eventTimeMs };
    const prediction = decodePrediction(encodePrediction(aPrediction({ ...head, features, outputs })));
    expect(engine.monitor('p', eventTimeMs)?.task.outputsFault(prediction.outputs)).toBeUndefined();
    engine.applyPrediction(prediction, 0, i, eventTimeMs);
    const known = { project: 'p', recordId: `r${i}`, predictionId: `r${i}/0`, value: label };
    engine.applyLabel(aLabel({ ...known, eventTimeMs, knownAtMs: eventTimeMs + 1_000 }), 0, i, eventTimeMs);
  }
  engine.close(FROM_MS + ROWS * 10 + 60_000);
}

describe('a slice', () => {
  const project = aProject(WINDOW_MS);
  const rng = seededRng(7);
  const metadata = metadataOf(project, (draw) => draw.next());
  const engine = engineOf(project, metadata, {
    slicesOf: ({ features }) => [{ column: 'c', value: String(features[1]) }],
  });
  // Only where c is c3, and only from the fourth window on, x moves.
  feed(engine, (i) => {
    const c = `c${rng.below(5)}`;
    const probability = rng.next();
    const shifted = c === 'c3' && i >= 3_000;
    return {
      features: [rng.normal() + (shifted ? 2 : 0), c],
      outputs: binaryOutputs(probability),
      label: rng.next() < probability ? 1 : 0,
    };
  });
  const SLICE: Cohort = { version: 1, slice: { column: 'c', value: 'c3' } };
  const monitor = engine.monitor('p', 0)!;
  const windows = [...engine.windowsBefore('p')];
  const sources: ViewSources = {
    engine,
    metadata,
    traffic: new TrafficHistory(),
    liveTraffic: new LiveTrafficByProject(),
    annotations: new Annotations(),
    loops: new Loops(() => Promise.reject(new Error('not asked'))),
    analyses: new LastTold(() => Promise.reject(new Error('not asked'))),
    marks: new Marks(0),
  };

  it('has a row in every window, with rows, tests and quality of its own', () => {
    // The last one waits for its labels.
    expect(windows.length).toBe(ROWS / (WINDOW_MS / 10) - 1);
    for (const { metrics } of windows) {
      const keys = metrics.map(({ cohort }) => cohortKey(cohort));
      expect(keys).toEqual(['all', '1', '1;c=c0', '1;c=c1', '1;c=c2', '1;c=c3', '1;c=c4']);
      const of = (cohort: Cohort) => metrics.find((row) => cohortKey(row.cohort) === cohortKey(cohort))!;
      const slices = metrics.filter(({ cohort }) => cohort.slice !== 'all');
      expect(slices.reduce((sum, row) => sum + row.predictions, 0)).toBe(of(cohortOfVersion(1)).predictions);
      expect(of(SLICE).quality).toMatchObject({ rows: of(SLICE).predictions });
      expect(of(SLICE).software).toBeUndefined();
      expect(of(SLICE).tests.map((test) => test.feature)).toContain('x');
    }
  });

  it('rings when it drifts, with an event and an episode of its own', () => {
    const ofSlice = windows.flatMap((window) => window.drift).filter(({ data }) => data.cohort.slice !== 'all');
    expect(ofSlice.map(({ id }) => id)).toContain(`p/${FROM_MS + 3_000 * 10}/1;c=c3/x/${ofSlice[0]?.data.detector}`);
    expect(
      new Set(ofSlice.filter(({ data }) => data.feature === 'x').map(({ data }) => cohortKey(data.cohort))),
    ).toEqual(new Set(['1;c=c3']));
    expect(ofSlice[0]?.data.message).toContain('of version 1 where c is c3');
    expect(monitor.alarms.list().map(({ id }) => id)).toContain(`1;c=c3/x/${FROM_MS + 30_000}`);
  });

  it('passes the bytes of topics', () => {
    const row = windows[0]!.metrics.find(({ cohort }) => cohortKey(cohort) === cohortKey(SLICE))!;
    expect(decodeWindowMetrics(encodeWindowMetrics(row))).toMatchObject({
      cohort: SLICE,
      predictions: row.predictions,
    });
    const { id, data } = windows.flatMap((window) => window.drift).find((one) => one.data.cohort.slice !== 'all')!;
    const event = { specversion: '1.0', type: DRIFT_EVENT_TYPE, id, source: '/s', subject: 'x', time: 't' } as const;
    const whole = { ...event, datacontenttype: 'application/json', data } as const;
    expect(decodeDriftEvent(encodeDriftEvent(whole)).data).toEqual(data);
  });

  it('is what the APIs answer', async () => {
    const plain = <T>(view: T): T => JSON.parse(JSON.stringify(view));
    const has = (rows: readonly { cohort?: Cohort | undefined }[]) =>
      rows.some(({ cohort }) => cohort !== undefined && cohortKey(cohort) === cohortKey(SLICE));
    expect(has(plain(windowsView(sources, 'p', 1)).windows[0]!.cohorts)).toBe(true);
    expect(has(plain(await qualityRangeView(monitor, 0, Number.POSITIVE_INFINITY)).cohorts)).toBe(true);
    expect(has(plain(alarmsView(sources, monitor)).alarms)).toBe(true);
    expect(has(plain(driftEventsView(sources, 'p', 100)).driftEvents)).toBe(true);
    const joined = plain(labelsJoinedView(monitor, SLICE));
    expect(has(joined.byCohort)).toBe(true);
    expect(joined.labelsJoined).toBe(monitor.counters.joinedByCohort['1;c=c3']);
    expect(labelsJoinedView(monitor, ALL).labelsJoined).toBe(ROWS);
    const rpc = new MonitorGrpc(sources, {} as never).listWindows({ project: 'p', limit: 1 } as never);
    expect(rpc.windows.map(({ cohort }) => cohort?.slice?.value)).toContain('c3');
  });

  it('is in the checkpoint', () => {
    const before = engineOf(project, metadata, {
      slicesOf: ({ features }) => [{ column: 'c', value: `${features[1]}` }],
    });
    const message = aPrediction({ project: 'p', features: [0, 'c3'], eventTimeMs: FROM_MS, predictionId: 'r/0' });
    before.applyPrediction(message, 0, 0, FROM_MS);
    const after = engineOf(project, metadata, {});
    restored(after, saved(before));
    after.applyLabel(aLabel({ project: 'p', predictionId: 'r/0', eventTimeMs: FROM_MS, value: 1 }), 0, 0, FROM_MS);
    expect(after.monitor('p', FROM_MS)!.counters.joinedByCohort).toEqual({ 1: 1, '1;c=c3': 1 });
    expect(numberState(after, 0).parts[0]?.part.windows[0]?.profiles.map(({ cohort, rows }) => [cohort, rows])).toEqual(
      [
        ['all', 1],
        ['1', 1],
        ['1;c=c3', 1],
      ],
    );
  });
});

/** Two numbers an answer; the label is the number that the first one guesses. */
const GUESS: Task = {
  kind: 'guess',
  outputs: [
    { name: 'mean', datatype: 'FP32', shape: [] },
    { name: 'spread', datatype: 'FP32', shape: [] },
  ],
  scoreName: 'mean',
  labelFault: (label) => (Number.isFinite(label) ? undefined : 'not a number'),
  outputsFault: (outputs) => (typeof outputValue(outputs, 'mean') === 'number' ? undefined : "no output 'mean'"),
  scoreOf: (outputs) => outputValue(outputs, 'mean') as number,
  outputsOf: (score) => [{ name: 'mean', value: score }],
  trivialBaseline: { name: 'mean', outputs: () => [] },
};

class Errors implements QualityCounts {
  readonly bytes = 64;
  constructor(readonly moments = new Moments()) {}

  get rows(): number {
    return this.moments.count;
  }

  add(score: number, label: number): void {
    this.moments.add(score - label);
  }

  merge(other: Errors): void {
    this.moments.merge(other.moments);
  }

  state(): ReturnType<Moments['state']> {
    return this.moments.state();
  }
}

const GUESS_TERMS: TaskTerms = {
  task: GUESS,
  lossOf: () => undefined,
  openCounts: () => new Errors(),
  countsFromState: (state) => new Errors(Moments.fromState(state as ReturnType<Moments['state']>)),
  evaluation: (counts, span) => {
    const { moments } = counts as Errors;
    return { rows: counts.rows, metrics: { bias: moments.mean }, positiveShare: 0, meanScore: 0, ...span };
  },
};

describe('a task that is not binary', () => {
  const project = { ...aProject(WINDOW_MS), scope: { ...aProject(WINDOW_MS).scope, task: 'guess' as never } };
  const rng = seededRng(3);
  const metadata = metadataOf(project, (draw) => 100 + 50 * draw.next());
  const engine = engineOf(project, metadata, { terms: () => GUESS_TERMS });
  // From the third window on the guesses move up by 30, which is an error of 30, too.
  feed(engine, (i) => {
    const truth = 100 + 50 * rng.next();
    const mean = truth + (i >= 2_000 ? 30 : 0);
    const outputs = [
      { name: 'mean', value: mean },
      { name: 'spread', value: 2 },
    ];
    return { features: [rng.normal(), `c${rng.below(5)}`], outputs, label: truth };
  });

  it('has its score watched, its labels joined and its own figures of quality', () => {
    const windows = [...[...engine.windowsBefore('p')]].reverse();
    const rows = windows.map(({ metrics }) => metrics.find(({ cohort }) => cohort.version === 1)!);
    expect(rows.map(({ quality }) => Math.round(quality?.metrics.bias as number))).toEqual([0, 0, 30, 30]);
    const rang = (row: (typeof rows)[number]) => row.tests.some((test) => test.feature === '@score' && test.alarm);
    expect(rows.map(rang)).toEqual([false, false, true, true]);
    for (const row of rows)
      expect(decodeWindowMetrics(encodeWindowMetrics(row)).quality?.metrics).toEqual(row.quality?.metrics);
    expect(engine.monitor('p', 0)!.counters).toMatchObject({ labelsJoined: ROWS, contradictingLabels: 0 });
  });

  it('keeps labels apart by their value, and its quality through a checkpoint', () => {
    const nowMs = FROM_MS + ROWS * 10;
    const again = restored(engineOf(project, metadata, { terms: () => GUESS_TERMS }), saved(engine));
    const [whole, copy] = [engine.monitor('p', nowMs)!, again.monitor('p', nowMs)!];
    expect(copy.quality.figures(ALL, 0, nowMs).metrics.bias).toBeCloseTo(18, 6);
    expect(copy.quality.figures(ALL, 0, nowMs)).toEqual(whole.quality.figures(ALL, 0, nowMs));
    copy.label(aLabel({ project: 'p', predictionId: 'r0/0', eventTimeMs: FROM_MS, value: 123_456 }), 0, 0, nowMs);
    expect(copy.counters.contradictingLabels).toBe(1);
  });

  it('is not restored from the state of another task', () => {
    const binary = engineOf(aProject(WINDOW_MS), metadata, {});
    restored(binary, saved(engine));
    const monitor = binary.monitor('p', FROM_MS)!;
    expect(monitor.quality.list()).toEqual([]);
    expect(monitor.counters.labelsJoined).toBe(ROWS);
  });
});
