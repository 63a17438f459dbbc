// Puts a model package together: every file's bytes, hashes, the announcement. Writing and the parity run are ports.

import type { ModelVersion } from '@millrace/contracts';
import { type Clock, taskOf } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import type { EncodedRows } from '../training/batch.js';
import type { PackageContent } from '../training/carry-out.js';
import { layersModel } from './layers-model.js';
import { type HashText, type Manifest, modelHash, packageHash, type Signature } from './manifest.js';
import { checkParity } from './parity.js';

export interface PackagePorts {
  onnx(content: PackageContent): Uint8Array;
  reference(content: PackageContent): Uint8Array;
  scoreOnnx(model: Uint8Array, rows: EncodedRows): Promise<ArrayLike<number>>;
  /** Scores with the tfjs files as a worker loads them. */
  scoreTfjs(
    trainingId: string,
    workers: number,
    files: Readonly<Record<string, Uint8Array | string>>,
    rows: EncodedRows,
  ): Promise<ArrayLike<number>>;
  nextVersion(project: string): number;
  /** Writes the folder as one; returns each file's SHA-256. */
  putFolder(path: string, files: Readonly<Record<string, Uint8Array | string>>): Promise<Record<string, string>>;
  announce(version: ModelVersion): Promise<void>;
  hash: HashText;
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export async function publishPackage(content: PackageContent, ports: PackagePorts, clock: Clock): Promise<number> {
  const { project, plan, network, weights, evaluation } = content;
  const model = ports.onnx(content);
  const tfjs = layersModel(network, weights);
  const tfjsFiles = { 'tfjs/model.json': tfjs.modelJson, 'tfjs/weights.bin': tfjs.weights };
  const parity = checkParity(
    await ports.scoreOnnx(model, content.parity),
    await ports.scoreTfjs(content.trainingId, 1, tfjsFiles, content.parity),
  );
  const version = ports.nextVersion(project.name);
  const signature: Signature = {
    inputs: content.inputs.map(({ name, type }: SignatureInput) => ({ name, type })),
    outputs: taskOf(project.scope.task).outputs.map(({ name, datatype }) => ({ name, type: datatype })),
  };
  const features = JSON.stringify(plan);
  const files: Record<string, Uint8Array | string> = {
    'features.json': features,
    'model.onnx': model,
    ...tfjsFiles,
    // Flat parameters and their layout: what a warm start continues from.
    'weights/network.json': JSON.stringify(network),
    'weights/weights.bin': new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength),
    'baselines/logistic.json': JSON.stringify(content.baseline),
    'reference.pb': ports.reference(content),
    'evaluation.json': json({
      ...evaluation,
      parity: { rows: content.parity.labels.length, largestDifference: parity },
    }),
    'lineage.json': json(lineageOf(content)),
  };
  const hashes = Object.fromEntries(Object.entries(files).map(([path, bytes]) => [path, ports.hash([bytes])]));
  const modelSha256 = modelHash(signature, new TextEncoder().encode(features), weights, ports.hash);
  const packageSha256 = packageHash(hashes, ports.hash);
  const manifest: Manifest = {
    project: project.name,
    version,
    task: project.scope.task,
    signature,
    modelSha256,
    packageSha256,
    files: hashes,
  };
  const packagePath = `models/${project.name}/${version}`;
  await ports.putFolder(packagePath, { ...files, 'manifest.json': json(manifest) });
  await ports.announce({
    project: project.name,
    version,
    packagePath,
    modelSha256,
    packageSha256,
    blessed: evaluation.blessed,
    reasons: evaluation.reasons,
    evaluation: evaluation.evaluation,
    championEvaluation: evaluation.championEvaluation,
    championVersion: evaluation.championVersion,
    baselines: evaluation.baselines,
    slices: evaluation.slices,
    datasetVersions: content.request.datasetVersions,
    trainingId: content.trainingId,
    workers: content.workers,
    seed: content.request.seed,
    createdAtMs: clock.nowMs(),
    correlationId: content.request.correlationId,
    trainRows: content.trainRows,
    trainSeconds: content.trainSeconds,
  });
  return version;
}

function lineageOf(content: PackageContent): Record<string, unknown> {
  const { request, project } = content;
  return {
    trainingId: content.trainingId,
    trigger: request.trigger,
    correlationId: request.correlationId,
    datasetVersions: request.datasetVersions,
    evaluateFromMs: request.evaluateFromMs,
    evaluationShare: request.evaluationShare,
    parentVersion: request.warmStartVersion,
    championVersion: content.evaluation.championVersion,
    seed: request.seed,
    workers: content.workers,
    trainRows: content.trainRows,
    model: project.model,
    training: project.training,
    features: project.features,
    code: { engine: 'tfjs-node-gpu 4.22.0', tensorflow: '2.18.1', intraOpThreads: 1, interOpThreads: 1, oneDnn: false },
    baselines: content.evaluation.baselines.map(({ name, kind }) => ({ name, kind })),
  };
}
