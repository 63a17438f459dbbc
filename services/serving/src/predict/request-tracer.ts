// What the endpoints need to follow a sampled trace: a span from arrival to answer, whose traceparent goes on to the
// prediction log. Requests without a sampled traceparent cost one character comparison.

import type { CallFacts } from '../models/infer-job.js';
import type { TraceSettings } from './trace-settings.js';

export interface RequestSpan {
  /** Of this span, for whoever continues the trace. */
  readonly traceparent: string;
  end(error: Error | undefined): void;
}

export interface RequestTracer {
  begin(endpoint: 'grpc' | 'relay' | 'http', traceparent: string): RequestSpan;
}

/** 00-<32 hex>-<16 hex>-<flags>: the last bit of the flags. */
export function isSampled(traceparent: string): boolean {
  return traceparent.length === 55 && (traceparent.charCodeAt(54) & 1) === 1;
}

export interface Tracing {
  tracer: RequestTracer;
  traces: TraceSettings;
}

/**
 * Begins a span where the caller's trace is sampled or the trace settings choose this request, and puts its traceparent
 * in place of the caller's; else no traceparent goes on. `model` is only asked for while trace settings are active.
 */
export function traced(
  facts: CallFacts,
  endpoint: 'grpc' | 'relay' | 'http',
  { tracer, traces }: Tracing,
  model: () => string,
): { facts: CallFacts; span: RequestSpan | undefined } {
  let { traceparent } = facts;
  if (!isSampled(traceparent)) {
    traceparent = traces.active ? traces.sample(model()) : '';
    if (traceparent === '') {
      return { facts: facts.traceparent === '' ? facts : { ...facts, traceparent }, span: undefined };
    }
  }
  const span = tracer.begin(endpoint, traceparent);
  return { facts: { ...facts, traceparent: span.traceparent }, span };
}
