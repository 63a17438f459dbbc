// A model that answers, wherever it runs: a V2 server of its own process for files, a server elsewhere for an upstream.
// What a registration and an evaluation see of it.

import type { RegistrationRequest } from '@millrace/domain';
import type { Tensor, TensorSpec } from '@millrace/inference';

export interface OpenModel {
  /** Shapes with the batch dimension; -1 = open. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Rejects with what the model says of a request that it cannot answer. */
  infer(inputs: readonly Tensor[]): Promise<readonly Tensor[]>;
  close(): Promise<void>;
}

/** A file of a model on this machine, and its place within the model. */
export interface LocalModelFile {
  readonly path: string;
  readonly file: string;
}

export interface ModelOpener {
  /** `id` names its working folder. @throws PlatformError 'invalid_argument' where the files cannot be run */
  files(id: string, files: readonly LocalModelFile[]): Promise<OpenModel>;
  upstream(upstream: NonNullable<RegistrationRequest['upstream']>): Promise<OpenModel>;
}
