export {
  type CategoricalCounts,
  CategoricalWindow,
  type FeatureCells,
  type FeatureCounts,
  type FeatureWindowState,
  featureCells,
  type HistogramCell,
  type NumericCells,
  type NumericCounts,
  NumericWindow,
  openFeatureWindow,
} from './feature-window.js';
export { LatencyHistogram, type LatencyState, type LatencySummary } from './latency-histogram.js';
export { Moments } from './moments.js';
export { normalQuantile } from './normal.js';
export { buildReferenceProfile, type ReferenceInput } from './reference.js';
export { chiSquareTail, hypergeometricTail, kolmogorovTail } from './special-functions.js';
