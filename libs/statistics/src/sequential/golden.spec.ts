// Sequential statistics against confseq and scipy (libs/statistics/golden/make_sequential.py made the numbers).

import { describe, expect, it } from '@jest/globals';
import golden from '../../golden/sequential.json' with { type: 'json' };
import { BoundedMean, meanBounds, quantileBounds, sameCountsLogE, shareBounds, splitLogE } from '../index.js';
import { logBeta } from '../special-functions.js';
import { nearestNull } from './nearest-null.js';
import { shareLogE } from './share-bounds.js';

const close = (actual: number, expected: number, relative: number, absolute = 1e-12) =>
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(relative * Math.abs(expected) + absolute);

describe('shares', () => {
  it.each(golden.log_beta)('ln B($a, $b)', ({ a, b, value }) => close(logBeta(a, b), value, 1e-12, 1e-9));

  it.each(golden.share_log_e)('evidence of $k of $n against $p', ({ k, n, p, log_e }) =>
    close(shareLogE(k, n, p), log_e, 1e-10, 1e-9),
  );

  it.each(golden.share_bounds)('bounds of $k of $n at $alpha', ({ k, n, alpha, lower, upper }) => {
    const bounds = shareBounds(k, n, alpha);
    close(bounds.lower, lower, 1e-8);
    close(bounds.upper, upper, 1e-8);
  });

  it.each(golden.nearest)('the null nearest to $first, $second', ({ first, second, margin, share, p }) =>
    // The minimum of a function is found to half of its digits.
    close(nearestNull(first, second, margin, share), p, 1e-6),
  );
});

describe('quantiles', () => {
  it.each(golden.quantile_counts)('counts up to the $q quantile of $n', ({ q, n, alpha, least, most }) => {
    const at = (count: number) => quantileBounds([count, n, n], [1, 2, 3], q, alpha);
    expect([least - 1, least, most].map((count) => at(count).lower)).toEqual([1, -Infinity, -Infinity]);
    if (most < n) expect([most, most + 1].map((count) => at(count).upper)).toEqual([2, 1]);
  });
});

describe('means', () => {
  it.each(golden.mean)('of $count values, tuned for $tuned_for, at $alpha', ({ alpha, count, m2, tuned_for, half }) => {
    const { lower, upper } = meanBounds({ count, mean: 3, m2 }, { alpha, tunedFor: tuned_for });
    close(upper - 3, half, 1e-9);
    close(3 - lower, half, 1e-9);
  });

  it.each(golden.bounded)('of bounded values: $name', ({ x, at, lower, upper }) => {
    const mean = new BoundedMean({ alpha: 0.05, low: 0, high: 1 });
    for (const [i, value] of x.entries()) {
      mean.update(value);
      const place = at.indexOf(i + 1);
      if (place < 0) continue;
      close(mean.bounds().lower, Math.max(0, lower[place] as number), 1e-9);
      close(mean.bounds().upper, Math.min(1, upper[place] as number), 1e-9);
    }
  });
});

describe('counts', () => {
  it.each(golden.split)('$first and $second at $share', ({ first, second, share, log_e }) =>
    close(splitLogE(first, second, share), log_e, 1e-8, 1e-8),
  );

  it.each(golden.same_counts)('$first beside $second', ({ first, second, log_e }) =>
    close(sameCountsLogE(first, second), log_e, 1e-8, 1e-8),
  );
});
