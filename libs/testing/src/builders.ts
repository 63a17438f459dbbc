// Valid values with everything filled in; a test states only what it is about.

import type { LabelMessage, ModelVersion, PredictionMessage, RecordMessage } from '@millrace/contracts';
import { binaryOutputs } from '@millrace/domain';
import type { InboundMessage } from '@millrace/kafka';

export function aRecord(part: Partial<RecordMessage> = {}): RecordMessage {
  return {
    project: 'demo',
    recordId: 'r-1',
    entity: 'e-1',
    eventTimeMs: 1_000,
    values: { size: 1.5, colour: 'red' },
    schemaHash: 'schema',
    source: 'http',
    ingestedAtMs: 2_000,
    ...part,
  };
}

export function aLabel(part: Partial<LabelMessage> = {}): LabelMessage {
  return {
    project: 'demo',
    recordId: 'r-1',
    predictionId: '',
    entity: 'e-1',
    value: 1,
    eventTimeMs: 1_000,
    knownAtMs: 1_500,
    source: 'http',
    ingestedAtMs: 2_000,
    ...part,
  };
}

export function aPrediction(part: Partial<PredictionMessage> = {}): PredictionMessage {
  return {
    predictionId: 'q-1/0',
    project: 'demo',
    entity: 'e-1',
    modelVersion: 1,
    eventTimeMs: 1_000,
    answeredAtMs: 2_000,
    latencyUs: 800,
    features: [1.5, 'red'],
    outputs: binaryOutputs(0.25),
    traceId: '',
    modelSha256: 'model',
    role: 'live',
    ...part,
  };
}

/** Blessed, and trained on one dataset version. */
export function aModelVersion(part: Partial<ModelVersion> = {}): ModelVersion {
  const { project = 'demo', version = 1 } = part;
  return {
    project,
    version,
    packagePath: `models/${project}/${version}`,
    modelSha256: 'model',
    packageSha256: 'package',
    blessed: true,
    verdict: `version ${version} is blessed`,
    warnings: [],
    reasons: [],
    evaluation: {
      rows: 1_000,
      metrics: { log_loss: 0.5 },
      positiveShare: 0.5,
      eventTimeFromMs: 0,
      eventTimeToMs: 1_000,
    },
    championVersion: 0,
    baselines: [],
    slices: [],
    datasetVersions: ['dataset'],
    trainingId: 'training',
    workers: 1,
    seed: 1,
    createdAtMs: 1_000,
    correlationId: '',
    trainRows: 1_000,
    trainSeconds: 1,
    origin: 'trained',
    labelRule: '',
    ...part,
  };
}

/** A consumed message around a value. */
export function anInbound(topic: string, value: Uint8Array | null, part: Partial<InboundMessage> = {}): InboundMessage {
  return {
    topic,
    partition: 0,
    offset: 0,
    key: null,
    value: value === null ? null : Buffer.from(value),
    headers: {},
    timestampMs: 0,
    ...part,
  };
}
