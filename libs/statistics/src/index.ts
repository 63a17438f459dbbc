// Mergeable statistics, and the tests and bounds on them that hold however often one looks.

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
export { FloatHistogram, floatBucket } from './float-histogram.js';
export { LatencyHistogram, type LatencyState, type LatencySummary } from './latency-histogram.js';
export { Moments } from './moments.js';
export { normalQuantile } from './normal.js';
export { buildReferenceProfile, type ReferenceInput } from './reference.js';
export { distanceBound, type ScoreDistance, scoreDistance } from './score-distance.js';
export { type BoundedDifference, BoundedDifferenceTest } from './sequential/bounded-difference.js';
export { BoundedMean, type BoundedMeanState } from './sequential/bounded-mean.js';
export {
  type ClusterCounts,
  type DesignEffect,
  designEffect,
  discounted,
  INDEPENDENT,
} from './sequential/design-effect.js';
export {
  MEAN_COUNT_MIN,
  type MeanOptions,
  type Moments2,
  meanBounds,
  meanDifference,
} from './sequential/mean-bounds.js';
export { detectableShareDifference, OBSERVATIONS_MAX, observationsFor, type Power } from './sequential/power.js';
export { quantileBounds } from './sequential/quantile-bounds.js';
export { sameCountsLogE, splitLogE } from './sequential/same-counts.js';
export { type Bounds, shareBounds } from './sequential/share-bounds.js';
export {
  type Count,
  type ShareOptions,
  ShareTest,
  type Side,
  type Stratum,
  shareDifference,
  stratifiedShareDifference,
} from './sequential/share-difference.js';
export { StatedEffectTest } from './sequential/stated-effect.js';
export { StatedShiftTest } from './sequential/stated-shift.js';
export { studentBounds } from './sequential/student-bounds.js';
export { chiSquareTail, hypergeometricTail, kolmogorovTail } from './special-functions.js';
export { studentQuantile } from './student.js';
