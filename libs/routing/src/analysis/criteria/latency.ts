// Answers that are slower than the version in service allows for, in two cuts: at the quantile q that the project
// states, and at the median, where a version that is slower throughout shows first. Above T = max(factor × its
// quantile, its quantile + SLOWER_US_MIN). At the stated effect the new version's own quantile q is T, so that 1 - q
// of its answers lie above. A version that is slower throughout has all of its answers moved by x -> max(factor x, x
// + SLOWER_US_MIN): beside the cut at the median they are looked at by BINS of the stable version's, half and half,
// for one cut knows less than all of them, and only where its median is slower by half of that. T is taken from the
// stable version's answers before those that are counted; both versions are counted above the same T over the same
// time, so that a slow hour slows both.

import type { Bins, Criterion, Cut } from '../criterion.js';
import type { VersionEvidence } from '../evidence.js';
import { SLOWER_US_MIN } from '../plan.js';

/** Fewer say next to nothing of a quantile; it is taken anew at each block, so that a first guess does little harm. */
const STABLE_ANSWERS_MIN = 10;
/** Quantiles at which bins end; the candidate's answers gather in the last ones, hence one more there. */
const BINS = [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 0.95] as const;

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
  const above = ({ latency }: VersionEvidence, edges: readonly number[]): number[] => {
    const counts = [latency.count, ...edges.map((edge) => latency.countAbove(edge)), 0];
    return counts.slice(0, -1).map((count, bin) => count - (counts[bin + 1] as number));
  };
  const bins: Bins = {
    edges: ({ latency }) =>
      latency.count < STABLE_ANSWERS_MIN ? undefined : BINS.map((part) => latency.quantileUs(part)),
    counts: above,
    isWorse: (stable, candidate) => {
      const usual = stable.latency.quantileUs(0.5);
      const half = Math.max(usual * (factor - 1), SLOWER_US_MIN) / 2;
      return candidate.latency.quantileUs(0.5) >= usual + half;
    },
    shifted: (of, edges) =>
      above(
        of,
        edges.map((edge) => Math.min(edge / factor, edge - SLOWER_US_MIN)),
      ),
  };
  const throughout: Cut = { ...cut(0.5), bins };
  const name = `p${Number((quantile * 100).toPrecision(4))}`;
  return {
    name: 'latency',
    unit: 'ms',
    effect: `${quantile === 0.5 ? '' : 'median or '}${name} ${factor} times as long, ${SLOWER_US_MIN / 1_000} ms at least`,
    figure: ({ latency }) => (latency.count === 0 ? Number.NaN : latency.quantileUs(quantile) / 1_000),
    cuts: quantile === 0.5 ? [throughout] : [throughout, cut(quantile)],
  };
}
