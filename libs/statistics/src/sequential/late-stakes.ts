// Wealth that is kept back and put in at later blocks, so that what turns bad late is seen too: M <- e (M + w), with
// w = FIRST_PART for the first block, then the rest by 1/(j(j+1)) for the j-th; a sum of fair games that began at
// different times is one. O(1).

import { logSum } from './log-sum.js';

/** Costs what is bad from the start ln(1/.8) = .22 of the 4.6 that 1 % takes; a half would cost three times that. */
const FIRST_PART = 0.8;

/**
 * ln of what a block is played with: what was won before, and what is put in now.
 * @param logWealth ln of what was won; -Infinity before the first block
 * @param block from 1
 */
export function stakeOf(logWealth: number, block: number): number {
  const j = block - 1;
  const deposit = j === 0 ? FIRST_PART : (1 - FIRST_PART) / (j * (j + 1));
  return logSum(Float64Array.of(logWealth, Math.log(deposit)));
}
