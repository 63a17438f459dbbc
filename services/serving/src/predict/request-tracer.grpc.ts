// Request spans by OpenTelemetry.

import { contextOf, failSpan, formatTraceparent, SpanKind, startSpan } from '@millrace/telemetry';
import type { RequestTracer } from './request-tracer.js';

export const requestTracer: RequestTracer = {
  begin(endpoint, traceparent) {
    const span = startSpan(`serving infer ${endpoint}`, { kind: SpanKind.SERVER, parent: contextOf(traceparent) });
    return {
      traceparent: formatTraceparent(span.spanContext()),
      end(error) {
        if (error) failSpan(span, error);
        span.end();
      },
    };
  },
};
