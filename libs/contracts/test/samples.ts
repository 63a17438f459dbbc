// One full and one sparse value of every message, for the codecs' contract suite and the golden files. Not part of
// the API.

import { ALL, cohortOfVersion, type NumericReference } from '@millrace/domain';
import { decodeAuditEntry, encodeAuditEntry } from '../src/audit.codec.js';
import { decodeCommand, encodeCommand } from '../src/command.codec.js';
import { decodeDatasetVersion, encodeDatasetVersion } from '../src/dataset-version.codec.js';
import { decodeDeadLetter, encodeDeadLetter } from '../src/dead-letter.codec.js';
import { DRIFT_EVENT_TYPE, decodeDriftEvent, encodeDriftEvent } from '../src/drift-event.codec.js';
import { decodeEvidence, encodeEvidence } from '../src/evidence.codec.js';
import { decodeLabel, encodeLabel } from '../src/label.codec.js';
import { decodeModelVersion, encodeModelVersion } from '../src/model-version.codec.js';
import { decodePartialProfile, encodePartialProfile } from '../src/partial-profile.codec.js';
import { decodePrediction, encodePrediction } from '../src/prediction.codec.js';
import { decodeProgress, encodeProgress } from '../src/progress.codec.js';
import { decodeProject, encodeProject } from '../src/project.codec.js';
import { decodeRecord, encodeRecord } from '../src/record.codec.js';
import { decodeRecordBatch, encodeRecordBatch } from '../src/record-batch.codec.js';
import { decodeReferenceProfile, encodeReferenceProfile } from '../src/reference-profile.codec.js';
import { decodeRolloutLosses, encodeRolloutLosses } from '../src/rollout-losses.codec.js';
import { decodeRoute, encodeRoute } from '../src/route.codec.js';
import { decodeTrainerEntry, encodeTrainerEntry } from '../src/trainer-entry.codec.js';
import { decodeTrainingEvent, encodeTrainingEvent } from '../src/training-event.codec.js';
import { decodeWindowMetrics, encodeWindowMetrics, type WindowMetrics } from '../src/window-metrics.codec.js';
import { EVIDENCE_OF_ENTITIES, ROLLOUT_EVIDENCE } from './rollout-evidence.js';
import { LOSSES_OF_ENTITIES, ROLLOUT_LOSSES } from './rollout-losses.js';
import { PROGRESS } from './sample-progress.js';
import { ROUTES } from './sample-routes.js';

export interface CodecSample {
  name: string;
  encode(): Uint8Array;
  decode(bytes: Uint8Array): unknown;
  value: unknown;
}

function sample<T>(
  name: string,
  value: T,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => T,
): CodecSample {
  return { name, value, encode: () => encode(value), decode };
}

const evaluation = (rows: number) => ({
  rows,
  metrics: { auc: 0.66, log_loss: 0.5, accuracy: 0.8 },
  positiveShare: 0.2,
  eventTimeFromMs: 981_000_000_000,
  eventTimeToMs: 983_000_000_000,
});

const score: NumericReference = {
  kind: 'numeric',
  name: '@score',
  missing: 0,
  edges: [0.1, 0.2],
  counts: [10, 20, 30],
  mean: 0.2,
  std: 0.1,
  min: 0.01,
  max: 0.9,
  quantiles: [0.01, 0.2, 0.9],
};

const DATASET = {
  project: 'demo',
  id: 'cafe',
  kind: 'live' as const,
  ordinal: 2,
  parent: 'beef',
  schemaHash: 'aa',
  rows: 300_000,
  labelledRows: 299_000,
  eventTimeFromMs: 981_000_000_000,
  eventTimeToMs: 983_000_000_000,
  offsets: [{ topic: 'records.v1', partition: 0, first: 5, last: 99 }],
  parquetPath: 'datasets/demo/cafe.parquet',
  parquetSha256: 'ee',
  closedAtMs: 1_795_449_600_123,
  source: 'stream',
  windowStartMs: 981_000_000_000,
  windowEndMs: 983_000_000_001,
  labelRule: '',
};

