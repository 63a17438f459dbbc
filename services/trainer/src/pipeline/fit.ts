// Fits networks on the workers: the project's model, and the one-hot logistic baseline beside it. Which rows and which
// starting weights come from the steps before; progress of the model goes to the reporter, at most every half second.

import { type Clock, seededRng } from '@millrace/domain';
import { encodeRows, type FittedPlan } from '@millrace/features';
import { baselineNetwork, baselinePlan, initialWeights, type LogisticBaseline } from '@millrace/models';
import type { Project } from '@millrace/project';
import type { EncodedRows } from '../training/batch.js';
import { batchRowsFor } from '../training/batch-size.js';
import type { DataFile, JobSpec, TrainSpec } from '../training/job.js';
import type { TrainingReporter } from '../training/runner.js';
import type { LabelledRows } from './load.js';
import type { PlannedModel } from './plan.js';

export interface FitPorts {
  files: WorkingFiles;
  workers: Workers;
  clock: Clock;
}

/** Files that a training and its workers share; paths are relative to the artifact store. */
export interface WorkingFiles {
  writeData(path: string, data: EncodedRows): DataFile;
  /** Returns the SHA-256 of what was written. */
  writeFloats(path: string, values: Float32Array): string;
  readFloats(path: string): Promise<Float32Array>;
  remove(folder: string): void;
}

export interface Workers {
  /** Runs a job; `resume` is filled in for each membership. */
  run(
    id: string,
    workers: number,
    spec: JobSpec,
    progress: (step: number, steps: number, loss: number) => void,
  ): Promise<{ workers: number }>;
}

/** What one fit is told besides its rows. */
export interface FitOptions {
  /** Names working files and jobs. */
  id: string;
  project: Project;
  workers: number;
  seed: number;
}

/** The logistic baseline: enough passes and a rate at which its log loss stops falling on 7,000 to 230,000 rows. */
const LOGISTIC = {
  epochs: 6,
  optimizer: 'adam',
  learningRate: 0.02,
  finalLearningRateShare: 0.05,
  l2: 1e-6,
  dropout: 0,
} as const;

/** Progress updates per training at most this often. */
const PROGRESS_EVERY_MS = 500;
const CHECKPOINTS_KEPT = 2;

/** Where the working files of a training or trial lie. */
export function folderOf(id: string): string {
  return `trainings/${id}`;
}

/**
 * A warm start knows most already, and few new rows are soon learned by heart: half the passes gave a lower log loss on
 * the newest fifth than all, over ten windows of 9 and 15 days of shifted flights (-0.030 against -0.025).
 */
function warmEpochs(epochs: number): number {
  return Math.max(1, Math.round(epochs / 2));
}

export async function fitModel(
  planned: PlannedModel,
  train: LabelledRows,
  evaluationRows: number,
  options: FitOptions,
  reporter: TrainingReporter,
  ports: FitPorts,
): Promise<{ weights: Float32Array; workers: number }> {
  const { training, model } = options.project;
  const { optimizer, learningRate, finalLearningRateShare } = training;
  const epochs = planned.warm ? warmEpochs(training.epochs) : training.epochs;
  const hyper = { epochs, optimizer, learningRate, finalLearningRateShare, l2: model.l2, dropout: model.dropout };
  const encoded = encodeRows(planned.plan, train.columns);
  const spec = trainSpec('model', planned, encoded, train.labels, hyper, options, ports.files);
  const steps = Math.ceil(train.rows / spec.batchRows) * spec.epochs;
  reporter.report({ kind: 'started', workers: options.workers, trainRows: train.rows, evaluationRows, steps });
  return runFit('model', spec, options, ports, progressTo(reporter, spec.batchRows, ports.clock));
}

export async function fitLogistic(
  plan: FittedPlan,
  train: LabelledRows,
  positiveShare: number,
  options: FitOptions,
  ports: FitPorts,
): Promise<LogisticBaseline> {
  const narrow = baselinePlan(plan);
  const network = baselineNetwork(narrow);
  const initial = initialWeights(network, positiveShare, seededRng(options.seed));
  const encoded = encodeRows(narrow, train.columns);
  const spec = trainSpec('logistic', { network, initial }, encoded, train.labels, LOGISTIC, options, ports.files);
  const { weights } = await runFit('logistic', spec, options, ports, () => undefined);
  return { format: 1, plan: narrow, weights: Array.from(weights), majorityShare: positiveShare };
}

type Hyper = Pick<TrainSpec, 'epochs' | 'optimizer' | 'learningRate' | 'finalLearningRateShare' | 'l2' | 'dropout'>;

/** Writes the job's rows and starting weights; `name` tells the files of two fits of one training apart. */
function trainSpec(
  name: string,
  { network, initial }: Pick<PlannedModel, 'network' | 'initial'>,
  values: Float32Array,
  labels: Float32Array,
  hyper: Hyper,
  { id, project, seed }: FitOptions,
  files: WorkingFiles,
): TrainSpec {
  const path = (rest: string) => `${folderOf(id)}/${name}-${rest}`;
  return {
    kind: 'train',
    data: files.writeData(path('rows.bin'), { width: network.inputWidth, values, labels }),
    network,
    ...hyper,
    batchRows: batchRowsFor(labels.length, project.training.batchRows),
    seed,
    initialWeights: { path: path('initial.bin'), sha256: files.writeFloats(path('initial.bin'), initial) },
    checkpoint: {
      folder: path('checkpoints'),
      everySteps: project.training.checkpointEverySteps,
      generation: 0,
      keep: CHECKPOINTS_KEPT,
    },
    resume: null,
    resultPath: path('weights.bin'),
  };
}

async function runFit(
  name: string,
  spec: TrainSpec,
  { id, workers }: FitOptions,
  ports: FitPorts,
  progress: (step: number, steps: number, loss: number) => void,
): Promise<{ weights: Float32Array; workers: number }> {
  const outcome = await ports.workers.run(`${id}-${name}`, workers, spec, progress);
  return { weights: await ports.files.readFloats(spec.resultPath), workers: outcome.workers };
}

function progressTo(reporter: TrainingReporter, batchRows: number, clock: Clock) {
  let nextMs = 0;
  let from: { step: number; atMs: number } | null = null;
  return (step: number, steps: number, loss: number): void => {
    const nowMs = clock.monotonicMs();
    // A membership that resumes starts at an earlier step.
    if (from === null || step < from.step) from = { step, atMs: nowMs };
    if (nowMs < nextMs && step < steps) return;
    nextMs = nowMs + PROGRESS_EVERY_MS;
    const seconds = (nowMs - from.atMs) / 1000;
    const rowsPerSecond = seconds > 0 ? ((step - from.step) * batchRows) / seconds : 0;
    reporter.report({ kind: 'progress', step, steps, loss, rowsPerSecond });
  };
}
