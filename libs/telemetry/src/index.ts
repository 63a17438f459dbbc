// Traces, metrics and logs of a process.

export {
  type BoundCounter,
  type BoundHistogram,
  type CounterHandle,
  counter,
  type GaugeHandle,
  gauge,
  type HistogramHandle,
  histogram,
  type Labels,
  SERIES_MAX,
} from './instruments.js';
export {
  configureLogs,
  type Facts,
  LOG_LEVELS,
  type Logger,
  type LogLevel,
  logger,
  logLevels,
  setLogLevels,
} from './logger.js';
export { ATTRIBUTES, COUNT_BOUNDS, DURATION_MS_BOUNDS, METRICS, type MetricName, type MetricSpec } from './names.js';
export {
  appendMetricsText,
  gatherMetricsText,
  processMetricsText,
  prometheusText,
  startTelemetry,
  type Telemetry,
  type TelemetrySettings,
} from './start.js';
export {
  type Attributes,
  activeTraceparent,
  type Context,
  contextOf,
  extractTrace,
  failSpan,
  formatTraceparent,
  injectTrace,
  type Link,
  parseTraceparent,
  ROOT_CONTEXT,
  runInSpan,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanSettings,
  sampledTraceId,
  startSpan,
  withSpan,
} from './trace.js';
