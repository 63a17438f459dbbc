// Calls to V2 servers that are not ours: bytes go through both ways, statuses and messages as the server gave them,
// deadlines and cancellations with the call. When the answer has left, request and answer are handed to the log.
// Bounded by IN_FLIGHT_MAX and IN_FLIGHT_BYTES_MAX, beyond which a call is refused at once, as V2 says a full queue.

import type { Clock } from '@millrace/domain';
import type { BytesAnswer, BytesStreamEvents, OpenBytesStream } from '@millrace/grpc';
import { GRPC_STATUS } from '@millrace/routing';
import { IN_FLIGHT_BYTES_MAX, IN_FLIGHT_MAX } from '../relay/relay.js';
import type { UpstreamVersion } from './upstream-table.js';

export interface CallHeaders {
  /** On the monotonic clock; Infinity = none. */
  deadlineAtMs: number;
  headers: Readonly<Record<string, string>>;
}

/** Connections to one server. */
export interface UpstreamClient {
  unary(call: CallHeaders & { path: string }, request: Uint8Array, done: (answer: BytesAnswer) => void): () => void;
  stream(call: CallHeaders & { path: string }, events: BytesStreamEvents): OpenBytesStream;
}

/** What the log gets of an answered call. */
export interface AnsweredCall {
  version: UpstreamVersion;
  /** Bytes of ModelInferRequest and ModelInferResponse. */
  request: Uint8Array;
  response: Uint8Array;
  facts: CallFacts;
}

export interface CallFacts {
  /** From the header; the request's parameter wins. */
  entity: string;
  /** '' = not sampled. */
  traceparent: string;
  answeredAtMs: number;
  latencyMs: number;
}

export interface UpstreamCallsOptions {
  clock: Clock;
  client(address: string): UpstreamClient;
  /** For a call without a deadline, so that it ends as well. */
  deadlineMaxMs: number;
}

export class UpstreamCalls {
  private running = 0;
  private bytes = 0;

  constructor(private readonly options: UpstreamCallsOptions) {}

  get inFlight(): number {
    return this.running;
  }

  /** `done` is called once, never from within, and not after the returned function was called. */
  unary(
    address: string,
    call: CallHeaders & { path: string },
    request: Uint8Array,
    done: (answer: BytesAnswer) => void,
  ): () => void {
    const { length } = request;
    if (this.running >= IN_FLIGHT_MAX || this.bytes + length > IN_FLIGHT_BYTES_MAX) {
      const message = `the router holds ${this.running} requests already`;
      let cancelled = false;
      queueMicrotask(() => cancelled || done({ ...UNANSWERED, status: GRPC_STATUS.UNAVAILABLE, message }));
      return () => {
        cancelled = true;
      };
    }
    this.running += 1;
    this.bytes += length;
    let open = true;
    const ended = () => {
      if (!open) return;
      open = false;
      this.running -= 1;
      this.bytes -= length;
    };
    const cancel = this.options.client(address).unary(this.withDeadline(call), request, (answer) => {
      ended();
      done(told(address, answer));
    });
    return () => {
      ended();
      cancel();
    };
  }

  stream(address: string, call: CallHeaders & { path: string }, events: BytesStreamEvents): OpenBytesStream {
    this.running += 1;
    let open = true;
    const ended = () => {
      if (open) this.running -= 1;
      open = false;
    };
    const stream = this.options.client(address).stream(call, {
      ...events,
      end: (answer) => {
        ended();
        events.end(told(address, answer));
      },
    });
    return {
      ...stream,
      cancel: () => {
        ended();
        stream.cancel();
      },
    };
  }

  private withDeadline<C extends CallHeaders>(call: C): C {
    if (call.deadlineAtMs !== Number.POSITIVE_INFINITY) return call;
    return { ...call, deadlineAtMs: this.options.clock.monotonicMs() + this.options.deadlineMaxMs };
  }
}

const UNANSWERED = { response: new Uint8Array(0), answered: false };

/** That nobody was reached is ours to say, with what helps; everything else is the server's own word. */
function told(address: string, answer: BytesAnswer): BytesAnswer {
  if (answer.answered || answer.status !== GRPC_STATUS.UNAVAILABLE) return answer;
  const message = `the upstream ${address} does not answer (${answer.message}); requests reach it again as soon as it is started there`;
  return { ...answer, message };
}

/**
 * Metadata of a call that travels on: what belongs to the connection, or to how this hop carries the message, stays.
 */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  ...['te', 'content-type', 'content-length', 'host', 'connection', 'user-agent', 'traceparent'],
  ...['grpc-timeout', 'grpc-encoding', 'grpc-accept-encoding', 'accept-encoding'],
]);

/** `headers`: names and values in turns. Of a name that comes twice both values travel, as HTTP joins them. */
export function metadataOf(headers: readonly string[], traceparent: string): Record<string, string> {
  const metadata: Record<string, string> = {};
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string;
    if (name.startsWith(':') || OWN_HEADERS.has(name)) continue;
    const before = metadata[name];
    metadata[name] = before === undefined ? (headers[i + 1] as string) : `${before},${headers[i + 1]}`;
  }
  if (traceparent !== '') metadata.traceparent = traceparent;
  return metadata;
}
