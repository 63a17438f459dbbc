// What an e-process is played with where a change may come late: wealth is kept back and put in at later blocks,
//   M <- e (M + w),   w = FIRST_PART for the first block, then the rest by 1/(j(j+1)) for the j-th;
// a sum of fair games that began at different times, so that it is one. O(1).

import { logSum } from './log-sum.js';

/** Costs what is bad from the start ln(1/.8) = .22 of the 4.6 that 1 % takes; a half would cost three times that. */
const FIRST_PART = 0.8;

export class KeptBackWealth {
  private logM = Number.NEGATIVE_INFINITY;
  private blocks = 0;

  /** Natural logarithm; -Infinity before the first block. */
  get log(): number {
    return this.logM;
  }

  /** A block's e-value by its logarithm. */
  play(logE: number): void {
    const j = this.blocks;
    const deposit = j === 0 ? FIRST_PART : (1 - FIRST_PART) / (j * (j + 1));
    this.logM = logE + logSum(Float64Array.of(this.logM, Math.log(deposit)));
    this.blocks += 1;
  }
}
