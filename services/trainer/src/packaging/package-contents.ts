// The files of a model package and its manifest, byte for byte. Pure: engines' forms of the model come in as bytes, and
// nothing is written here.

import { type TaskKind, taskOf } from '@millrace/domain';
import type { EvaluationReport } from '@millrace/evaluation';
import type { FittedPlan, SignatureInput } from '@millrace/features';
import type { LogisticBaseline, Network } from '@millrace/models';
import { type HashText, type Manifest, modelHash, packageHash, signatureOf } from './manifest.js';

export type PackageFiles = Readonly<Record<string, Uint8Array | string>>;

export interface PackageContent {
  project: string;
  version: number;
  task: TaskKind;
  inputs: readonly SignatureInput[];
  plan: FittedPlan;
  network: Network;
  weights: Float32Array;
  /** The model as ONNX Runtime and as TensorFlow.js read it. */
  onnx: Uint8Array;
  tfjs: PackageFiles;
  /** The encoded reference profile. */
  reference: Uint8Array;
  baseline: LogisticBaseline;
  evaluation: EvaluationReport;
  /** How the rows were chosen that evaluate. */
  split: Readonly<Record<string, unknown>>;
  /** How many taught, how many of those told only when to stop, how many evaluate, and what was left out. */
  rows: { train: number; heldOut: number; evaluation: number; withoutLabel: number; repeats: number };
  parity: { rows: number; largestDifference: number };
  lineage: Readonly<Record<string, unknown>>;
}

export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export function packageContents(content: PackageContent, hash: HashText): { files: PackageFiles; manifest: Manifest } {
  const { project, version, plan, network, weights } = content;
  const signature = signatureOf(content.inputs, taskOf(content.task));
  const features = JSON.stringify(plan);
  const files: PackageFiles = {
    'features.json': features,
    'model.onnx': content.onnx,
    ...content.tfjs,
    // Flat parameters and their layout: what a warm start continues from.
    'weights/network.json': JSON.stringify(network),
    'weights/weights.bin': new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength),
    'baselines/logistic.json': JSON.stringify(content.baseline),
    'reference.pb': content.reference,
    'evaluation.json': json({
      ...content.evaluation,
      split: content.split,
      rows: content.rows,
      parity: content.parity,
    }),
    'lineage.json': json(content.lineage),
  };
  const hashes = Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, hash([bytes])]));
  const manifest: Manifest = {
    project,
    version,
    task: content.task,
    signature,
    modelSha256: modelHash(signature, new TextEncoder().encode(features), weights, hash),
    packageSha256: packageHash(hashes, hash),
    files: hashes,
  };
  return { files: { ...files, 'manifest.json': json(manifest) }, manifest };
}
