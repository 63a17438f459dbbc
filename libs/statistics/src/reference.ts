// The reference profile of a model package: what live windows are compared with. Built once by the trainer from the raw
// training features and the model's scores; mirrors millrace.model.v1.ReferenceProfile as plain data.
//
// Numeric: interior edges of about 20 equal-mass bins with exact counts, and up to 1,001 quantiles
//   Q(k/m) = the smallest x with F(x) >= k/m, k = 0 ... m, m = min(1000, n) (type 1, Hyndman, Fan 1996; Q(0) = min).
// Categorical: the up to 1,000 most frequent values (count falling, then text rising), the mass of the rest in `other`.
// Cost O(n log n) by one sort a numeric feature. An empty or all-missing numeric feature has no quantiles, no edges,
// one bin of 0 and NaN moments. null, NaN and infinite numbers are missing.

import type { CategoricalReference, FeatureReference, NumericReference, ReferenceProfile } from '@millrace/domain';
import { Moments } from './moments.js';

/** About 20 bins: the usual 10 to 20 for PSI (Yurdakul 2018); equal mass keeps each well filled. */
const REFERENCE_BINS = 20;
/** 1,001 quantiles bound the error of the KS statistic by 0.0005 (see ks.ts). */
const QUANTILE_STEPS_MAX = 1_000;
/** Most values that a categorical reference names. */
const CATEGORIES_MAX = 1_000;

export interface ReferenceInput {
  features: readonly {
    name: string;
    kind: 'numeric' | 'categorical';
    values: ArrayLike<number | string | boolean | null>;
  }[];
  /** The task's name for its score. */
  scoreName: string;
  scores: ArrayLike<number>;
  positiveShare: number;
}

/** The text under which a categorical value is counted: 7 is "7", true is "true". */
export function categoryOf(value: number | string | boolean): string {
  return typeof value === 'string' ? value : String(value);
}

/** Builds the profile of one training set; all features must have as many values as there are scores. */
export function buildReferenceProfile(input: ReferenceInput): ReferenceProfile {
  const features = input.features.map(
    ({ name, kind, values }): FeatureReference =>
      kind === 'numeric' ? numericReference(name, values) : categoricalReference(name, values),
  );
  return {
    rows: input.scores.length,
    features,
    score: numericReference(input.scoreName, input.scores),
    positiveShare: input.positiveShare,
  };
}

/** Profile of one numeric feature. Numbers given as text are read as numbers. */
function numericReference(name: string, values: ArrayLike<number | string | boolean | null>): NumericReference {
  const finite = new Float64Array(values.length);
  let n = 0;
  const moments = new Moments();
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number | string | boolean | null | undefined;
    const x = value === null || value === undefined ? Number.NaN : Number(value);
    if (!Number.isFinite(x)) continue;
    finite[n++] = x;
    moments.add(x);
  }
  const sorted = finite.subarray(0, n).sort();
  const quantiles = quantilesOf(sorted);
  const edges = edgesOf(quantiles);
  return {
    kind: 'numeric',
    name,
    missing: values.length - n,
    edges,
    counts: binCounts(sorted, edges),
    mean: moments.mean,
    std: moments.std,
    min: n === 0 ? Number.NaN : (sorted[0] as number),
    max: n === 0 ? Number.NaN : (sorted[n - 1] as number),
    quantiles,
  };
}

function quantilesOf(sorted: Float64Array): number[] {
  const n = sorted.length;
  if (n === 0) return [];
  const steps = Math.min(QUANTILE_STEPS_MAX, n);
  return Array.from({ length: steps + 1 }, (_, k) => sorted[Math.max(0, Math.ceil((k * n) / steps) - 1)] as number);
}

function edgesOf(quantiles: readonly number[]): number[] {
  const steps = quantiles.length - 1;
  const edges: number[] = [];
  for (let i = 1; i < REFERENCE_BINS && steps > 0; i++) {
    const edge = quantiles[Math.round((i * steps) / REFERENCE_BINS)] as number;
    const previous = edges.length === 0 ? (quantiles[0] as number) : (edges[edges.length - 1] as number);
    if (edge > previous) edges.push(edge);
  }
  return edges;
}

function binCounts(sorted: Float64Array, edges: readonly number[]): number[] {
  const counts = new Array<number>(edges.length + 1).fill(0);
  let bin = 0;
  for (const x of sorted) {
    while (bin < edges.length && x >= (edges[bin] as number)) bin++;
    counts[bin] = (counts[bin] as number) + 1;
  }
  return counts;
}

/** Profile of one categorical feature. */
function categoricalReference(name: string, values: ArrayLike<number | string | boolean | null>): CategoricalReference {
  const tally = new Map<string, number>();
  let missing = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number | string | boolean | null | undefined;
    if (value === null || value === undefined || (typeof value === 'number' && !Number.isFinite(value))) missing++;
    else {
      const category = categoryOf(value);
      tally.set(category, (tally.get(category) ?? 0) + 1);
    }
  }
  const ranked = [...tally].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const kept = ranked.slice(0, CATEGORIES_MAX);
  const other = ranked.slice(CATEGORIES_MAX).reduce((sum, [, count]) => sum + count, 0);
  return {
    kind: 'categorical',
    name,
    missing,
    values: kept.map(([value]) => value),
    counts: kept.map(([, count]) => count),
    other,
  };
}
