// The cheapest way through a stream for who knows its future: after each window the version in service is kept, or a
// retraining puts the candidate of the newest labelled rows in its place, at the price.
//
//   V(t, c) = cost of c in window t + min( V(t + 1, c),  price + V(t + 1, t - delay) ),   V(end, c) = 0
//
// Exact over all sequences of keeping and retraining, by dynamic programming. O(windows^2) losses.

import type { Prices } from './simulate.js';
import { HISTORY } from './streams.js';

/** What has to be known of the candidates. */
export interface Futures {
  readonly stream: { readonly windows: number; readonly delay: number };
  lossOf(last: number, window: number): number;
  exposed(last: number, window: number): number;
}

export interface OracleRun {
  cost: number;
  /** Last window of the rows of the version in service, by live window. */
  served: number[];
}

export function oracle(candidates: Futures, prices: Prices): OracleRun {
  const { windows, delay } = candidates.stream;
  const first = HISTORY - 1;
  // By window, then by candidate: the rest of the way, and whether it goes on with a retraining.
  const rest: Float64Array[] = [];
  const retrains: boolean[][] = [];
  rest[windows] = new Float64Array(windows);
  for (let window = windows - 1; window >= HISTORY; window--) {
    const after = rest[window + 1] as Float64Array;
    const made = window - delay;
    const costs = new Float64Array(windows);
    const choices: boolean[] = [];
    for (let last = first; last < Math.max(first + 1, window - delay); last++) {
      const fresh = made > first ? prices.retraining + (after[made] as number) : Number.POSITIVE_INFINITY;
      const kept = after[last] as number;
      choices[last] = window < windows - 1 && fresh < kept;
      const here = candidates.lossOf(last, window) + prices.exposed * candidates.exposed(last, window);
      costs[last] = here + (choices[last] ? fresh : kept);
    }
    rest[window] = costs;
    retrains[window] = choices;
  }
  const served: number[] = [];
  let last = first;
  for (let window = HISTORY; window < windows; window++) {
    served.push(last);
    if (retrains[window]?.[last]) last = window - delay;
  }
  return { cost: (rest[HISTORY] as Float64Array)[first] as number, served };
}
