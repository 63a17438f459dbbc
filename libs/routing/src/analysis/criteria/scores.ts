// How far the new version's scores lie from those of the version in service on the same traffic: the largest difference
// of their shares below or above a point (Kolmogorov's distance), taken at the quartiles of the version in service. A
// shift to either side moves the median's shares, a spread the quartiles'. Quartiles are of its answers before those
// that are counted, so that each cut is a fair comparison; buckets of a score that is no continuum lie on neither side.

import { floatBucket } from '@millrace/statistics';
import type { Criterion, Cut } from '../criterion.js';
import { points } from './errors.js';

const QUARTILES = [0.25, 0.5, 0.75] as const;
/** Fewer say next to nothing of a quartile; it is taken anew at each block, so that a first guess does little harm. */
const STABLE_ANSWERS_MIN = 10;

export function scores({ effect }: { effect: number }): Criterion {
  const cut = (quartile: number, side: 'below' | 'above'): Cut => ({
    prior: side === 'below' ? quartile : 1 - quartile,
    worse: (p) => p + Math.min(effect, 1 - p),
    edge: ({ scores }) => (scores.count < STABLE_ANSWERS_MIN ? undefined : scores.quantileBucket(quartile)),
    all: ({ scores }) => scores.count,
    marked: ({ scores }, bucket) => scores[side](bucket),
    counts: ({ score }, bucket) => {
      if (score === undefined || !Number.isFinite(score)) return undefined;
      return side === 'below' ? floatBucket(score) < bucket : floatBucket(score) > bucket;
    },
  });
  return {
    name: 'scores',
    unit: 'score',
    effect: `${points(effect)} more scores beyond a quartile of the version in service`,
    figure: ({ scores }) => scores.quantile(0.5),
    cuts: QUARTILES.flatMap((quartile) => [cut(quartile, 'below'), cut(quartile, 'above')]),
  };
}
