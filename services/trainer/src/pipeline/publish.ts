// Publishes a judged version: both runtimes must answer alike, then the package is written under the project's next
// version and announced. Blessed or not, a version is kept: why it was not blessed is worth knowing.

import type { ModelVersion } from '@millrace/contracts';
import { type Clock, packageFolder, type TrainingRequest, taskOf } from '@millrace/domain';
import type { EvaluationReport } from '@millrace/evaluation';
import { encodeRows, type SignatureInput } from '@millrace/features';
import type { Network } from '@millrace/models';
import { labelRuleText, type Project } from '@millrace/project';
import type { ReferenceInput } from '@millrace/statistics';
import { layersModel } from '../packaging/layers-model.js';
import type { HashText } from '../packaging/manifest.js';
import { type PackageFiles, packageContents } from '../packaging/package-contents.js';
import { checkParity, PARITY_ROWS } from '../packaging/parity.js';
import { referenceInput } from '../packaging/reference.js';
import type { EncodedRows } from '../training/batch.js';
import type { TrainingResult } from '../training/runner.js';
import { type LeftOutRows, rowRange } from './load.js';
import type { Trial } from './trial.js';

export interface PublishPorts {
  onnx(network: Network, weights: Float32Array, name: string): Uint8Array;
  reference(input: ReferenceInput): Uint8Array;
  scoreOnnx(model: Uint8Array, rows: EncodedRows): Promise<ArrayLike<number>>;
  /** Scores with the tfjs files as a worker loads them. */
  scoreTfjs(trainingId: string, files: PackageFiles, rows: EncodedRows): Promise<ArrayLike<number>>;
  nextVersion(project: string): number;
  /** Writes the folder as one. */
  putFolder(path: string, files: PackageFiles): Promise<unknown>;
  announce(version: ModelVersion): Promise<void>;
  hash: HashText;
}

export interface JudgedVersion {
  trainingId: string;
  request: TrainingRequest;
  project: Project;
  inputs: readonly SignatureInput[];
  trial: Trial;
  /** Of the training rows. */
  trainScores: Float32Array;
  evaluation: EvaluationReport;
  leftOut: LeftOutRows;
}

export async function publish(judged: JudgedVersion, ports: PublishPorts, clock: Clock): Promise<TrainingResult> {
  const { trainingId, request, project, trial } = judged;
  const { plan, network, weights, train, positiveShare } = trial;
  const onnx = ports.onnx(network, weights, project.name);
  const layers = layersModel(network, weights);
  const tfjs = { 'tfjs/model.json': layers.modelJson, 'tfjs/weights.bin': layers.weights };
  const compared = parityRows(trial);
  const largestDifference = checkParity(
    await ports.scoreOnnx(onnx, compared),
    await ports.scoreTfjs(trainingId, tfjs, compared),
  );
  const version = ports.nextVersion(project.name);
  const evaluation = { ...judged.evaluation, verdict: `version ${version} is ${judged.evaluation.verdict}` };
  const { files, manifest } = packageContents(
    {
      ...{ project: project.name, version, task: project.scope.task, inputs: judged.inputs },
      ...{ plan, network, weights, onnx, tfjs },
      reference: ports.reference(
        referenceInput(plan, {
          columns: train.columns,
          scoreName: taskOf(project.scope.task).scoreName,
          scores: judged.trainScores,
          positiveShare,
        }),
      ),
      baseline: trial.baseline,
      evaluation,
      split: trial.split,
      rows: { train: train.rows, heldOut: trial.heldOutRows, evaluation: trial.later.rows, ...judged.leftOut },
      parity: { rows: compared.labels.length, largestDifference },
      lineage: lineageOf(judged),
    },
    ports.hash,
  );
  const packagePath = packageFolder(project.name, version);
  await ports.putFolder(packagePath, files);
  const { intervals: _, ...announced } = evaluation;
  const { blessed, reasons, verdict, warnings } = announced;
  await ports.announce({
    ...announced,
    project: project.name,
    version,
    packagePath,
    modelSha256: manifest.modelSha256,
    packageSha256: manifest.packageSha256,
    datasetVersions: request.datasetVersions,
    trainingId,
    workers: trial.workers,
    seed: request.seed,
    createdAtMs: clock.nowMs(),
    correlationId: request.correlationId,
    trainRows: train.rows,
    trainSeconds: trial.trainSeconds,
    origin: 'trained',
    labelRule: labelRuleText(project.data.label),
  });
  return { version, blessed, reasons, verdict, warnings };
}

/** The first rows of the evaluation range, which both runtimes score. */
function parityRows({ plan, later }: Trial): EncodedRows {
  const some = rowRange(later, 0, Math.min(PARITY_ROWS, later.rows));
  return { width: plan.width, values: encodeRows(plan, some.columns), labels: some.labels };
}

function lineageOf({ trainingId, request, project, trial, evaluation }: JudgedVersion): Record<string, unknown> {
  return {
    trainingId,
    projectRevision: request.projectRevision ?? 0,
    trigger: request.trigger,
    correlationId: request.correlationId,
    datasetVersions: request.datasetVersions,
    split: trial.split,
    parentVersion: request.warmStartVersion,
    fromParent: trial.warm,
    championVersion: evaluation.championVersion,
    seed: request.seed,
    workers: trial.workers,
    trainRows: trial.train.rows,
    model: project.model,
    training: project.training,
    features: project.features,
    labelRule: labelRuleText(project.data.label),
    code: { engine: 'tfjs-node-gpu 4.22.0', tensorflow: '2.18.1', intraOpThreads: 1, interOpThreads: 1, oneDnn: false },
    baselines: evaluation.baselines.map(({ name, kind }) => ({ name, kind })),
  };
}
