// Traces, metrics and logs of a process.

export { ATTRIBUTES, EVENTS } from './attributes.js';
export { type BoundCounter, counter, gauge, histogram } from './instruments.js';
export { configureLogs, emitEvent, type Logger, logger, logLevels, setLogLevels } from './logger.js';
export {
  appendMetricsText,
  gatherMetricsText,
  processMetricsText,
  prometheusText,
  startTelemetry,
  type Telemetry,
} from './start.js';
export {
  activeTraceparent,
  type Context,
  contextOf,
  extractTrace,
  failSpan,
  formatTraceparent,
  type Link,
  parseTraceparent,
  runInSpan,
  SAMPLED_ROOT,
  type Span,
  SpanKind,
  sampledTraceId,
  startSpan,
  withSpan,
} from './trace.js';
