// Metrics, comparisons, gates and slices: everything that says how good a model is, pure.

export { type BootstrapOptions, bootstrapDifference, type MetricDifference } from './comparisons/bootstrap.js';
export { type AucDifference, aucDifference } from './comparisons/delong.js';
export { type AucSample, aucDrop } from './comparisons/hanley-mcneil.js';
export { evaluate, evaluateMerged, intervalsOf } from './evaluate.js';
export {
  BASELINE_KINDS,
  type BaselineEvaluation,
  type Evaluation,
  type EvaluationReport,
  type EventTimeSpan,
  type SliceEvaluation,
} from './evaluation.js';
export { figure, metricIn } from './figure.js';
export { type Blessing, bless } from './gates/bless.js';
export type { Candidate, Threshold } from './gates/gate.js';
export type { Interval, Metric } from './metric.js';
export { METRICS, metricNamed, metricsOf } from './registry.js';
export { ScoreQuality, type ScoreQualityState } from './score-quality.js';
export type { ScoredRows } from './scored-rows.js';
export { evaluateSlices } from './slices.js';
