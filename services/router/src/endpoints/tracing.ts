// Which requests are traced: those whose caller sends a sampled traceparent, and roots as the sampler says. An
// unsampled traceparent travels on as it is, without a span here.

import type { TracedCall, Tracing } from '../calls/infer-call.js';

/** 00-<32 hex>-<16 hex>-<2 hex>; the last digit's lowest bit is "sampled". */
const TRACEPARENT_LENGTH = 55;

/** Starts a span as child of the traceparent ('' = a root); null = not sampled. */
export type SpanStarter = (traceparent: string) => TracedCall | null;

export class SampledTracing implements Tracing {
  constructor(
    private readonly start: SpanStarter,
    private readonly rootRatio: number,
  ) {}

  begin(traceparent: string): TracedCall | null {
    if (traceparent.length !== TRACEPARENT_LENGTH) return this.rootRatio > 0 ? this.start('') : null;
    const sampled = (Number.parseInt(traceparent.slice(53), 16) & 1) === 1;
    return sampled ? this.start(traceparent) : { traceparent, end: () => undefined };
  }
}
