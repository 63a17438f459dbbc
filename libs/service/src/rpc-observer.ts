// Span and duration of each unary call of the control plane. Streams live as long as their callers like, and Kafka
// batches are measured by libs/kafka.

import type { DescService } from '@bufbuild/protobuf';
import { systemClock } from '@millrace/domain';
import { toServiceError } from '@millrace/grpc';
import { contextOf, failSpan, histogram, runInSpan, SpanKind, startSpan } from '@millrace/telemetry';
import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import { type Observable, tap } from 'rxjs';

/** What is used of grpc-js' call. */
interface UnaryCall {
  getPath(): string;
  metadata: { get(name: string): readonly (string | Uint8Array)[] };
}

const OK = 0;

const durations = histogram('millrace.rpc.server_duration');

export class RpcObserver implements NestInterceptor {
  private readonly unary: ReadonlySet<string>;

  constructor(services: readonly DescService[]) {
    const methods = services.flatMap((service) => service.methods);
    this.unary = new Set(
      methods
        .filter(({ methodKind }) => methodKind === 'unary')
        .map(({ parent, name }) => `${parent.typeName}/${name}`),
    );
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    // (request, metadata, call); a Kafka batch and a bare stream have no third argument, HTTP has none with a path.
    const call = context.getArgByIndex<Partial<UnaryCall> | undefined>(2);
    const method = call?.getPath?.().slice(1) ?? '';
    if (context.getType() !== 'rpc' || !this.unary.has(method)) return next.handle();
    const traceparent = call?.metadata?.get('traceparent')[0];
    const parent = contextOf(traceparent === undefined ? undefined : String(traceparent));
    const span = startSpan(method, { kind: SpanKind.SERVER, parent });
    const startedMs = systemClock.monotonicMs();
    const ended = (status: number) => {
      durations.record(systemClock.monotonicMs() - startedMs, { method, status });
      span.end();
    };
    return runInSpan(span, () => next.handle()).pipe(
      tap({
        complete: () => ended(OK),
        error: (error) => {
          failSpan(span, error);
          ended(toServiceError(error).code);
        },
      }),
    );
  }
}