const WINDOW_METRICS: WindowMetrics = {
  project: 'demo',
  windowStartMs: 981_000_000_000,
  windowEndMs: 981_259_200_000,
  predictions: 1000,
  labels: 900,
  cohort: ALL,
  tests: [
    {
      feature: 'hour',
      detector: 'psi',
      statistic: 0.4,
      threshold: 0.2,
      pValue: Number.NaN,
      alarm: true,
      rows: 1000,
    },
  ],
  quality: {
    rows: 900,
    metrics: { auc: 0.66, log_loss: 0.5, accuracy: 0.8 },
    positiveShare: 0.2,
    meanScore: 0.21,
    eventTimeFromMs: 981_000_000_000,
    eventTimeToMs: 981_259_200_000,
  },
  software: { requestsPerSecond: 1000, requests: 0, errorShare: 0, p50Ms: 2, p99Ms: 9 },
  closedAtMs: 1_795_449_600_123,
  revision: 0,
  labelsDueMs: 0,
};

const BOUND_VERSION = {
  project: 'demo',
  version: 2,
  packagePath: 'models/demo/2',
  modelSha256: 'aa',
  packageSha256: 'bb',
  blessed: false,
  reasons: ['no labelled rows'],
  verdict: '',
  warnings: [],
  championVersion: 0,
  baselines: [],
  slices: [],
  datasetVersions: ['cafe'],
  trainingId: 't-1',
  workers: 2,
  seed: 7,
  createdAtMs: 1_795_449_600_123,
  correlationId: 'k-1',
  trainRows: 5000,
  trainSeconds: 3.5,
  origin: 'upstream' as const,
  labelRule: '',
  upstream: { address: 'triton:8001', model: 'churn', version: '' },
};

const differs = { value: 4, other: Number.NaN, difference: -1, lower: -2, upper: 0 };
const comparison = { metric: 'log_loss', rows: 9, confidence: 0.8, ...differs };
const championed = { championVersion: 1, championStanding: 'in service', championComparison: comparison };
const DISTANT_VERSION = { ...BOUND_VERSION, ...championed, championScores: { rows: 9, below: 0.25, above: 0.5 } };
const COMPARED_VERSION = { ...BOUND_VERSION, ...championed, trivialComparison: { ...comparison, other: 5 } };
const RULED_VERSION = { ...BOUND_VERSION, version: 3, packagePath: 'models/demo/3', labelRule: 'size > 5' };

