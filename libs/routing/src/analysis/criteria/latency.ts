// Answers that are slower than the version in service allows for, in two cuts: at the quantile q that the project
// states, and at the median, where a version that is slower throughout shows first. Above T = max(factor × its
// quantile, its quantile + SLOWER_US_MIN). At the stated effect the new version's own quantile q is T, so that 1 - q
// of its answers lie above. T is taken from the stable version's answers before those that are counted; both
// versions are counted above the same T over the same time, so that a slow hour slows both.

import type { Criterion, Cut } from '../criterion.js';
import { SLOWER_US_MIN } from '../plan.js';

/** Fewer say next to nothing of a quantile; it is taken anew at each block, so that a first guess does little harm. */
const STABLE_ANSWERS_MIN = 10;

export function latency({ quantile, factor }: { quantile: number; factor: number }): Criterion {
  const cut = (q: number): Cut => ({
    prior: (1 - q) / 5,
    // A tail that reaches beyond T by itself grows by a half, not by what is left to it.
    worse: (p) => Math.max(1 - q, p + (1 - q) / 2),
    edge: ({ latency }) => {
      if (latency.count < STABLE_ANSWERS_MIN) return undefined;
      const usual = latency.quantileUs(q);
      return Math.max(usual * factor, usual + SLOWER_US_MIN);
    },
    all: ({ latency }) => latency.count,
    marked: ({ latency }, edge) => latency.countAbove(edge),
    counts: ({ latencyUs }, edge) => (latencyUs === undefined ? undefined : latencyUs > edge),
  });
  const name = `p${Number((quantile * 100).toPrecision(4))}`;
  return {
    name: 'latency',
    unit: 'ms',
    effect: `${quantile === 0.5 ? '' : 'median or '}${name} ${factor} times as long, ${SLOWER_US_MIN / 1_000} ms at least`,
    figure: ({ latency }) => (latency.count === 0 ? Number.NaN : latency.quantileUs(quantile) / 1_000),
    cuts: quantile === 0.5 ? [cut(0.5)] : [cut(0.5), cut(quantile)],
  };
}
