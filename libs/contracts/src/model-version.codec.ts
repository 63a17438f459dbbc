// Codec of topic models.v1 (compacted): proto millrace.model.v1.ModelVersion, key "<project>/<version>".

import { BASELINE_KINDS, type Evaluation, type EvaluationReport } from '@millrace/evaluation';
import { evaluationFromWire, evaluationToWire, type WireEvaluation } from './evaluation.codec.js';
import { ModelVersionSchema } from './gen/millrace/model/v1/model_pb.js';
import { messageCodec } from './message-codec.js';

/** Where a version's answers come from: trained here, a model file that was registered, a V2 server elsewhere. */
type ModelOrigin = 'trained' | 'file' | 'upstream';

export interface ModelVersion extends Omit<EvaluationReport, 'evaluation' | 'intervals'> {
  project: string;
  /** 1, 2, 3 ... */
  version: number;
  /** Artifact-store path of the package folder. */
  packagePath: string;
  /** SHA-256 over signature, features.json and weights. */
  modelSha256: string;
  packageSha256: string;
  evaluation?: Evaluation | undefined;
  datasetVersions: readonly string[];
  trainingId: string;
  workers: number;
  seed: number;
  createdAtMs: number;
  correlationId: string;
  trainRows: number;
  trainSeconds: number;
  origin: ModelOrigin;
  /** Of origin "upstream": its gRPC endpoint, what it calls the model, and the version ('' = its own choice). */
  upstream?: { address: string; model: string; version: string } | undefined;
  /** Of which rule its labels were (labelRuleText of libs/project); empty = not known, or there was none. */
  labelRule: string;
}

type Wire<T> = Omit<T, 'evaluation'> & { evaluation?: WireEvaluation | undefined };

type Rewritten = 'championEvaluation' | 'championStanding' | 'baselines' | 'slices' | 'origin';

interface WireModelVersion extends Omit<Wire<ModelVersion>, Rewritten> {
  /** Empty = trained, as in versions of v0.1. */
  origin: string;
  /** Empty = none. */
  championStanding: string;
  championEvaluation?: WireEvaluation | undefined;
  baselines: readonly Wire<ModelVersion['baselines'][number]>[];
  slices: readonly Wire<ModelVersion['slices'][number]>[];
}

const codec = messageCodec<WireModelVersion>(ModelVersionSchema, {
  ModelVersion: {
    required: ['project', 'version', 'packagePath', 'modelSha256'],
    closed: { origin: ['', 'file', 'upstream'] },
  },
  Upstream: { required: ['address', 'model'] },
  Comparison: { required: ['metric'] },
  ScoreDistance: { required: ['rows'] },
  Baseline: { required: ['name'], closed: { kind: BASELINE_KINDS } },
  SliceEvaluation: { required: ['column', 'evaluation'] },
});

export function encodeModelVersion(model: ModelVersion): Uint8Array {
  const { evaluation, championEvaluation, baselines, slices } = model;
  return codec.encode({
    ...model,
    origin: model.origin === 'trained' ? '' : model.origin,
    championStanding: model.championStanding ?? '',
    evaluation: evaluation && evaluationToWire(evaluation),
    championEvaluation: championEvaluation && evaluationToWire(championEvaluation),
    baselines: baselines.map((of) => ({ ...of, evaluation: of.evaluation && evaluationToWire(of.evaluation) })),
    slices: slices.map((of) => ({ ...of, evaluation: evaluationToWire(of.evaluation) })),
  });
}

export function decodeModelVersion(bytes: Uint8Array): ModelVersion {
  const wire = codec.decode(bytes);
  const { evaluation, championEvaluation, baselines, slices } = wire;
  return {
    ...wire,
    origin: wire.origin === '' ? 'trained' : (wire.origin as ModelOrigin),
    championStanding: wire.championStanding === '' ? undefined : wire.championStanding,
    evaluation: evaluation && evaluationFromWire(evaluation),
    championEvaluation: championEvaluation && evaluationFromWire(championEvaluation),
    baselines: baselines.map((of) => ({ ...of, evaluation: of.evaluation && evaluationFromWire(of.evaluation) })),
    slices: slices.map((of) => ({ ...of, evaluation: evaluationFromWire(of.evaluation as WireEvaluation) })),
  };
}
