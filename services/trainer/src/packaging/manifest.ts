// manifest.json of a model package, and the two hashes. The model's hash is over signature, features.json and weights:
// what decides its answers. The package's hash is over path and hash of every other file.

import type { Task, TaskKind } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';

export interface Signature {
  inputs: readonly SignatureInput[];
  outputs: readonly { name: string; type: string }[];
}

export interface Manifest {
  project: string;
  version: number;
  task: TaskKind;
  signature: Signature;
  modelSha256: string;
  packageSha256: string;
  /** SHA-256 by path. */
  files: Readonly<Record<string, string>>;
}

/** Of a package: its raw inputs, and what a model of the task answers. */
export function signatureOf(inputs: readonly SignatureInput[], task: Task): Signature {
  return {
    inputs: inputs.map(({ name, type }) => ({ name, type })),
    outputs: task.outputs.map(({ name, datatype }) => ({ name, type: datatype })),
  };
}

export type HashText = (parts: readonly (string | Uint8Array)[]) => string;

export function modelHash(signature: Signature, features: Uint8Array, weights: Float32Array, hash: HashText): string {
  const bytes = new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
  return hash([JSON.stringify(signature), '\n', features, '\n', bytes]);
}

export function packageHash(files: Readonly<Record<string, string>>, hash: HashText): string {
  return hash(
    Object.keys(files)
      .sort()
      .map((path) => `${path} ${files[path]}\n`),
  );
}