export const CODEC_SAMPLES: readonly CodecSample[] = [
  sample(
    'record',
    {
      project: 'demo',
      recordId: 'r-7',
      entity: 'Zürich/ü%',
      eventTimeMs: 981_173_106_987,
      values: { size: -1.5, colour: 'grün', flag: true, off: false, none: null, zero: 0, when: 981_173_106_987 },
      schemaHash: 'aa',
      source: 'http',
      ingestedAtMs: 1_795_449_600_123,
    },
    (value) => encodeRecord(value, new Set(['when'])),
    decodeRecord,
  ),
  sample(
    'record-sparse',
    {
      project: 'p',
      recordId: 'r',
      entity: 'e',
      eventTimeMs: -5,
      values: {},
      schemaHash: '',
      source: '',
      ingestedAtMs: 0,
    },
    encodeRecord,
    decodeRecord,
  ),
  sample(
    'label',
    {
      project: 'demo',
      recordId: 'r-7',
      predictionId: 'r-7/0',
      entity: 'e',
      value: 1,
      eventTimeMs: 981_173_106_987,
      knownAtMs: 981_183_906_987,
      source: 'grpc',
      ingestedAtMs: 1_795_449_600_123,
    },
    encodeLabel,
    decodeLabel,
  ),
  sample(
    'prediction',
    {
      predictionId: 'q/0',
      project: 'demo',
      entity: 'e',
      modelVersion: 2,
      eventTimeMs: 981_173_106_987,
      answeredAtMs: 1_795_449_600_123,
      latencyUs: 812,
      features: [1.25, 'red', true, null, 0],
      outputs: [
        { name: 'probability', value: 0.125 },
        { name: 'label', value: '0' },
      ],
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      modelSha256: 'ff',
      role: 'live' as const,
    },
    encodePrediction,
    decodePrediction,
  ),
  sample(
    'prediction-drawn',
    {
      ...{ predictionId: 'q/1', project: 'demo', entity: 'e', modelVersion: 2, eventTimeMs: 0 },
      ...{ answeredAtMs: 1_795_449_600_123, latencyUs: 812, features: [], traceId: '', modelSha256: 'ff' },
      outputs: [{ name: 'probability', value: 0.125 }],
      role: 'live' as const,
      draw: { fromRevision: 9, weight: 20 },
    },
    encodePrediction,
    decodePrediction,
  ),
  sample(
    'record-batch',
    {
      project: 'demo',
      source: 'file:a.parquet',
      importId: 'i-1',
      sequence: 3,
      last: true,
      schemaHash: 'aa',
      recordIds: ['1', '2', '3'],
      entities: ['x', 'y', ''],
      eventTimeMs: [981_173_106_987, 0, -1],
      columns: [
        { kind: 'number' as const, name: 'size', values: Float64Array.from([1.5, 0, -2]), missing: [] },
        {
          kind: 'text' as const,
          name: 'colour',
          dictionary: ['red', ''],
          codes: Int32Array.from([0, 1, 0]),
          missing: [1],
        },
        { kind: 'timestamp' as const, name: 'when', valuesMs: [981_173_106_987, 0, 5], missing: [] },
        { kind: 'boolean' as const, name: 'flag', values: [true, false, true], missing: [2] },
      ],
      labels: [0, 1, 1],
      ingestedAtMs: 1_795_449_600_123,
    },
    encodeRecordBatch,
    decodeRecordBatch,
  ),
  sample(
    'trainer-entry',
    { project: 'flights', projectCreatedAtMs: 981_000_000_000, trainingId: 'flights-1', document: '{"seed":1}' },
    encodeTrainerEntry,
    decodeTrainerEntry,
  ),
  sample(
    'trainer-entry-loop',
    { project: 'flights', projectCreatedAtMs: 0, trainingId: '', document: '{}' },
    encodeTrainerEntry,
    decodeTrainerEntry,
  ),
  ...PROGRESS.map((progress) => sample(`progress-${progress.kind}`, progress, encodeProgress, decodeProgress)),
  sample(
    'dead-letter',
    {
      id: 'd-1',
      project: 'demo',
      source: 'records.v1',
      partition: 2,
      offset: 9_007_199_254_740_991,
      payload: Uint8Array.from([0, 255, 1]),
      payloadBytes: 3,
      payloadSha256: 'ab',
      reasons: [{ code: 'wrong_type' as const, field: 'size', message: 'size is a text' }],
      failedAtMs: 1_795_449_600_123,
      service: 'ingest',
      redrivenAtMs: 0,
    },
    encodeDeadLetter,
    decodeDeadLetter,
  ),
  sample(
    'dead-letter-redriven',
    {
      id: 'd-1',
      project: 'demo',
      source: 'records.v1',
      partition: 2,
      offset: 9_007_199_254_740_991,
      payload: new Uint8Array(),
      payloadBytes: 3,
      payloadSha256: 'ab',
      reasons: [{ code: 'wrong_type' as const, field: 'size', message: 'size is a text' }],
      failedAtMs: 1_795_449_600_123,
      service: 'ingest',
      redrivenAtMs: 1_795_449_700_456,
    },
    encodeDeadLetter,
    decodeDeadLetter,
  ),
  ...(
    [
      ['dataset-version', { lateRows: 0, repeatedRows: 0, nulled: [], rowsOf: 0 }],
      [
        'dataset-version-merged',
        { lateRows: 7, repeatedRows: 2, nulled: [{ column: 'Distance', values: 3 }], rowsOf: 0 },
      ],
      ['dataset-version-labelled-later', { lateRows: 0, repeatedRows: 0, nulled: [], rowsOf: 3 }],
      ['dataset-version-ruled', { lateRows: 0, repeatedRows: 0, nulled: [], rowsOf: 0, labelRule: 'size > 5' }],
    ] as const
  ).map(([name, merged]) =>
    sample(
      name,
      {
        ...DATASET,
        ...merged,
      },
      encodeDatasetVersion,
      decodeDatasetVersion,
    ),
  ),
  ...(
    [
      {
        kind: 'startTraining',
        datasetVersions: ['cafe'],
        evaluateFromMs: 0,
        evaluationShare: 0.2,
        warmStartVersion: 1,
        workers: 2,
        seed: 7,
        trigger: 'drift',
      },
      { kind: 'closeDatasets' },
      { kind: 'resetWatermark', toMs: 981_000_000_000 },
      { kind: 'collectDatasets' },
      { kind: 'addHold', dataset: 'cafe', model: 0, reason: 'case 7', by: 'ann' },
      { kind: 'removeHold', holdId: 'h-1', reason: 'closed', by: 'bob' },
      {
        kind: 'endImport',
        importId: 'i-1',
        version: { ...DATASET, ordinal: 0, parent: '', lateRows: 0, repeatedRows: 0, nulled: [], rowsOf: 0 },
        failure: '',
      },
      { kind: 'startRollout', version: 2, force: false },
      { kind: 'startRollout', version: 2, force: true },
      { kind: 'promote', version: 2 },
      { kind: 'rollback' },
      {
        kind: 'setWeights',
        weights: [
          { version: 1, weight: 90 },
          { version: 2, weight: 10 },
        ],
      },
      { kind: 'setShadows', versions: [3], share: 10 },
      { kind: 'advance', version: 2 },
      { kind: 'pause', version: 2 },
      { kind: 'resume', version: 0 },
      { kind: 'abort', version: 2 },
      {
        kind: 'startExperiment',
        ...{ name: 'prices', control: 3, share: 50, forMs: 604_800_000, force: false },
        arms: [
          { version: 3, weight: 50 },
          { version: 4, weight: 50 },
        ],
      },
      {
        kind: 'setExperimentWeights',
        ...{ name: 'prices', share: 0 },
        weights: [
          { version: 3, weight: 100 },
          { version: 4, weight: 0 },
        ],
      },
      { kind: 'endExperiment', name: 'prices', winner: 4 },
    ] as const
  ).map((action) =>
    sample(
      `command-${action.kind}${'force' in action && action.force ? '-forced' : ''}`,
      {
        id: 'c-1',
        project: 'demo',
        issuedBy: 'loop',
        issuedAtMs: 1_795_449_600_123,
        expectedRevision: 4,
        correlationId: 'k-1',
        reason: 'drift in hour',
        action,
      },
      encodeCommand,
      decodeCommand,
    ),
  ),
  sample(
    'project',
    {
      name: 'demo',
      revision: 3,
      document: '{"name":"demo"}',
      documentSha256: 'dd',
      appliedAtMs: 1_795_449_600_123,
      labelRuleSinceMs: 0,
      earlierSchemas: [],
      createdAtMs: 0,
    },
    encodeProject,
    decodeProject,
  ),
  sample(
    'project-changed',
    {
      name: 'demo',
      revision: 4,
      document: '{"name":"demo"}',
      documentSha256: 'dd',
      appliedAtMs: 1_795_449_600_123,
      labelRuleSinceMs: 1_795_449_600_123,
      earlierSchemas: ['ee', 'ff'],
      createdAtMs: 1_795_449_500_000,
    },
    encodeProject,
    decodeProject,
  ),
  ...[
    { name: 'audit-entry', id: '', project: '', tool: '', address: '', reason: '', result: '' as const },
    {
      ...{ name: 'audit-entry-said', id: 'c-1', project: 'demo', tool: 'cli', address: '127.0.0.1' },
      ...{ reason: 'latency', result: 'applied' as const },
    },
  ].map(({ name, ...said }) =>
    sample(
      name,
      {
        writer: 'router',
        sequence: 12,
        atMs: 1_795_449_600_123,
        who: 'cli',
        action: 'promote',
        subject: 'demo/2',
        detail: '',
        correlationId: 'k-1',
        previousSha256: '00',
        sha256: '11',
        ...said,
      },
      encodeAuditEntry,
      decodeAuditEntry,
    ),
  ),
  ...(
    [
      { kind: 'requested', trigger: 'drift', datasetVersions: ['cafe'] },
      { kind: 'started', workers: 2, trainRows: 1000, evaluationRows: 100, steps: 40 },
      { kind: 'progress', step: 3, steps: 40, loss: 0.51, rowsPerSecond: 120_000 },
      { kind: 'finished', version: 2, blessed: true, verdict: '', warnings: [] as readonly string[] },
      { kind: 'failed', code: 'unavailable', message: 'no worker' },
    ] as const
  ).map((event) =>
    sample(
      `training-event-${event.kind}`,
      { project: 'demo', trainingId: 't-1', atMs: 1_795_449_600_123, correlationId: 'k-1', event },
      encodeTrainingEvent,
      decodeTrainingEvent,
    ),
  ),
  sample(
    'model-version',
    {
      project: 'demo',
      version: 2,
      packagePath: 'models/demo/2',
      modelSha256: 'aa',
      packageSha256: 'bb',
      blessed: true,
      reasons: ['log loss 0.50 is below 0.52'],
      verdict: '',
      warnings: [],
      evaluation: evaluation(1000),
      championEvaluation: evaluation(1000),
      championVersion: 1,
      baselines: [{ name: 'majority', kind: 'trivial' as const, evaluation: evaluation(1000) }],
      slices: [],
      datasetVersions: ['cafe'],
      trainingId: 't-1',
      workers: 2,
      seed: 7,
      createdAtMs: 1_795_449_600_123,
      correlationId: 'k-1',
      trainRows: 5000,
      trainSeconds: 3.5,
      origin: 'trained' as const,
      labelRule: '',
    },
    encodeModelVersion,
    decodeModelVersion,
  ),
  sample('model-version-bound', BOUND_VERSION, encodeModelVersion, decodeModelVersion),
  sample('model-version-compared', COMPARED_VERSION, encodeModelVersion, decodeModelVersion),
  sample('model-version-distant', DISTANT_VERSION, encodeModelVersion, decodeModelVersion),
  sample('model-version-ruled', RULED_VERSION, encodeModelVersion, decodeModelVersion),
  sample(
    'reference-profile',
    {
      rows: 100,
      features: [
        { ...score, name: 'size' },
        {
          kind: 'categorical' as const,
          name: 'colour',
          missing: 4,
          values: ['red', 'blue'],
          counts: [50, 40],
          other: 6,
        },
      ],
      score,
      positiveShare: 0.2,
    },
    encodeReferenceProfile,
    decodeReferenceProfile,
  ),
  ...ROUTES.map(([name, route]) => sample(name, route, encodeRoute, decodeRoute)),
  sample('rollout-evidence', ROLLOUT_EVIDENCE, encodeEvidence, decodeEvidence),
  sample('rollout-losses', ROLLOUT_LOSSES, encodeRolloutLosses, decodeRolloutLosses),
  sample('rollout-losses-entities', LOSSES_OF_ENTITIES, encodeRolloutLosses, decodeRolloutLosses),
  sample('rollout-evidence-entities', EVIDENCE_OF_ENTITIES, encodeEvidence, decodeEvidence),
  sample('window-metrics', WINDOW_METRICS, encodeWindowMetrics, decodeWindowMetrics),
  sample(
    'window-metrics-revised',
    {
      ...WINDOW_METRICS,
      software: { requestsPerSecond: 1000, requests: 5000, errorShare: 0, p50Ms: 2, p99Ms: 9 },
      revision: 1,
      labelsDueMs: 981_270_000_000,
    },
    encodeWindowMetrics,
    decodeWindowMetrics,
  ),
  sample(
    'partial-profile',
    {
      project: 'demo',
      windowStartMs: 981_000_000_000,
      windowEndMs: 981_259_200_000,
      partition: 3,
      firstOffset: 5,
      lastOffset: 99,
      modelVersion: 1,
      profile: Uint8Array.from([1, 2, 3]),
    },
    encodePartialProfile,
    decodePartialProfile,
  ),
  sample(
    'drift-event',
    {
      specversion: '1.0' as const,
      type: DRIFT_EVENT_TYPE,
      id: 'demo/hour/981000000000',
      source: '/millrace/monitor/demo',
      subject: 'hour',
      time: '2026-11-23T16:00:00.000Z',
      datacontenttype: 'application/json' as const,
      data: {
        project: 'demo',
        feature: 'hour',
        detector: 'psi',
        value: 0.4,
        threshold: 0.2,
        pValue: null,
        window: { startMs: 981_000_000_000, endMs: 981_259_200_000 },
        rows: 1000,
        cohort: cohortOfVersion(1),
        correlationId: 'k-1',
        histogram: { bins: ['1', '2'], reference: [0.5, 0.5], live: [0.9, 0.1] },
      },
    },
    encodeDriftEvent,
    decodeDriftEvent,
  ),
];
