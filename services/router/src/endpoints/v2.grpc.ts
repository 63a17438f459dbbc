// The V2 gRPC endpoint (8001) on the shared HTTP/2 server. ModelInfer and ModelStreamInfer go over the relay, liveness
// and health are answered here, every other unary rpc of the service is forwarded to serving as bytes. What is about a
// server that is not ours goes there (src/upstream).

import { GRPCInferenceService } from '@millrace/contracts';
import { type Clock, RisingMap } from '@millrace/domain';
import {
  type BytesCall,
  type BytesStream,
  type CallHead,
  type Method,
  type RunningHttp2Server,
  startHttp2Server,
  streaming,
  type UnaryHandler,
  unary,
} from '@millrace/grpc';
import { encodeStreamResponse, peekModel } from '@millrace/inference';
import { GRPC_STATUS, PREVIEW, primaryVersion } from '@millrace/routing';
import { loadsOne } from '../calls/loads-one.js';
import type { Done } from '../relay/relay.js';
import type { UnaryAnswer } from '../relay/serving.grpc.js';
import type { ServingCalls } from '../relay/servings.grpc.js';
import type { RouteTable } from '../routing/route-table.js';
import { passStream } from '../upstream/pass-stream.js';
import { metadataOf } from '../upstream/upstream-calls.js';
import type { Destination } from '../upstream/upstream-choice.js';
import type { UpstreamDoor } from '../upstream/upstream-door.js';
import type { InferEndpoint } from './infer-endpoint.js';
import { OrderedAnswers } from './ordered-answers.js';
import { serveOn } from './serve-on.js';

/** Requests of one ModelStreamInfer being answered; more wait in the stream. */
const STREAM_IN_FLIGHT_MAX = 1_024;
/** Answers that wait for a caller who does not read. */
const UNREAD_BYTES_MAX = 67_108_864;

/** A model is loaded and warmed up before serving answers. */
const LOAD_TIMEOUT_MS = 60_000;

const TRUE = Buffer.from([0x08, 0x01]);
const FALSE = Buffer.alloc(0);

export interface GrpcEndpointOptions {
  /** Whoever answers is there. */
  ready(): boolean;
  host: string;
  port: number;
  requestBytesMax: number;
  drainMs: number;
}

export class GrpcEndpoint {
  private server: RunningHttp2Server | undefined;
  private isEnding = false;

  constructor(
    private readonly inference: InferEndpoint,
    private readonly table: RouteTable,
    private readonly serving: ServingCalls,
    private readonly upstream: UpstreamDoor,
    private readonly clock: Clock,
    private readonly options: GrpcEndpointOptions,
  ) {}

  /** Resolves with the port it listens on. */
  async listen(): Promise<number> {
    const { host, port, requestBytesMax } = this.options;
    this.server = await startHttp2Server({
      host,
      port,
      messageBytesMax: requestBytesMax,
      clock: this.clock,
      methods: this.methods(),
    });
    this.tellHealth();
    return this.server.port;
  }

  /** grpc.health.v1 says what ServerReady says. */
  tellHealth(): void {
    this.server?.health.setServing(this.isReady());
  }

  /** Says that it is not ready and serves on for a moment, then takes no new calls, and lets running ones finish. */
  async close(): Promise<void> {
    const { server } = this;
    if (server === undefined) return;
    this.isEnding = true;
    this.tellHealth();
    await serveOn(this.options.drainMs, () => server.connections > 0);
    await server.close(this.options.drainMs);
  }

  private isReady(): boolean {
    return this.options.ready() && !this.isEnding;
  }

  private methods(): Map<string, Method> {
    const at = (name: string) => `/${GRPCInferenceService.typeName}/${name}`;
    const methods = new Map<string, Method>();
    for (const { methodKind, name } of GRPCInferenceService.methods)
      if (methodKind === 'unary') methods.set(at(name), unary(this.forwarder(name)));
    if (!this.upstream.isBehind) {
      methods.set(
        at('ServerLive'),
        unary((call) => call.answer(TRUE)),
      );
      methods.set(
        at('ServerReady'),
        unary((call) => call.answer(this.isReady() ? TRUE : FALSE)),
      );
    }
    methods.set(at('ModelInfer'), unary(this.modelInfer));
    methods.set(
      at('ModelStreamInfer'),
      streaming((stream) => this.modelStreamInfer(stream)),
    );
    return methods;
  }

  private infer(head: CallHead, request: Uint8Array, stream: boolean, done: Done): () => void {
    return this.inference.infer({ request, stream, done, ...callFacts(head) });
  }

  private readonly modelInfer = (call: BytesCall, request: Uint8Array): void => {
    call.onCancel = this.infer(call, request, false, (status, message, response) => {
      if (status === GRPC_STATUS.OK) call.answer(response);
      else call.refuse(status, message);
    });
  };

  /** The first message says whose stream it is. */
  private modelStreamInfer(stream: BytesStream): void {
    stream.onMessage = (message) => {
      const destination = this.upstreamOf(message, stream);
      if (destination === undefined) this.ownStream(stream);
      else passStream(stream, this.upstream, this.upstream.streamTo(destination, callFacts(stream)));
      stream.onMessage(message);
    };
    stream.onEnd = () => stream.end();
  }

