// What a V2 server says about itself and its models, in the shape of the REST bodies.

import type { Datatype } from './datatype.js';

export interface TensorSpec {
  readonly name: string;
  readonly datatype: Datatype;
  /** -1 = any size. */
  readonly shape: readonly number[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

/** The extensions this platform speaks so far; names are Triton's. */
export const EXTENSIONS: readonly string[] = [
  'binary_tensor_data',
  'parameters',
  'statistics',
  'model_configuration',
  'model_repository',
];

/** Index states of Triton's model_lifecycle. */
export type RepositoryState = 'READY' | 'UNAVAILABLE' | 'LOADING' | 'UNLOADING' | 'UNKNOWN';

export interface RepositoryEntry {
  readonly name: string;
  readonly version: string;
  readonly state: RepositoryState;
  readonly reason: string;
}
