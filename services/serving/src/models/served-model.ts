// What endpoints, statistics and the model set need of anything that answers under a model's name and version: a
// package of the platform (served-version.ts), a model of a repository (tensor-model.ts) or an ensemble.

import type { InferRequest, ModelMetadata, VersionStatistics } from '@millrace/inference';
import type { Project } from '@millrace/project';
import type { ModelSpec } from '../declaration/model-spec.js';
import type { Answer, CallFacts } from './infer-job.js';

/** A request in flight; `cancel` when the caller went away (after the answer it does nothing). */
export interface InFlight {
  cancel(): void;
}

export interface ServedModel {
  readonly name: string;
  readonly version: number;
  readonly statistics: VersionStatistics;
  /** Shapes with the batch dimension, as ModelMetadata states them. */
  readonly metadata: Omit<ModelMetadata, 'versions'>;
  readonly spec: ModelSpec;
  /** Why it will never answer again until it is loaded anew (its engine was given up); undefined or '' = it answers. */
  readonly failure?: string;
  /** Requests waiting. */
  readonly waiting: number;
  /**
   * Checks and queues; throws invalid_argument or overloaded. `answer` is called once, for a decoupled model once per
   * answer.
   */
  submit(request: InferRequest, facts: CallFacts, answer: Answer): InFlight;
  /** The project file changed; only packages care. */
  follow?(project: Project): void;
  warmUp(): Promise<void>;
  drained(): Promise<void>;
  /** Waits for queued and running requests; callers must have stopped submitting. */
  close(): Promise<void>;
}
