export { type ChiSquareResult, chiSquare } from './chi-square.js';
export {
  type CategoricalCells,
  CategoricalWindow,
  type FeatureCells,
  type FeatureWindow,
  type FeatureWindowState,
  featureCells,
  type HistogramCell,
  type NumericCells,
  NumericWindow,
  openFeatureWindow,
} from './feature-window.js';
export { type KsResult, ksAgainstQuantiles, ksExact, ksPValue, QuantileLadder } from './ks.js';
export { LatencyHistogram, type LatencyState, type LatencySummary } from './latency-histogram.js';
export { Moments, type MomentsState } from './moments.js';
export { normalQuantile } from './normal.js';
export { EXPECTED_MIN, type PooledCells, PSI_EXPECTED_MIN, poolNeighbours, poolRareCells } from './pool-cells.js';
export { PSI_FLOOR, type PsiResult, psi } from './psi.js';
export {
  buildReferenceProfile,
  CATEGORIES_MAX,
  categoricalReference,
  categoryOf,
  numericReference,
  QUANTILE_STEPS_MAX,
  REFERENCE_BINS,
  type ReferenceInput,
} from './reference.js';
export { chiSquareTail, kolmogorovTail, logGamma } from './special-functions.js';
