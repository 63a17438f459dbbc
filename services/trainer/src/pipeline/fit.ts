// Fits on the workers: the one-hot logistic regression, which is the baseline and where the network starts, then the
// project's model. Which rows and which random weights come from the steps before; how much work is put in,
// training/effort.ts says. Progress of the model goes to the reporter, at most every half second.

import { type Clock, hash32, seededRng } from '@millrace/domain';
import { encodeRows } from '@millrace/features';
import { baselineNetwork, baselinePlan, type LogisticBaseline, type Network, startingAt } from '@millrace/models';
import type { Project } from '@millrace/project';
import type { EncodedRows } from '../training/batch.js';
import { effortFor } from '../training/effort.js';
import type { DataFile, JobSpec, LogisticSpec, TrainSpec } from '../training/job.js';
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
  /** Of several fits of one id: which one, in those names. */
  attempt?: string;
  project: Project;
  workers: number;
  seed: number;
}

/** Progress updates per training at most this often. */
const PROGRESS_EVERY_MS = 500;
const CHECKPOINTS_KEPT = 2;

/** finishGradient's l2 that weighs as much as |w|^2 / 2 beside the summed loss, times the rows. */
const C_OF_ONE = 0.5;

const named = ({ attempt }: FitOptions, name: string): string => (attempt === undefined ? name : `${attempt}-${name}`);

/** Where the working files of a training or trial lie. */
export function folderOf(id: string): string {
  return `trainings/${id}`;
}

export interface Fit {
  weights: Float32Array;
  /** Of all training rows. */
  baseline: LogisticBaseline;
  workers: number;
  /** Of the training rows: those that only told when to stop. */
  heldOutRows: number;
  /** The network at the regression of all rows, where that may be the model; null = it is, or the passes were told. */
  regression: Float32Array | null;
}

/**
 * From the logistic regression of the same rows to the network, or from the parent's weights. Where held-out rows end
 * the training and show that the network is not clearly better, the regression of all rows is the model; where they
 * show that it is, the rows that evaluate choose between the two (rather-regression.ts), at a warm start as well.
 */
export async function fitModel(
  planned: PlannedModel,
  train: LabelledRows,
  evaluation: { rows: number; positiveShare: number },
  options: FitOptions,
  reporter: TrainingReporter,
  ports: FitPorts,
): Promise<Fit> {
  const { training, model } = options.project;
  const effort = effortFor(train.rows, training, planned.warm);
  const heldOut = effort.stopping?.rows ?? 0;
  const trained = train.rows - heldOut;
  const steps = Math.ceil(trained / effort.batchRows) * effort.epochs;
  const { workers } = options;
  reporter.report({ kind: 'started', workers, trainRows: train.rows, evaluationRows: evaluation.rows, steps });

  const { plan, network } = planned;
  const narrow = baselinePlan(plan);
  const regression = baselineNetwork(narrow);
  const order = heldOut === 0 ? null : shuffled(train.rows, options.seed);
  const regressionRows = inOrder(encodeRows(narrow, train.columns), train.labels, order);
  const all = await runLogistic('logistic', regression, regressionRows, options, ports);
  const baseline: LogisticBaseline = {
    ...{ format: 1, plan: narrow, weights: Array.from(all), majorityShare: evaluation.positiveShare },
  };
  // Without hidden layers and crosses the network is that regression, which cannot be fitted any better.
  if (heldOut > 0 && network.size === regression.size)
    return {
      ...{ weights: startingAt(network, planned.initial, regression, all), baseline, workers: 1 },
      ...{ heldOutRows: 0, regression: null },
    };
  const first =
    planned.warm || heldOut === 0
      ? all
      : await runLogistic('start', regression, firstOf(regressionRows, trained), options, ports);
  const initial = planned.warm ? planned.initial : startingAt(network, planned.initial, regression, first);
  const encoded = inOrder(encodeRows(plan, train.columns), train.labels, order);
  const spec: TrainSpec = {
    ...trainFiles('model', network, initial, encoded, options, ports.files),
    ...effort,
    optimizer: training.optimizer,
    learningRate: training.learningRate,
    finalLearningRateShare: training.finalLearningRateShare,
    l2: model.l2 ?? C_OF_ONE / trained,
    dropout: model.dropout,
    seed: options.seed,
  };
  const fitted = await runFit(
    'model',
    spec,
    workers,
    options,
    ports,
    progressTo(reporter, spec.batchRows, ports.clock),
  );
  const common = { baseline, workers: fitted.workers, heldOutRows: heldOut };
  if (heldOut === 0) return { weights: fitted.weights, regression: null, ...common };
  const atRegression = startingAt(network, planned.untaught, regression, all);
  // A parent's weights are no regression, and may be worse than it where they began, too.
  const unchanged = !planned.warm && fitted.weights.every((weight, i) => weight === initial[i]);
  return unchanged
    ? { weights: atRegression, regression: null, ...common }
    : { weights: fitted.weights, regression: atRegression, ...common };
}

/** Encoded rows, in another order where there is one. */
function inOrder(values: Float32Array, labels: Float32Array, order: Uint32Array | null): EncodedRows {
  const width = values.length / labels.length;
  if (order === null) return { width, values, labels };
  const moved = new Float32Array(values.length);
  order.forEach((row, i) => {
    moved.set(values.subarray(row * width, (row + 1) * width), i * width);
  });
  return { width, values: moved, labels: Float32Array.from(order, (row) => labels[row] as number) };
}

function firstOf({ width, values, labels }: EncodedRows, rows: number): EncodedRows {
  return { width, values: values.subarray(0, rows * width), labels: labels.subarray(0, rows) };
}

function shuffled(rows: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: rows }, (_, i) => i);
  seededRng(hash32('held out', seed)).shuffle(order);
  return order;
}

async function runLogistic(
  name: string,
  network: Network,
  rows: EncodedRows,
  options: FitOptions,
  ports: FitPorts,
): Promise<Float32Array> {
  const path = (rest: string) => `${folderOf(options.id)}/${named(options, name)}-${rest}`;
  const spec: LogisticSpec = {
    kind: 'logistic',
    data: ports.files.writeData(path('rows.bin'), rows),
    network,
    resultPath: path('weights.bin'),
  };
  return (await runFit(name, spec, 1, options, ports, () => undefined)).weights;
}

/** Writes the job's rows and starting weights. */
function trainFiles(
  name: string,
  network: Network,
  initial: Float32Array,
  rows: EncodedRows,
  options: FitOptions,
  files: WorkingFiles,
): Pick<TrainSpec, 'kind' | 'data' | 'network' | 'initialWeights' | 'checkpoint' | 'resume' | 'resultPath'> {
  const { id, project } = options;
  const path = (rest: string) => `${folderOf(id)}/${named(options, name)}-${rest}`;
  return {
    kind: 'train',
    data: files.writeData(path('rows.bin'), rows),
    network,
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
  spec: TrainSpec | LogisticSpec,
  workers: number,
  options: FitOptions,
  ports: FitPorts,
  progress: (step: number, steps: number, loss: number) => void,
): Promise<{ weights: Float32Array; workers: number }> {
  const outcome = await ports.workers.run(`${options.id}-${named(options, name)}`, workers, spec, progress);
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
