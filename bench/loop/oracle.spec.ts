import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import type { Span } from './candidates.js';
import { type Futures, oracle } from './oracle.js';
import { FIRST, HISTORY } from './stream.js';

/** Made of one window, or of all of them. */
function futures(seed: number, live: number, delay: number): Futures {
  const rng = seededRng(seed);
  const windows = HISTORY + live;
  const some = () => Array.from({ length: 2 * windows }, () => Array.from({ length: windows }, () => 10 * rng.next()));
  const losses = some();
  const bad = some().map((of) => of.map((value) => (value < 2 ? 5 : 0)));
  const row = ({ first, last }: Span) => 2 * last + (first === 0 ? 1 : 0);
  return {
    stream: { windows, delay },
    choices: (last) => [
      { first: last, last },
      { first: 0, last },
    ],
    lossOf: (of, window) => losses[row(of)]?.[window] as number,
    exposed: (of, window) => bad[row(of)]?.[window] as number,
  };
}

/** Every way of keeping and retraining, one by one. */
function cheapest(of: Futures, price: number, exposure: number): number {
  const { windows, delay } = of.stream;
  const from = (window: number, version: Span): number => {
    const here = of.lossOf(version, window) + exposure * of.exposed(version, window);
    if (window === windows - 1) return here;
    const made = window - delay > FIRST.last ? of.choices(window - delay) : [];
    return here + Math.min(from(window + 1, version), ...made.map((next) => price + from(window + 1, next)));
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
          const of = futures(seed, 7, delay);
          const { cost, served } = oracle(of, { retraining, exposed });
          expect(cost).toBeCloseTo(cheapest(of, retraining, exposed), 9);
          // What it says it did costs what it says.
          const changes = served.filter((version, i) => i > 0 && version !== served[i - 1]).length;
          const rows = served.map((version, i) => {
            const window = HISTORY + i;
            return of.lossOf(version, window) + exposed * of.exposed(version, window);
          });
          expect(rows.reduce((sum, row) => sum + row, 0) + changes * retraining).toBeCloseTo(cost, 9);
        }
  });
});
