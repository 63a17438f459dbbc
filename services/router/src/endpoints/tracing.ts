// Which requests are traced: those whose caller sends a sampled traceparent, and roots by the ratio, which is drawn
// before anything is made for a trace: most requests have none. An unsampled traceparent travels on as it is, without a
// span.

import type { Rng } from '@millrace/domain';
import type { TracedCall, Tracing } from '../calls/infer-call.js';

/** 00-<32 hex>-<16 hex>-<2 hex>; the last digit's lowest bit is "sampled". */
const TRACEPARENT_LENGTH = 55;

/** Starts a span as child of the traceparent ('' = a root). */
export type SpanStarter = (traceparent: string) => TracedCall;

export class SampledTracing implements Tracing {
  constructor(
    private readonly start: SpanStarter,
    private readonly rootRatio: number,
    private readonly rng: Rng,
  ) {}

  begin(traceparent: string): TracedCall | null {
    if (traceparent.length !== TRACEPARENT_LENGTH) return this.rng.next() < this.rootRatio ? this.start('') : null;
    const sampled = (Number.parseInt(traceparent.slice(53), 16) & 1) === 1;
    return sampled ? this.start(traceparent) : { traceparent, end: () => undefined };
  }
}
