// What a worker is told to do, as JSON in the assignment. Paths are those of working files (job-files.fs.ts).

import { PlatformError } from '@millrace/domain';
import type { Network, OptimizerKind, StoppingRule } from '@millrace/models';

/** A file of float32: rows x width encoded values, then one label per row. */
export interface DataFile {
  path: string;
  rows: number;
  width: number;
  sha256: string;
}

/** How held-out rows end a training (libs/models stopping). */
export interface HeldOut extends StoppingRule {
  rows: number;
  /** Steps from one look at them to the next. */
  everySteps: number;
}

export interface TrainSpec {
  kind: 'train';
  data: DataFile;
  network: Network;
  optimizer: OptimizerKind;
  learningRate: number;
  finalLearningRateShare: number;
  l2: number;
  dropout: number;
  batchRows: number;
  /** Passes over the rows; the most, where held-out rows may end it before. */
  epochs: number;
  /** The last rows of the data are not trained on: they say when it is enough. Absent = all passes are made. */
  stopping?: HeldOut;
  seed: number;
  /** Float32 weights to start from. */
  initialWeights: { path: string; sha256: string };
  /** Folder for checkpoints; 0 steps = none are written. */
  checkpoint: { folder: string; everySteps: number; generation: number; keep: number };
  /** Continue from this checkpoint. */
  resume: { path: string; sha256: string } | null;
  resultPath: string;
}

/** Writes the summed gradient of the first global batch, as every rank holds it after the all-reduce. */
export interface GradientSpec extends Omit<TrainSpec, 'kind'> {
  kind: 'gradient';
}

/** Loads a tfjs layers model and writes its float32 scores of the file's rows. */
export interface ScoreSpec {
  kind: 'score';
  data: DataFile;
  /** Path of model.json. */
  model: string;
  resultPath: string;
}

/** Fits a logistic regression to the end, on one worker (libs/models fit-logistic). */
export interface LogisticSpec {
  kind: 'logistic';
  data: DataFile;
  network: Network;
  resultPath: string;
}

export type JobSpec = TrainSpec | GradientSpec | ScoreSpec | LogisticSpec;

const KINDS: ReadonlySet<string> = new Set<JobSpec['kind']>(['train', 'gradient', 'score', 'logistic']);

export function parseJob(text: string): JobSpec {
  let spec: JobSpec;
  try {
    spec = JSON.parse(text) as JobSpec;
  } catch (error) {
    throw new PlatformError('corrupt', 'job: not JSON', { cause: error });
  }
  if (!KINDS.has(spec?.kind)) {
    throw new PlatformError('unimplemented', `job of kind "${String((spec as { kind?: unknown })?.kind)}"`);
  }
  return spec;
}
