// Spans and W3C trace context. Sampling is parent-based: a caller that sends a sampled traceparent is always traced,
// roots by the configured ratio. Grammar of the header: 00-<32 hex trace id>-<16 hex span id>-<2 hex flags>.

import { PlatformError } from '@millrace/domain';
import {
  type Attributes,
  type Context,
  context,
  createContextKey,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { ATTRIBUTES } from './attributes.js';

export type { Context, Link, Span } from '@opentelemetry/api';
export { ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';

const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const TRACER = 'millrace';

const DRAWN = createContextKey('root that was drawn');
/** Parent of a root that whoever starts it has drawn by the ratio already: it is sampled. For hot paths. */
export const SAMPLED_ROOT: Context = ROOT_CONTEXT.setValue(DRAWN, true);

export const isDrawnRoot = (parent: Context): boolean => parent.getValue(DRAWN) === true;

type HeaderValue = string | readonly string[] | Buffer | readonly Buffer[] | readonly (string | Buffer)[] | undefined;

export interface SpanSettings {
  attributes?: Attributes;
  kind?: SpanKind;
  /** Default: what is active. `extractTrace(headers)` of an incoming call, or ROOT_CONTEXT. */
  parent?: Context;
  links?: Link[];
}

/** Reads one traceparent; undefined where it is missing or malformed (then the call starts a trace of its own). */
export function parseTraceparent(text: string | undefined): SpanContext | undefined {
  if (text === undefined) return undefined;
  const match = TRACEPARENT.exec(text);
  if (match === null) return undefined;
  const spanContext: SpanContext = {
    traceId: match[1] as string,
    spanId: match[2] as string,
    traceFlags: Number.parseInt(match[3] as string, 16) & TraceFlags.SAMPLED,
    isRemote: true,
  };
  return isSpanContextValid(spanContext) ? spanContext : undefined;
}

export function formatTraceparent(spanContext: SpanContext): string {
  return `00-${spanContext.traceId}-${spanContext.spanId}-0${spanContext.traceFlags & TraceFlags.SAMPLED}`;
}

/** The traceparent of what is active; undefined outside any span. */
export function activeTraceparent(): string | undefined {
  const active = trace.getSpanContext(context.active());
  return active !== undefined && isSpanContextValid(active) ? formatTraceparent(active) : undefined;
}

/** Trace id of the active span where it is sampled, else "". */
export function sampledTraceId(): string {
  const active = trace.getSpanContext(context.active());
  return active !== undefined && (active.traceFlags & TraceFlags.SAMPLED) !== 0 ? active.traceId : '';
}

/** The caller's context from headers (HTTP, Kafka or gRPC metadata as a plain object), to be given as `parent`. */
export function extractTrace(headers: Readonly<Record<string, HeaderValue>>): Context {
  const value = headers.traceparent;
  const first = Array.isArray(value) ? value[0] : value;
  const spanContext = parseTraceparent(first === undefined ? undefined : String(first));
  return spanContext === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContext);
}

/** The context a bare traceparent stands for. */
export function contextOf(traceparent: string | undefined): Context {
  const spanContext = parseTraceparent(traceparent);
  return spanContext === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContext);
}

/** Starts a span without making it active; the caller ends it. For hot paths that know whether they are sampled. */
export function startSpan(name: string, settings: SpanSettings = {}): Span {
  return trace
    .getTracer(TRACER)
    .startSpan(
      name,
      { kind: settings.kind ?? SpanKind.INTERNAL, attributes: settings.attributes, links: settings.links },
      settings.parent ?? context.active(),
    );
}

/** Marks a span as failed with the error's code. */
export function failSpan(span: Span, thrown: unknown): void {
  const error = PlatformError.from(thrown);
  span.setAttribute(ATTRIBUTES.errorCode, error.code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
}

/** Runs `work` inside a span: it is active meanwhile, ended afterwards, marked failed when work throws. */
export async function withSpan<T>(
  name: string,
  settings: SpanSettings,
  work: (span: Span) => Promise<T> | T,
): Promise<T> {
  const span = startSpan(name, settings);
  try {
    return await context.with(trace.setSpan(settings.parent ?? context.active(), span), work, undefined, span);
  } catch (error) {
    failSpan(span, error);
    throw error;
  } finally {
    span.end();
  }
}

/** Runs `work` with the span active, without ending it. */
export function runInSpan<T>(span: Span, work: () => T): T {
  return context.with(trace.setSpan(context.active(), span), work);
}
