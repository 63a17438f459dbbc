// RelayService.Exchange: the router's long-lived stream. Frames are requests of many callers; answers go back by id in any
// order, those of one batch in one message. A stream holds at most IN_FLIGHT_MAX unanswered frames; more are refused with
// UNAVAILABLE. When the stream ends, its waiting requests leave the queue.

import { RelayService } from '@millrace/contracts';
import { type Clock, PlatformError } from '@millrace/domain';
import { type BytesStream, bindService, type GrpcServiceBinding, streaming } from '@millrace/grpc';
import {
  decodeExchangeRequest,
  encodeExchangeResponse,
  encodeInferResponse,
  type InferResponse,
  type RequestFrame,
  type ResponseFrame,
} from '@millrace/inference';
import type { Predictor, Ticket } from '../predict/predictor.js';
import { type Tracing, traced } from '../predict/request-tracer.js';
import { modelOf, v2Status } from './infer.grpc.js';

/** Unanswered frames of one stream: above what two queues of the batcher hold. */
const IN_FLIGHT_MAX = 16_384;
const EMPTY = new Uint8Array(0);

export interface RelayPorts extends Tracing {
  predictor: Predictor;
  clock: Clock;
}

const allocate = (length: number): Uint8Array => Buffer.allocUnsafe(length);

class RelaySession {
  private readonly tickets = new Map<number, Ticket | undefined>();
  private out: ResponseFrame[] = [];
  private flushing = false;
  private blocked = false;
  private ending = false;

  constructor(
    private readonly stream: BytesStream,
    private readonly ports: RelayPorts,
    private readonly closed: () => void,
  ) {
    stream.onMessage = (bytes) => this.receive(bytes);
    stream.onEnd = () => this.end();
    stream.onCancel = () => this.abandon();
    stream.onDrain = () => {
      this.blocked = false;
      stream.resume();
      this.flush();
    };
  }

  /** Answers what is in flight, then ends the stream. */
  end(): void {
    this.ending = true;
    if (this.tickets.size === 0 && this.out.length === 0) {
      this.stream.end();
      this.closed();
    }
  }

  private abandon(): void {
    for (const ticket of this.tickets.values()) ticket?.cancel();
    this.tickets.clear();
    this.out = [];
    this.closed();
  }

  private receive(bytes: Uint8Array): void {
    try {
      decodeExchangeRequest(bytes, (frame) => this.handle(frame));
    } catch (error) {
      // Frame borders are lost: the stream cannot go on.
      this.abandon();
      const fault = PlatformError.from(error);
      this.stream.refuse(v2Status(fault), fault.reason, fault.code);
    }
  }

  private handle(frame: RequestFrame): void {
    const { id } = frame;
    if (frame.cancelled) {
      this.tickets.get(id)?.cancel();
      this.tickets.delete(id);
      if (this.ending) this.end();
      return;
    }
    if (this.tickets.size >= IN_FLIGHT_MAX) {
      this.answer(
        id,
        new PlatformError('overloaded', `${IN_FLIGHT_MAX} requests of this stream are unanswered`),
        undefined,
      );
      return;
    }
    const { clock, predictor } = this.ports;
    const arrivedAtMs = clock.monotonicMs();
    const { facts, span } = traced(
      {
        version: frame.version,
        entity: frame.entity,
        traceparent: frame.traceparent,
        arrivedAtMs,
        deadlineAtMs: frame.deadlineMs > 0 ? arrivedAtMs + frame.deadlineMs : Number.POSITIVE_INFINITY,
      },
      'relay',
      this.ports,
      () => modelOf(frame.request),
    );
    this.tickets.set(id, undefined);
    const ticket = predictor.inferBytes(frame.request, facts, (error, response) => {
      span?.end(error);
      // A frame that was cancelled meanwhile is no longer there and gets no answer.
      if (this.tickets.delete(id)) this.answer(id, error, response);
    });
    if (ticket) this.tickets.set(id, ticket);
  }

  private answer(id: number, error: PlatformError | undefined, response: InferResponse | undefined): void {
    this.out.push(
      error
        ? { id, status: v2Status(error), message: error.reason, response: EMPTY }
        : { id, status: 0, message: '', response: encodeInferResponse(response as InferResponse, allocate) },
    );
    if (this.flushing) return;
    this.flushing = true;
    // A batch answers its requests in one go: after it, all of them are here.
    queueMicrotask(() => {
      this.flushing = false;
      this.flush();
    });
  }

  private flush(): void {
    if (this.blocked || this.out.length === 0) return;
    const frames = this.out;
    this.out = [];
    if (!this.stream.write(encodeExchangeResponse(frames, allocate))) {
      // The router does not keep up: take no more from it; what is in flight stays within IN_FLIGHT_MAX.
      this.blocked = true;
      this.stream.pause();
    }
    if (this.ending) this.end();
  }
}

export class RelayDoor {
  private readonly sessions = new Set<RelaySession>();

  constructor(private readonly ports: RelayPorts) {}

  get streams(): number {
    return this.sessions.size;
  }

  binding(): GrpcServiceBinding {
    const exchange = (stream: BytesStream): void => {
      const session: RelaySession = new RelaySession(stream, this.ports, () => this.sessions.delete(session));
      this.sessions.add(session);
    };
    return bindService(RelayService, {}, { bytes: { exchange: streaming(exchange) } });
  }

  /** Ends every stream once its requests are answered; the server's shutdown waits for that. */
  endAll(): void {
    for (const session of [...this.sessions]) session.end();
  }
}
