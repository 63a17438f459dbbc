// Which rows each rank sees at each step: a seeded permutation per epoch, cut into global batches, each split over the
// ranks in contiguous parts whose sizes differ by at most one. Every row is seen exactly once per epoch for any number
// of ranks; the last batch of an epoch may be short. The rows of a global batch do not depend on the number of ranks.

import { hash32, seededRng } from '@millrace/domain';

export class Sampler {
  readonly stepsPerEpoch: number;
  readonly steps: number;
  private epoch = -1;
  private order = new Uint32Array(0);

  constructor(
    readonly rows: number,
    readonly batchRows: number,
    readonly epochs: number,
    readonly seed: number,
  ) {
    if (!(rows > 0) || !(batchRows > 0)) throw new Error(`cannot sample ${rows} rows in batches of ${batchRows}`);
    this.stepsPerEpoch = Math.ceil(rows / batchRows);
    this.steps = this.stepsPerEpoch * epochs;
  }

  /** Row numbers of the whole batch at `step` (a view; valid until another epoch is asked for). */
  batch(step: number): Uint32Array {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (epoch !== this.epoch) {
      this.order = Uint32Array.from({ length: this.rows }, (_, i) => i);
      seededRng(hash32(`epoch ${epoch}`, this.seed)).shuffle(this.order);
      this.epoch = epoch;
    }
    const start = (step % this.stepsPerEpoch) * this.batchRows;
    return this.order.subarray(start, Math.min(start + this.batchRows, this.rows));
  }

  /**
   * The part of that batch which `rank` of `worldSize` computes; may be empty when the batch is smaller than the group.
   */
  part(step: number, rank: number, worldSize: number): Uint32Array {
    const batch = this.batch(step);
    return batch.subarray(partStart(batch.length, rank, worldSize), partStart(batch.length, rank + 1, worldSize));
  }
}

/** First index of part `rank` when `length` items are split into `worldSize` parts. */
export function partStart(length: number, rank: number, worldSize: number): number {
  const size = Math.floor(length / worldSize);
  return rank * size + Math.min(rank, length % worldSize);
}
