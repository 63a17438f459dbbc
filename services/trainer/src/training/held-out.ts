// Held-out rows that say when a training has learnt enough: the last rows of its data, never trained on. Every rank
// computes the losses of its part of them and all ranks sum the parts, so that all hold the same numbers, bit for bit,
// whatever their machines are, and decide alike; a loss is computed by one rank only, so that it does not depend on how
// many there are.

import { isClearlyBetter, lookAt, type StoppingState, startStopping } from '@millrace/models';
import { type Batch, type EncodedRows, gatherBatch } from './batch.js';
import type { HeldOut, TrainSpec } from './job.js';
import { partStart } from './sampler.js';

/** Rows scored at once; bounds the memory of intermediate tensors. */
const ROWS_AT_ONCE = 4_096;

/** Scores batches at the assigned weights. */
export interface LossEngine {
  assign(weights: Float32Array): void;
  /** The loss of each row. */
  losses(batch: Batch): Float32Array;
}

/** Sums a buffer over all ranks in place. */
export interface SumOverRanks {
  sum(buffer: Float32Array): Promise<void>;
}

interface HeldOutPorts {
  rank: number;
  worldSize: number;
  engine: LossEngine;
  all: SumOverRanks;
}

/** What a checkpoint keeps of it. */
export interface StoppingCheckpoint {
  state: StoppingState;
  best: Float32Array;
}

export type Look = 'on' | 'lower' | 'stop';

export class HeldOutRows {
  private constructor(
    private readonly spec: Pick<TrainSpec, 'network'> & { stopping: HeldOut },
    private readonly data: EncodedRows,
    private readonly initial: Float32Array,
    private readonly ports: HeldOutPorts,
    private readonly kept: StoppingCheckpoint,
  ) {}

  /** `initial` are the weights before the first step: what training has to improve on. */
  static async open(
    spec: Pick<TrainSpec, 'network'> & { stopping: HeldOut },
    data: EncodedRows,
    initial: Float32Array,
    kept: StoppingCheckpoint | undefined,
    ports: HeldOutPorts,
  ): Promise<HeldOutRows> {
    if (kept !== undefined) return new HeldOutRows(spec, data, initial, ports, kept);
    const first = { state: startStopping(Number.POSITIVE_INFINITY), best: initial.slice() };
    const held = new HeldOutRows(spec, data, initial, ports, first);
    first.state = startStopping(mean(await held.losses(initial)));
    return held;
  }

  get rateShare(): number {
    return this.kept.state.rateShare;
  }

  get checkpoint(): StoppingCheckpoint {
    return this.kept;
  }

  /** Looks at the held-out rows after `step` steps, where it is time to; changes `weights` where it is 'lower'. */
  async look(step: number, weights: Float32Array): Promise<Look> {
    const { stopping } = this.spec;
    if (step % stopping.everySteps !== 0) return 'on';
    const { state, best } = this.kept;
    const found = lookAt(state, stopping, mean(await this.losses(weights)));
    if (found === 'better') best.set(weights);
    if (found === 'lower') weights.set(best);
    return found === 'lower' || found === 'stop' ? found : 'on';
  }

  /** The best weights; those of the beginning where no others are clearly better. */
  async chosen(): Promise<Float32Array> {
    const { best } = this.kept;
    const [before, after] = [await this.losses(this.initial), await this.losses(best)];
    return isClearlyBetter(before, after) ? best : this.initial;
  }

  /** The loss of each held-out row. */
  private async losses(weights: Float32Array): Promise<Float32Array> {
    const { rank, worldSize, engine, all } = this.ports;
    const { rows } = this.spec.stopping;
    const first = this.data.labels.length - rows;
    // No rank is without a part to sum.
    const losses = new Float32Array(Math.max(rows, worldSize));
    engine.assign(weights);
    const end = partStart(rows, rank + 1, worldSize);
    for (let from = partStart(rows, rank, worldSize); from < end; from += ROWS_AT_ONCE) {
      const count = Math.min(ROWS_AT_ONCE, end - from);
      const some = Uint32Array.from({ length: count }, (_, i) => first + from + i);
      losses.set(engine.losses(gatherBatch(this.spec.network, this.data, some)), from);
    }
    await all.sum(losses);
    return losses.subarray(0, rows);
  }
}

function mean(values: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum / values.length;
}
