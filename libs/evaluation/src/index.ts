// Metrics, comparisons, gates and slices: everything that says how good a model is, pure.

export { blockDifferences } from './comparisons/blocks.js';
export { aucDrop } from './comparisons/hanley-mcneil.js';
export { differenceOf, type MetricDifference, seen } from './comparisons/paired.js';
export { chanceOf, evaluate, evaluateMerged, intervalsOf } from './evaluate.js';
export {
  BASELINE_KINDS,
  type BaselineEvaluation,
  type Comparison,
  type Evaluation,
  type EvaluationReport,
} from './evaluation.js';
export { figure, metricIn, shown, shownAgainst, signed } from './figure.js';
export { bless } from './gates/bless.js';
export { aboutText, onRows, whyUnseen } from './gates/comparison.js';
export { BLESSING_CONFIDENCE, type Threshold } from './gates/gate.js';
export { isBetter, type Metric } from './metric.js';
export { METRICS, metricNamed, metricsOf } from './registry.js';
export { squaredErrorOfRow } from './row-terms.js';
export { ScoreQuality, type ScoreQualityState } from './score-quality.js';
export type { ScoredRows } from './scored-rows.js';
export { evaluateSlices } from './slices.js';
