// Synchronous data-parallel training on one rank: take this rank's part of each global batch, sum gradients, loss and
// row count over all ranks, update. Every rank holds all weights and slots and does the same update on the same bits,
// so that the weights never travel. The sum divides by the true number of rows, so uneven parts weigh what they should.

import { PlatformError } from '@millrace/domain';
import {
  applyGradient,
  finishGradient,
  learningRateAt,
  type Network,
  newOptimizerState,
  type OptimizerState,
} from '@millrace/models';
import { type Batch, type EncodedRows, gatherBatch } from './batch.js';
import { HeldOutRows, type LossEngine, type StoppingCheckpoint, type SumOverRanks } from './held-out.js';
import type { TrainSpec } from './job.js';
import { Sampler } from './sampler.js';

/** Computes summed gradients of one batch, too. */
export interface GradientEngine extends LossEngine {
  /** Returns the summed loss. */
  gradient(batch: Batch, into: Float32Array, dropout?: { rate: number; seedOf(layer: number): number }): number;
}

export interface Checkpoint {
  step: number;
  weights: Float32Array;
  optimizer: OptimizerState;
  /** Where held-out rows decide when it ends. */
  stopping?: StoppingCheckpoint;
}

export interface TrainPorts {
  rank: number;
  worldSize: number;
  engine: GradientEngine;
  all: SumOverRanks;
  /** Rank 0 only: keeps a checkpoint durably. */
  keep(checkpoint: Checkpoint): Promise<void>;
  progress(step: number, steps: number, loss: number, rows: number): void;
  aborted(): boolean;
  /** Lets the event loop turn: TensorFlow blocks it, and heartbeats and aborts must get through between steps. */
  breathe(): Promise<void>;
}

/** The summed gradient of this step over all ranks is left in buffer[0 .. size); returns rows and summed loss. */
export async function summedGradient(
  spec: Pick<TrainSpec, 'network' | 'dropout' | 'seed'>,
  data: EncodedRows,
  sampler: Sampler,
  step: number,
  buffer: Float32Array,
  ports: Pick<TrainPorts, 'rank' | 'worldSize' | 'engine' | 'all'>,
): Promise<{ rows: number; loss: number }> {
  const size = spec.network.size;
  const part = sampler.part(step, ports.rank, ports.worldSize);
  let loss = 0;
  if (part.length === 0) buffer.fill(0, 0, size);
  else loss = ports.engine.gradient(gatherBatch(spec.network, data, part), buffer, dropoutOf(spec, step, ports.rank));
  buffer[size] = loss;
  // Exact in float32 below 2^24 rows, far above any batch.
  buffer[size + 1] = part.length;
  await ports.all.sum(buffer);
  return { rows: buffer[size + 1] as number, loss: buffer[size] as number };
}

/** Length of the buffer that `summedGradient` needs. */
export function gradientBufferLength(network: Network): number {
  return network.size + 2;
}

function dropoutOf(spec: Pick<TrainSpec, 'dropout' | 'seed'>, step: number, rank: number) {
  if (spec.dropout === 0) return undefined;
  const seedOf = (layer: number) => 1 + ((((spec.seed * 31 + step) * 31 + layer) * 31 + rank) >>> 1);
  return { rate: spec.dropout, seedOf };
}

/** Trains from `start` (or from the beginning) and returns the final weights. */
export async function train(
  spec: TrainSpec,
  data: EncodedRows,
  initial: Float32Array,
  start: Checkpoint | null,
  ports: TrainPorts,
): Promise<Float32Array> {
  const { network, stopping } = spec;
  const weights = start === null ? initial.slice() : start.weights.slice();
  if (weights.length !== network.size)
    throw new PlatformError('corrupt', `weights hold ${weights.length} values, the network ${network.size}`);
  let optimizer = start === null ? newOptimizerState(spec.optimizer, network.size) : start.optimizer;
  const sampler = new Sampler(data.labels.length - (stopping?.rows ?? 0), spec.batchRows, spec.epochs, spec.seed);
  const held =
    stopping === undefined
      ? null
      : await HeldOutRows.open({ network, stopping }, data, initial, start?.stopping, ports);
  const buffer = new Float32Array(gradientBufferLength(network));
  const gradient = buffer.subarray(0, network.size);
  ports.engine.assign(weights);
  for (let step = start?.step ?? 0; step < sampler.steps; step++) {
    if (ports.aborted()) throw new PlatformError('cancelled', 'the job was aborted');
    const { rows, loss } = await summedGradient(spec, data, sampler, step, buffer, ports);
    if (!Number.isFinite(loss))
      throw new PlatformError('invalid_argument', `the loss is ${loss} at step ${step}: lower the learning rate`);
    finishGradient(network, weights, gradient, rows, spec.l2);
    const rate =
      held === null
        ? learningRateAt(spec.learningRate, spec.finalLearningRateShare, step, sampler.steps)
        : spec.learningRate * held.rateShare;
    applyGradient(optimizer, weights, gradient, rate);
    ports.engine.assign(weights);
    const look = await held?.look(step + 1, weights);
    if (look === 'lower') {
      // Its moments are those of the way that was given up.
      optimizer = newOptimizerState(spec.optimizer, network.size);
      ports.engine.assign(weights);
    }
    const every = spec.checkpoint.everySteps;
    if (ports.rank === 0 && every > 0 && (step + 1) % every === 0 && step + 1 < sampler.steps && look !== 'stop') {
      const kept = held === null ? {} : { stopping: held.checkpoint };
      await ports.keep({ step: step + 1, weights, optimizer, ...kept });
    }
    ports.progress(step + 1, sampler.steps, loss / rows, rows);
    if (look === 'stop') break;
    await ports.breathe();
  }
  return held === null ? weights : held.chosen();
}
