// The logger: one JSON line per entry on stdout with service, logger name and, inside a sampled span, trace_id and
// span_id; the same entry goes to OTLP where an endpoint is set. Never a line per message. The one place that writes to
// stdout.

import { PlatformError, systemClock } from '@millrace/domain';
import {
  type Attributes,
  context,
  isSpanContextValid,
  type Logger as OtelLogger,
  ROOT_CONTEXT,
  SeverityNumber,
  type Span,
  trace,
} from '@opentelemetry/api';

const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type Facts = Readonly<
  Record<string, string | number | boolean | null | undefined | readonly string[] | readonly number[]>
>;

export interface Logger {
  /** `thrown` may be anything caught; a PlatformError adds its code and facts. */
  error(message: string, facts?: Facts, thrown?: unknown): void;
  warn(message: string, facts?: Facts, thrown?: unknown): void;
  info(message: string, facts?: Facts): void;
  debug(message: string, facts?: Facts): void;
}

const SEVERITY: Readonly<Record<LogLevel, SeverityNumber>> = {
  error: SeverityNumber.ERROR,
  warn: SeverityNumber.WARN,
  info: SeverityNumber.INFO,
  debug: SeverityNumber.DEBUG,
};

/** Longest text that one fact may bring into a line. */
const FACT_CHARS_MAX = 4096;

interface Sink {
  service: string;
  enabled: Record<LogLevel, boolean>;
  write(line: string): void;
  otel: OtelLogger | undefined;
}

function upTo(level: LogLevel): Record<LogLevel, boolean> {
  const last = LOG_LEVELS.indexOf(level);
  return Object.fromEntries(LOG_LEVELS.map((one, index) => [one, index <= last])) as Record<LogLevel, boolean>;
}

const sink: Sink = {
  service: 'test',
  // Before start-up (and in tests) only warnings and errors are shown.
  enabled: upTo('warn'),
  write: (line) => {
    process.stdout.write(line);
  },
  otel: undefined,
};

/** Called by start-up. `write` replaces stdout in tests. */
export function configureLogs(settings: {
  service?: string;
  level?: LogLevel;
  write?: (line: string) => void;
  otel?: OtelLogger | undefined;
}): void {
  if (settings.service !== undefined) sink.service = settings.service;
  if (settings.level !== undefined) sink.enabled = upTo(settings.level);
  if (settings.write !== undefined) sink.write = settings.write;
  if ('otel' in settings) sink.otel = settings.otel;
}

/** Which levels are written now. */
export function logLevels(): Record<LogLevel, boolean> {
  return { ...sink.enabled };
}

/** Switches single levels of this process, for example while an operator looks into something. */
export function setLogLevels(levels: Readonly<Partial<Record<LogLevel, boolean>>>): void {
  sink.enabled = { ...sink.enabled, ...levels };
}

function errorFacts(thrown: unknown): Record<string, unknown> {
  const error = PlatformError.from(thrown);
  const causes: string[] = [];
  for (let cause: unknown = error.cause; cause instanceof Error && causes.length < 5; cause = cause.cause)
    causes.push(cause.message);
  return {
    error: error.message,
    code: error.code,
    ...(causes.length > 0 ? { causes } : {}),
    ...error.facts,
    ...(error.code === 'internal' ? { stack: error.cause instanceof Error ? error.cause.stack : error.stack } : {}),
  };
}

function shorten(_key: string, value: unknown): unknown {
  if (typeof value === 'string' && value.length > FACT_CHARS_MAX) return `${value.slice(0, FACT_CHARS_MAX)}…`;
  return typeof value === 'bigint' ? value.toString() : value;
}

function emit(name: string, level: LogLevel, message: string, facts: Facts | undefined, thrown: unknown): void {
  if (!sink.enabled[level]) return;
  const active = trace.getSpanContext(context.active());
  const entry: Record<string, unknown> = {
    time: new Date(systemClock.nowMs()).toISOString(),
    level,
    service: sink.service,
    logger: name,
    message,
    ...(active !== undefined && isSpanContextValid(active) ? { trace_id: active.traceId, span_id: active.spanId } : {}),
    ...facts,
    ...(thrown === undefined ? {} : errorFacts(thrown)),
  };
  // A fact of the name does not take the place of what the line says.
  entry.message = message;
  sink.write(`${JSON.stringify(entry, shorten)}\n`);
  if (sink.otel !== undefined) {
    const {
      time: _time,
      level: _level,
      service: _service,
      message: _message,
      trace_id: _trace,
      span_id: _span,
      ...attributes
    } = entry;
    sink.otel.emit({
      severityNumber: SEVERITY[level],
      severityText: level.toUpperCase(),
      body: message,
      context: context.active(),
      attributes: JSON.parse(JSON.stringify(attributes, shorten)),
    });
  }
}

/**
 * An event of OpenTelemetry that belongs to a span, as the Logs API has them: to OTLP where an endpoint is set, and no
 * line of the log.
 */
export function emitEvent(span: Span, eventName: string, attributes: Attributes): void {
  sink.otel?.emit({
    eventName,
    severityNumber: SeverityNumber.INFO,
    context: trace.setSpan(ROOT_CONTEXT, span),
    attributes,
  });
}

/** A logger by subject, for example `logger('rollout')`. */
export function logger(name: string): Logger {
  return {
    error: (message, facts, thrown) => emit(name, 'error', message, facts, thrown),
    warn: (message, facts, thrown) => emit(name, 'warn', message, facts, thrown),
    info: (message, facts) => emit(name, 'info', message, facts, undefined),
    debug: (message, facts) => emit(name, 'debug', message, facts, undefined),
  };
}
