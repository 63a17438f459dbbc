// The V2 gRPC door (8001) on the shared HTTP/2 server. ModelInfer and ModelStreamInfer go over the relay, liveness and health
// are answered here, every other unary rpc of the service is forwarded to serving as bytes.

import { GRPCInferenceService } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
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
import { peekModel } from '@millrace/inference';
import { type Done, type Relay, STATUS } from '../relay/relay.js';
import type { ServingClient } from '../relay/serving.grpc.js';
import { primaryVersion } from '../rollout/route.js';
import type { RouteTable } from '../routing/route-table.js';
import type { InferDoor } from './infer.js';

/** Requests of one ModelStreamInfer being answered; more wait in the stream. */
const STREAM_IN_FLIGHT_MAX = 256;

const TRUE = Buffer.from([0x08, 0x01]);
const FALSE = Buffer.alloc(0);

export interface GrpcDoorOptions {
  host: string;
  port: number;
  requestBytesMax: number;
  drainMs: number;
}

export class GrpcDoor {
  private server: RunningHttp2Server | undefined;

  constructor(
    private readonly door: InferDoor,
    private readonly relay: Relay,
    private readonly table: RouteTable,
    private readonly serving: ServingClient,
    private readonly clock: Clock,
    private readonly options: GrpcDoorOptions,
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
    this.server?.health.setServing(this.relay.up);
  }

  /** Lets calls finish for the drain time. */
  async close(): Promise<void> {
    await this.server?.close(this.options.drainMs);
  }

  private methods(): Map<string, Method> {
    const at = (name: string) => `/${GRPCInferenceService.typeName}/${name}`;
    const methods = new Map<string, Method>();
    for (const { methodKind, name } of GRPCInferenceService.methods)
      if (methodKind === 'unary') methods.set(at(name), unary(this.forwarder(name)));
    methods.set(
      at('ServerLive'),
      unary((call) => call.answer(TRUE)),
    );
    methods.set(
      at('ServerReady'),
      unary((call) => call.answer(this.relay.up ? TRUE : FALSE)),
    );
    methods.set(at('ModelInfer'), unary(this.modelInfer));
    methods.set(
      at('ModelStreamInfer'),
      streaming((stream) => this.modelStreamInfer(stream)),
    );
    return methods;
  }

  private infer(head: CallHead, request: Uint8Array, done: Done): () => void {
    return this.door.infer({
      request,
      entity: head.header('millrace-entity'),
      traceparent: head.header('traceparent'),
      deadlineAtMs: head.deadlineAtMs,
      done,
    });
  }

  private readonly modelInfer = (call: BytesCall, request: Uint8Array): void => {
    call.onCancel = this.infer(call, request, (status, message, response) => {
      if (status === STATUS.OK) call.answer(response);
      else call.refuse(status, message);
    });
  };

  private modelStreamInfer(stream: BytesStream): void {
    const running = new Set<() => void>();
    let ended = false;
    let full = false;
    const settle = () => {
      if (ended && running.size === 0) stream.end();
      const wasFull = full;
      full = running.size >= STREAM_IN_FLIGHT_MAX;
      if (full !== wasFull) full ? stream.pause() : stream.resume();
    };
    stream.onMessage = (message) => {
      const cancel = this.infer(stream, message, (status, reason, response) => {
        running.delete(cancel);
        stream.write(streamAnswer(status, reason, response));
        settle();
      });
      running.add(cancel);
      settle();
    };
    stream.onEnd = () => {
      ended = true;
      settle();
    };
    stream.onCancel = () => {
      for (const cancel of running) cancel();
      running.clear();
    };
  }

  private forwarder(method: string): UnaryHandler {
    const path = `/${GRPCInferenceService.typeName}/${method}`;
    const wantsVersion = method === 'ModelReady' || method === 'ModelMetadata' || method === 'ModelConfig';
    return (call, request) => {
      const bytes = wantsVersion ? this.withLiveVersion(request) : request;
      const deadlineMs = this.clock.nowMs() + call.deadlineAtMs - this.clock.monotonicMs();
      call.onCancel = this.serving.unary(path, bytes as Buffer, deadlineMs, (answer) => {
        if (answer.kind === 'ok') call.answer(answer.response);
        else call.refuse(answer.status, answer.message);
      });
    };
  }

  /** {1 name, 2 version}: a question without a version is about the one with most of the traffic. */
  private withLiveVersion(request: Uint8Array): Uint8Array {
    try {
      const head = peekModel(request);
      const route = head.modelVersion === '' ? this.table.get(head.modelName) : undefined;
      const version = route === undefined ? 0 : primaryVersion(route);
      if (version === 0) return request;
      const digits = Buffer.from(String(version));
      return Buffer.concat([request, Buffer.from([0x12, digits.length]), digits]);
    } catch {
      return request; // serving says what is wrong with it
    }
  }
}

/** ModelStreamInferResponse{1 error_message, 2 infer_response}. */
function streamAnswer(status: number, message: string, response: Uint8Array): Buffer {
  const error = status !== STATUS.OK;
  const payload = error ? Buffer.from(message || `status ${status}`) : response;
  const head: number[] = [error ? 0x0a : 0x12];
  let rest = payload.length;
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128);
  head.push(rest);
  return Buffer.concat([Buffer.from(head), payload]);
}