  private upstreamOf(message: Uint8Array, head: CallHead): Destination | undefined {
    try {
      const choice = this.upstream.choose(peekModel(message), head.header('millrace-entity'));
      return choice?.kind === 'there' ? choice : undefined;
    } catch {
      return undefined; // refused where requests are refused
    }
  }

  private ownStream(stream: BytesStream): void {
    const errorsAsStatus = stream.header('triton_grpc_error') === 'true';
    const running = new RisingMap<() => void>();
    let begun = 0;
    let unreadBytes = 0;
    let ended = false;
    let full = false;
    const cancelAll = () => {
      for (const cancel of running.values()) cancel();
      running.clear();
    };
    const answers = new OrderedAnswers((message) => {
      unreadBytes = stream.write(message) ? 0 : unreadBytes + message.length;
      if (unreadBytes <= UNREAD_BYTES_MAX) return;
      cancelAll();
      stream.refuse(GRPC_STATUS.UNAVAILABLE, `more than ${UNREAD_BYTES_MAX} bytes of answers are not read`);
    });
    const settle = () => {
      if (ended && answers.open === 0) stream.end();
      const wasFull = full;
      full = unreadBytes > 0 || answers.open >= STREAM_IN_FLIGHT_MAX;
      if (full && !wasFull) stream.pause();
      else if (wasFull && !full) stream.resume();
    };
    stream.onMessage = (message) => {
      const slot = answers.begin();
      const number = ++begun;
      const cancel = this.infer(stream, message, true, (status, reason, response, final) => {
        if (final) running.delete(number);
        if (status === GRPC_STATUS.OK) answers.answer(slot, response, final);
        else if (errorsAsStatus) {
          cancelAll();
          stream.refuse(status, reason);
        } else answers.answer(slot, failed(message, reason || `status ${status}`), final);
        settle();
      });
      running.set(number, cancel);
      settle();
    };
    stream.onDrain = () => {
      unreadBytes = 0;
      settle();
    };
    stream.onEnd = () => {
      ended = true;
      settle();
    };
    stream.onCancel = cancelAll;
  }

  private forwarder(method: string): UnaryHandler {
    const path = `/${GRPCInferenceService.typeName}/${method}`;
    const wantsVersion = method === 'ModelReady' || method === 'ModelMetadata' || method === 'ModelConfig';
    const timeoutMs = method.startsWith('RepositoryModel') ? LOAD_TIMEOUT_MS : undefined;
    return (call, request) => {
      const there = this.upstream.question(method, request);
      if (there !== undefined) {
        const { deadlineAtMs, metadata, traceparent } = callFacts(call);
        const sent = { path, deadlineAtMs, headers: metadataOf(metadata, traceparent) };
        call.onCancel = this.upstream.ask(there.address, sent, there.request, ({ status, message, response }) => {
          if (status === GRPC_STATUS.OK) call.answer(response);
          else call.refuse(status, message);
        });
        return;
      }
      const { count } = this.serving;
      if (count > 1 && (method === 'RepositoryModelLoad' || method === 'RepositoryModelUnload')) {
        const { code, reason } = loadsOne(count);
        call.refuse(GRPC_STATUS.INVALID_ARGUMENT, reason, code);
        return;
      }
      const bytes = wantsVersion ? this.withVersion(request) : request;
      if ('status' in bytes) {
        call.refuse(bytes.status, bytes.message);
        return;
      }
      const deadlineMs = this.clock.nowMs() + call.deadlineAtMs - this.clock.monotonicMs();
      const told = (answer: UnaryAnswer) => {
        if (answer.kind === 'ok') call.answer(answer.response);
        else call.refuse(answer.status, answer.message, answer.code);
      };
      call.onCancel = this.serving.unary(path, bytes as Buffer, deadlineMs, told, timeoutMs);
    };
  }

  /** {1 name, 2 version}: a question without a version is about the one with most of the traffic. */
  private withVersion(request: Uint8Array): Uint8Array | { status: number; message: string } {
    try {
      const { modelName, modelVersion } = peekModel(request);
      const isNamed = modelVersion !== '' && modelVersion !== PREVIEW;
      const route = isNamed ? undefined : this.table.get(modelName);
      if (route === undefined) return request;
      const preview = modelVersion === PREVIEW ? this.inference.previewOf(modelName) : undefined;
      if (preview !== undefined && !('version' in preview)) return preview;
      const version = preview?.version ?? primaryVersion(route.targets);
      if (version === 0) return request;
      const digits = Buffer.from(String(version));
      return Buffer.concat([request, Buffer.from([0x12, digits.length]), digits]);
    } catch {
      return request; // serving says what is wrong with it
    }
  }
}

/** What an endpoint knows of a call beside its bytes. */
function callFacts(head: CallHead) {
  return {
    entity: head.header('millrace-entity'),
    traceparent: head.header('traceparent'),
    headers: head,
    deadlineAtMs: head.deadlineAtMs,
    metadata: head.headers,
  };
}

/** A failed request of a stream is answered with its id, as far as it can be read. */
function failed(request: Uint8Array, error: string): Uint8Array {
  const response = { id: '', modelName: '', modelVersion: '', parameters: {}, outputs: [] };
  try {
    const { id, modelName, modelVersion } = peekModel(request);
    return encodeStreamResponse({ error, response: { ...response, id, modelName, modelVersion }, final: true });
  } catch {
    return encodeStreamResponse({ error, response, final: true });
  }
}
