// What the doors need to follow a sampled trace: a span from arrival to answer, whose traceparent goes on to the prediction
// log. Requests without a sampled traceparent cost one character comparison.

export interface RequestSpan {
  /** Of this span, for whoever continues the trace. */
  readonly traceparent: string;
  end(error: Error | undefined): void;
}

export interface RequestTracer {
  begin(door: 'grpc' | 'relay' | 'http', traceparent: string): RequestSpan;
}

/** 00-<32 hex>-<16 hex>-<flags>: the last bit of the flags. */
export function isSampled(traceparent: string): boolean {
  return traceparent.length === 55 && (traceparent.charCodeAt(54) & 1) === 1;
}
