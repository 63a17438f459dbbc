import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { type Futures, oracle } from './oracle.js';
import { HISTORY } from './streams.js';

const FIRST = HISTORY - 1;

function futures(seed: number, live: number, delay: number): Futures {
  const rng = seededRng(seed);
  const windows = HISTORY + live;
  const losses = Array.from({ length: windows }, () => Array.from({ length: windows }, () => 10 * rng.next()));
  const bad = losses.map((of) => of.map(() => (rng.next() < 0.2 ? 5 : 0)));
  return {
    stream: { windows, delay },
    lossOf: (last, window) => losses[last]?.[window] as number,
    exposed: (last, window) => bad[last]?.[window] as number,
  };
}

/** Every way of keeping and retraining, one by one. */
function cheapest({ stream: { windows, delay }, lossOf, exposed }: Futures, price: number, exposure: number): number {
  const from = (window: number, last: number): number => {
    const here = lossOf(last, window) + exposure * exposed(last, window);
    if (window === windows - 1) return here;
    const kept = from(window + 1, last);
    const made = window - delay;
    return here + (made > FIRST ? Math.min(kept, price + from(window + 1, made)) : kept);
  };
  return from(HISTORY, FIRST);
}

describe('the oracle', () => {
  it('is the cheapest of all ways there are', () => {
    for (let seed = 1; seed <= 20; seed++)
      for (const delay of [0, 2])
        for (const [retraining, exposed] of [
          [0.5, 0],
          [3, 0.3],
          [40, 1],
        ] as const) {
          const of = futures(seed, 9, delay);
          const { cost, served } = oracle(of, { retraining, exposed });
          expect(cost).toBeCloseTo(cheapest(of, retraining, exposed), 9);
          // What it says it did costs what it says.
          const changes = served.filter((last, i) => i > 0 && last !== served[i - 1]).length;
          const rows = served.map((last, i) => of.lossOf(last, HISTORY + i) + exposed * of.exposed(last, HISTORY + i));
          expect(rows.reduce((sum, row) => sum + row, 0) + changes * retraining).toBeCloseTo(cost, 9);
        }
  });
});
