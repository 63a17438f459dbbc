// A quantile of a distribution of which only bucket counts are kept, valid at every number of values at once.
//
// How many of n values lie below the q-quantile is, up to ties, binomial with share q: `shareLogE` at p = q says
// which counts are too few or too many for that (once and for all n, alpha in total). An edge below which there are
// too few is below the quantile, one with too many is not; so the answer is a pair of edges, whatever lies inside
// of the buckets. Exact, for any distribution; one quantile for one alpha (for several, divide it).
//
// Source: Howard and Ramdas, "Sequential estimation of quantiles with applications to A/B testing and best-arm
// identification", Bernoulli 28, 2022, theorem 1(b). Cost: about 100 evaluations and one pass over the buckets.

import { assert } from '@millrace/domain';
import { type Bounds, checkAlpha, shareLogE } from './share-bounds.js';

/**
 * Bounds of the q-quantile.
 * @param cumulative how many values are at most the edge of the same place; ascending, the last one is their number
 * @param edges upper edges of the buckets, ascending, the values' unit; the last may be Infinity
 * @param q inside (0, 1): .99 for the p99
 * @param alpha probability that the quantile is ever outside, (0, 1)
 * @returns `lower`: an edge, or -Infinity where there are too few values to say; `upper`: an edge, or Infinity where
 * there are too few, or too many above the last edge but one
 * @throws an assertion where counts or edges do not ascend, or a number is none
 */
export function quantileBounds(
  cumulative: ArrayLike<number>,
  edges: ArrayLike<number>,
  q: number,
  alpha: number,
): Bounds {
  checkAlpha(alpha);
  assert(q > 0 && q < 1, `quantile ${q} is not between 0 and 1`);
  assert(cumulative.length === edges.length, `${cumulative.length} counts and ${edges.length} edges`);
  for (let i = 0; i < edges.length; i++) {
    const [count, edge] = [cumulative[i] as number, edges[i] as number];
    const ascends = i === 0 ? count >= 0 && !Number.isNaN(edge) : count >= cumulative[i - 1]! && edge > edges[i - 1]!;
    assert(ascends, `bucket ${i}: ${count} values up to ${edge} do not ascend`);
  }
  const n = edges.length === 0 ? 0 : (cumulative[edges.length - 1] as number);
  let lower = Number.NEGATIVE_INFINITY;
  if (n === 0) return { lower, upper: Number.POSITIVE_INFINITY };
  const bar = -Math.log(alpha);
  for (let i = 0; i < edges.length; i++) {
    const count = cumulative[i] as number;
    if (shareLogE(count, n, q) < bar) continue;
    if (count > q * n) return { lower, upper: edges[i] as number };
    lower = edges[i] as number;
  }
  return { lower, upper: Number.POSITIVE_INFINITY };
}
