// The V2 gRPC door (8001): a grpc-js server with identity codecs. ModelInfer and ModelStreamInfer go over the relay,
// liveness and health are answered here, every other unary rpc of the service is forwarded to serving as bytes.

import type {
  handleUnaryCall,
  Metadata,
  ServerDuplexStream,
  ServerUnaryCall,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { GRPCInferenceService } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import { type RunningGrpcServer, startGrpcServer } from '@millrace/grpc';
import { peekModel } from '@millrace/inference';
import { type Relay, STATUS } from '../relay/relay.js';
import type { ServingClient } from '../relay/serving.grpc.js';
import { primaryVersion } from '../rollout/route.js';
import type { RouteTable } from '../routing/route-table.js';
import type { InferDoor } from './infer.js';

/** Concurrent calls of one connection; more wait in the client. */
const CONCURRENT_STREAMS_MAX = 1_024;
/** Requests of one ModelStreamInfer being answered; more wait in the stream. */
const STREAM_IN_FLIGHT_MAX = 256;

const TRUE = Buffer.from([0x08, 0x01]);
const FALSE = Buffer.alloc(0);

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Duplex = ServerDuplexStream<Buffer, Buffer>;

export interface GrpcDoorOptions {
  host: string;
  port: number;
  requestBytesMax: number;
  drainMs: number;
}

export class GrpcDoor {
  private running: RunningGrpcServer | undefined;
  private closing = false;

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
    const raw = GRPCInferenceService.methods.map((method) => method.localName);
    this.running = await startGrpcServer({
      services: [{ service: GRPCInferenceService, raw, implementation: this.implementation() }],
      host,
      port,
      options: {
        'grpc.max_receive_message_length': requestBytesMax,
        'grpc.max_send_message_length': -1,
        'grpc.max_concurrent_streams': CONCURRENT_STREAMS_MAX,
        'grpc.enable_channelz': 0,
      },
    });
    return this.running.port;
  }

  /** grpc.health.v1 says what ServerReady says. */
  tellHealth(): void {
    if (!this.closing) this.running?.health.setServing(this.relay.up);
  }

  /** GOAWAY, let calls finish for the drain time, then close what is left. */
  async close(): Promise<void> {
    this.closing = true;
    await this.running?.close(this.options.drainMs);
  }

  private implementation(): UntypedServiceImplementation {
    const implementation: UntypedServiceImplementation = {};
    for (const method of GRPCInferenceService.methods) {
      if (method.methodKind === 'unary') implementation[method.name] = this.forwarder(method.name);
    }
    return {
      ...implementation,
      ServerLive: (_call: Unary, done: sendUnaryData<Buffer>) => done(null, TRUE),
      ServerReady: (_call: Unary, done: sendUnaryData<Buffer>) => done(null, this.relay.up ? TRUE : FALSE),
      ModelInfer: this.modelInfer,
      ModelStreamInfer: this.modelStreamInfer,
    };
  }

  private readonly modelInfer = (call: Unary, done: sendUnaryData<Buffer>): void => {
    const cancel = this.door.infer({
      request: call.request,
      entity: header(call.metadata, 'millrace-entity'),
      traceparent: header(call.metadata, 'traceparent'),
      deadlineAtMs: this.deadlineAt(call),
      done: (status, message, response) => {
        if (status === STATUS.OK) done(null, response as Buffer);
        else done({ code: status, details: message });
      },
    });
    call.on('cancelled', cancel);
  };

  private readonly modelStreamInfer = (call: Duplex): void => {
    const running = new Set<() => void>();
    let ended = false;
    const endIfDone = () => {
      if (ended && running.size === 0) call.end();
    };
    call.on('data', (request: Buffer) => {
      let cancel: () => void = () => undefined;
      cancel = this.door.infer({
        request,
        entity: header(call.metadata, 'millrace-entity'),
        traceparent: header(call.metadata, 'traceparent'),
        deadlineAtMs: this.deadlineAt(call),
        done: (status, message, response) => {
          running.delete(cancel);
          if (running.size < STREAM_IN_FLIGHT_MAX) call.resume();
          if (!call.cancelled) call.write(streamAnswer(status, message, response));
          endIfDone();
        },
      });
      running.add(cancel);
      if (running.size >= STREAM_IN_FLIGHT_MAX) call.pause();
    });
    call.on('end', () => {
      ended = true;
      endIfDone();
    });
    call.on('cancelled', () => {
      for (const cancel of running) cancel();
      running.clear();
    });
    // A broken client stream also ends as 'cancelled'; without a listener it would end the process.
    call.on('error', () => undefined);
  };

  private forwarder(method: string): handleUnaryCall<Buffer, Buffer> {
    const path = `/${GRPCInferenceService.typeName}/${method}`;
    const wantsVersion = method === 'ModelReady' || method === 'ModelMetadata' || method === 'ModelConfig';
    return (call, done) => {
      const request = wantsVersion ? this.withLiveVersion(call.request) : call.request;
      const deadline = Number(call.getDeadline());
      const cancel = this.serving.unary(path, request, deadline, (answer) => {
        if (answer.kind === 'ok') done(null, answer.response);
        else done({ code: answer.status, details: answer.message });
      });
      call.on('cancelled', cancel);
    };
  }

  /** {1 name, 2 version}: a question without a version is about the one with most of the traffic. */
  private withLiveVersion(request: Buffer): Buffer {
    try {
      const head = peekModel(request);
      const route = head.modelVersion === '' ? this.table.get(head.modelName) : undefined;
      const version = route === undefined ? 0 : primaryVersion(route);
      if (version === 0) return request;
      const text = Buffer.from(String(version));
      return Buffer.concat([request, Buffer.from([0x12, text.length]), text]);
    } catch {
      return request; // serving says what is wrong with it
    }
  }

  private deadlineAt(call: Unary | Duplex): number {
    const deadline = Number(call.getDeadline());
    return Number.isFinite(deadline)
      ? this.clock.monotonicMs() + deadline - this.clock.nowMs()
      : Number.POSITIVE_INFINITY;
  }
}

function header(metadata: Metadata, name: string): string {
  const value = metadata.get(name)[0];
  return typeof value === 'string' ? value : '';
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
