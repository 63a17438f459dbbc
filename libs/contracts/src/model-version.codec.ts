// Codec of topic models.v1 (compacted): proto millrace.model.v1.ModelVersion, key "<project>/<version>".

import { ModelVersionSchema } from './gen/millrace/model/v1/model_pb.js';
import { messageCodec } from './message-codec.js';

export interface Evaluation {
  rows: number;
  auc: number;
  logLoss: number;
  accuracy: number;
  positiveShare: number;
  eventTimeFromMs: number;
  eventTimeToMs: number;
}

export const BASELINE_KINDS = ['trivial', 'older_system', 'human'] as const;

export interface Baseline {
  /** "majority", "logistic", or a name from the project file. */
  name: string;
  kind: (typeof BASELINE_KINDS)[number];
  evaluation?: Evaluation | undefined;
}

export interface ModelVersion {
  project: string;
  /** 1, 2, 3 ... */
  version: number;
  /** Artifact-store path of the package folder. */
  packagePath: string;
  /** SHA-256 over signature, features.json and weights. */
  modelSha256: string;
  packageSha256: string;
  blessed: boolean;
  /** Why blessed, or why not: one sentence a gate. */
  reasons: readonly string[];
  evaluation?: Evaluation | undefined;
  /** The champion at the time, on the same rows; unset for the first version. */
  championEvaluation?: Evaluation | undefined;
  /** 0 = there was none. */
  championVersion: number;
  baselines: readonly Baseline[];
  datasetVersions: readonly string[];
  trainingId: string;
  workers: number;
  seed: number;
  createdAtMs: number;
  correlationId: string;
  trainRows: number;
  trainSeconds: number;
}

const codec = messageCodec<ModelVersion>(ModelVersionSchema, {
  ModelVersion: { required: ['project', 'version', 'packagePath', 'modelSha256'] },
  Baseline: { required: ['name'], closed: { kind: BASELINE_KINDS } },
});

export const encodeModelVersion = codec.encode;
export const decodeModelVersion = codec.decode;
