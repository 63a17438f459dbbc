// What the training data looked like: the reference that drift tests compare live windows with. Travels in a model
// package as reference.pb (codec in libs/contracts); built by libs/statistics.

/** Distribution of one numeric feature, or of the scores. */
export interface NumericReference {
  kind: 'numeric';
  name: string;
  /** Rows without a value. */
  missing: number;
  /** Interior bin edges, ascending, B-1 of them; bin i holds edges[i-1] <= x < edges[i]. */
  edges: readonly number[];
  /** Rows by bin, B of them. */
  counts: readonly number[];
  mean: number;
  std: number;
  min: number;
  max: number;
  /** Evenly spaced quantiles (at most 1,001), ascending: the empirical distribution for Kolmogorov-Smirnov. */
  quantiles: readonly number[];
}

/** Distribution of one categorical feature. */
export interface CategoricalReference {
  kind: 'categorical';
  name: string;
  /** Rows without a value. */
  missing: number;
  values: readonly string[];
  /** Rows by value, parallel to `values`. */
  counts: readonly number[];
  /** Rows with a value outside `values`. */
  other: number;
}

export type FeatureReference = NumericReference | CategoricalReference;

export interface ReferenceProfile {
  rows: number;
  features: readonly FeatureReference[];
  /** Named as the task names its score. */
  score: NumericReference;
  /** Share of positive labels in the training data, 0 to 1. */
  positiveShare: number;
}
