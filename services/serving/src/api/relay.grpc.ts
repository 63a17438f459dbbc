// RelayService.Exchange: the router's long-lived stream. Frames are requests of many callers; answers go back by id in
// any order, those of one batch in one message. A stream holds at most IN_FLIGHT_MAX unanswered frames; more are
// refused with UNAVAILABLE. When the stream ends, its waiting requests leave the queue.

import { RelayService } from '@millrace/contracts';
import { type Clock, PlatformError, RisingMap } from '@millrace/domain';
import { type BytesStream, bindService, type GrpcServiceBinding, streaming } from '@millrace/grpc';
import {
  decodeExchangeRequest,
  encodeExchangeResponse,
  encodeInferResponse,
  encodeStreamResponse,
  type InferResponse,
  REFUSAL,
  type RequestFrame,
  type ResponseFrame,
  wantsEmptyFinal,
} from '@millrace/inference';
import type { RolloutDraw } from '@millrace/routing';
import type { Answer } from '../models/infer-job.js';
import { isNotTaken } from '../models/not-taken.js';
import type { InFlight, Predictor } from '../predict/predictor.js';
import { type Tracing, traced } from '../predict/request-tracer.js';
import { modelOf, v2Status } from './infer.grpc.js';

/** Unanswered frames of one stream: above what two queues of the batcher hold. */
const IN_FLIGHT_MAX = 16_384;
const EMPTY = new Uint8Array(0);
const SHADOW = { shadow: true };

export interface RelayPorts extends Tracing {
  predictor: Predictor;
  clock: Clock;
}

const allocate = (length: number): Uint8Array => Buffer.allocUnsafe(length);

type Encode = (response: InferResponse, final: boolean) => Uint8Array;

const encodeUnary: Encode = (response) => encodeInferResponse(response, allocate);

/** As ModelStreamInfer writes them: an empty final answer only for callers who asked for one. */
function streamEncoder(request: Uint8Array): Encode {
  return (response, final) => {
    if (final && response.outputs.length === 0 && !wantsEmptyFinal(request)) return EMPTY;
    return encodeStreamResponse({ error: '', response, final }, allocate);
  };
}

let lastDraw: RolloutDraw = { fromRevision: 0, weight: 0 };

/** Nearly always that of the frame before. */
function drawOf({ rolloutRevision = 0, rolloutWeight = 0 }: RequestFrame): RolloutDraw | undefined {
  if (rolloutRevision === 0) return undefined;
  if (lastDraw.fromRevision !== rolloutRevision || lastDraw.weight !== rolloutWeight)
    lastDraw = { fromRevision: rolloutRevision, weight: rolloutWeight };
  return lastDraw;
}

class RelaySession {
  private readonly inFlight = new RisingMap<InFlight | undefined>();
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
    if (this.inFlight.size === 0 && this.out.length === 0) {
      this.stream.end();
      this.closed();
    }
  }

  private abandon(): void {
    for (const submitted of this.inFlight.values()) submitted?.cancel();
    this.inFlight.clear();
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
      this.inFlight.get(id)?.cancel();
      this.inFlight.delete(id);
      if (this.ending) this.end();
      return;
    }
    if (this.inFlight.size >= IN_FLIGHT_MAX) {
      this.refuse(id, new PlatformError('overloaded', `${IN_FLIGHT_MAX} requests of this stream are unanswered`));
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
        ...(frame.shadow === true ? SHADOW : undefined),
        draw: drawOf(frame),
      },
      'relay',
      this.ports,
      () => modelOf(frame.request),
    );
    this.inFlight.set(id, undefined);
    const encode = frame.stream ? streamEncoder(frame.request) : encodeUnary;
    const settle: Answer = (error, response, final) => {
      if (final) span?.end(error);
      // A frame that was cancelled meanwhile is no longer there and gets no answer.
      const open = final ? this.inFlight.delete(id) : this.inFlight.has(id);
      if (!open) return;
      if (error) this.refuse(id, error);
      else if (!final && this.blocked && this.out.length >= IN_FLIGHT_MAX) this.giveUp(id);
      else
        this.answer({ id, status: 0, message: '', response: encode(response as InferResponse, final), more: !final });
    };
    const submitted = frame.stream
      ? predictor.inferManyBytes(frame.request, facts, settle)
      : predictor.inferBytes(frame.request, facts, settle);
    if (submitted && this.inFlight.has(id)) this.inFlight.set(id, submitted);
  }

  /** A decoupled model writes faster than the router reads. */
  private giveUp(id: number): void {
    this.inFlight.get(id)?.cancel();
    this.inFlight.delete(id);
    this.refuse(id, new PlatformError('overloaded', `${IN_FLIGHT_MAX} answers of this stream are not read`));
  }

  private refuse(id: number, error: PlatformError): void {
    const refusal = isNotTaken(error) ? REFUSAL.notTaken : REFUSAL.taken;
    this.answer({ id, status: v2Status(error), message: error.reason, response: EMPTY, refusal });
  }

  private answer(frame: ResponseFrame): void {
    this.out.push(frame);
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

export class RelayEndpoint {
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
