// Turns a job's description into something that runs: reads its files, builds its engine. What touches files and
// TensorFlow comes in as ports.

import { PlatformError } from '@millrace/domain';
import { fitLogistic, type Network } from '@millrace/models';
import type { EncodedRows } from '../training/batch.js';
import type { DataFile, GradientSpec, JobSpec, LogisticSpec, ScoreSpec, TrainSpec } from '../training/job.js';
import { isPlainWork, PlainNetwork } from '../training/plain-network.js';
import { Sampler } from '../training/sampler.js';
import {
  type Checkpoint,
  type GradientEngine,
  gradientBufferLength,
  summedGradient,
  train,
} from '../training/train-loop.js';
import type { PreparedJob } from './worker.js';

export interface JobPorts {
  readData(file: DataFile): Promise<EncodedRows>;
  readFloats(path: string, sha256?: string): Promise<Float32Array>;
  readCheckpoint(path: string, sha256: string): Promise<Checkpoint>;
  writeCheckpoint(folder: string, generation: number, checkpoint: Checkpoint, keep: number): void;
  /** Returns the SHA-256 of what was written. */
  writeFloats(path: string, values: Float32Array): string;
  sha256(values: Float32Array): string;
  engine(network: Network, weights: Float32Array): GradientEngine & { dispose(): void };
  scoreModel(path: string, data: EncodedRows): Promise<Float32Array>;
}

export async function prepareJob(job: JobSpec, rank: number, ports: JobPorts): Promise<PreparedJob> {
  if (job.kind === 'score') return prepareScore(job, rank, ports);
  if (job.kind === 'logistic') return prepareLogistic(job, rank, ports);
  const [data, initial, resume] = await Promise.all([
    ports.readData(job.data),
    ports.readFloats(job.initialWeights.path, job.initialWeights.sha256),
    job.resume === null ? null : ports.readCheckpoint(job.resume.path, job.resume.sha256),
  ]);
  if (job.network.inputWidth !== data.width) {
    throw new PlatformError(
      'invalid_argument',
      `the data is ${data.width} wide, the network takes ${job.network.inputWidth}`,
    );
  }
  const isPlain = job.kind === 'train' && isPlainWork(job.network, job.batchRows, job.dropout);
  const engine = isPlain ? new PlainNetwork(job.network, initial) : ports.engine(job.network, initial);
  return job.kind === 'train'
    ? prepareTrain(job, data, initial, resume, engine, ports)
    : prepareGradient(job, data, engine, ports);
}

/** Every rank ends with the same weights; rank 0 writes them, all report their hash. */
function finish(
  values: Float32Array,
  rank: number,
  path: string,
  ports: JobPorts,
): { resultPath: string; sha256: string } {
  return { resultPath: path, sha256: rank === 0 ? ports.writeFloats(path, values) : ports.sha256(values) };
}

function prepareTrain(
  job: TrainSpec,
  data: EncodedRows,
  initial: Float32Array,
  resume: Checkpoint | null,
  engine: GradientEngine & { dispose(): void },
  ports: JobPorts,
): PreparedJob {
  const { folder, generation, keep } = job.checkpoint;
  return {
    run: async (context) => {
      try {
        const weights = await train(job, data, initial, resume, {
          ...context,
          engine,
          keep: async (checkpoint) => ports.writeCheckpoint(folder, generation, checkpoint, keep),
        });
        return finish(weights, context.rank, job.resultPath, ports);
      } finally {
        engine.dispose();
      }
    },
  };
}

function prepareGradient(
  job: GradientSpec,
  data: EncodedRows,
  engine: GradientEngine & { dispose(): void },
  ports: JobPorts,
): PreparedJob {
  return {
    run: async (context) => {
      try {
        const buffer = new Float32Array(gradientBufferLength(job.network));
        const sampler = new Sampler(data.labels.length, job.batchRows, 1, job.seed);
        await summedGradient(job, data, sampler, 0, buffer, { ...context, engine });
        return finish(buffer, context.rank, job.resultPath, ports);
      } finally {
        engine.dispose();
      }
    },
  };
}

async function prepareLogistic(job: LogisticSpec, rank: number, ports: JobPorts): Promise<PreparedJob> {
  const { values, labels } = await ports.readData(job.data);
  return {
    run: async ({ aborted, breathe }) => {
      const weights = await fitLogistic(job.network, { encoded: values, labels }, async () => {
        await breathe();
        if (aborted()) throw new PlatformError('cancelled', 'the job was aborted');
      });
      return finish(weights, rank, job.resultPath, ports);
    },
  };
}

async function prepareScore(job: ScoreSpec, rank: number, ports: JobPorts): Promise<PreparedJob> {
  const data = await ports.readData(job.data);
  return {
    run: async () => finish(await ports.scoreModel(job.model, data), rank, job.resultPath, ports),
  };
}
