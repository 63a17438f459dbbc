// A native grpc-js server beside Nest, for services where Nest's path per call costs too much. Unary handlers are async
// functions, streams are grpc-js streams; `native` takes grpc-js handlers as they are for the hottest methods. Serves
// grpc.health.v1 too. Listens on loopback unless told otherwise.

import {
  type DescMessage,
  type DescMethod,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import {
  type ChannelOptions,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
  type UntypedHandleCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { PlatformError, systemClock } from '@millrace/domain';
import { contextOf, histogram, SpanKind, withSpan } from '@millrace/telemetry';
import { HealthState } from './health.js';
import { addHealthService } from './health-service.js';
import type { Method } from './http2-server/calls.js';
import { SERVER_OPTIONS } from './limits.js';
import { messageOf, serviceDefinition } from './service-definition.js';
import { type StatusOf, statusOfCode, toServiceError } from './status.js';

/** What a unary handler may know beside its request. */
export interface CallContext {
  /** A metadata entry of one value, '' where there is none. */
  header(name: string): string;
}

export type GrpcHandler<M> = M extends {
  methodKind: infer K;
  input: infer I extends DescMessage;
  output: infer O extends DescMessage;
}
  ? K extends 'unary'
    ? (request: MessageShape<I>, context: CallContext) => Promise<MessageInitShape<O>> | MessageInitShape<O>
    : K extends 'server_streaming'
      ? (call: ServerWritableStream<MessageShape<I>, MessageShape<O>>) => void
      : K extends 'client_streaming'
        ? (call: ServerReadableStream<MessageShape<I>, MessageShape<O>>) => Promise<MessageInitShape<O>>
        : (call: ServerDuplexStream<MessageShape<I>, MessageShape<O>>) => void
  : never;

export type GrpcHandlers<D extends DescService> = { readonly [N in keyof D['method']]?: GrpcHandler<D['method'][N]> };

/** One service of a server, ready to be listed in `startGrpcServer` or, with unary handlers and bytes, `startHttp2Server`. */
export interface GrpcServiceBinding {
  readonly service: DescService;
  readonly raw: readonly string[];
  readonly implementation: UntypedServiceImplementation;
  /** Unary handlers by local name. */
  readonly answerers: Readonly<Record<string, AnyAsync>>;
  /** Handlers of bytes by local name; the HTTP/2 server's only. */
  readonly bytes: Readonly<Record<string, Method>>;
  /** Status of a failed unary handler. */
  readonly statusOf: StatusOf;
}

export interface BindSettings {
  /** Methods (local names) that take and give wire bytes. */
  raw?: readonly string[];
  /** grpc-js handlers by local name, without span and histogram. */
  native?: Readonly<Record<string, UntypedHandleCall>>;
  /** Handlers of bytes by local name, without span and histogram; `startHttp2Server` uses them, grpc-js does not. */
  bytes?: Readonly<Record<string, Method>>;
  /** Of a service with a table of its own; the exact code still travels in millrace-code. Default STATUS_BY_CODE. */
  statusOf?: StatusOf;
}

export interface GrpcServerSettings {
  services: readonly GrpcServiceBinding[];
  /** 0 = any free port. */
  port: number;
  /** Default 127.0.0.1. */
  host?: string;
  options?: ChannelOptions;
}

export interface RunningGrpcServer {
  readonly port: number;
  readonly health: HealthState;
  readonly server: Server;
  /** Takes no new calls, lets running ones end for `graceMs`, then cuts them. */
  close(graceMs?: number): Promise<void>;
}

/** Long enough for any unary call's default deadline. */
const GRACE_MS = 5000;

const durations = histogram('millrace.rpc.server_duration');

type AnyAsync = (first: unknown, context: CallContext) => unknown;

/** Runs an async handler for a call that answers once; measures it and maps what it throws. */
function answerOnce(
  method: DescMethod,
  handler: AnyAsync,
  takesRequest: boolean,
  statusOf: StatusOf,
): handleUnaryCall<unknown, unknown> {
  const name = `${method.parent.typeName}/${method.name}`;
  return (call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) => {
    const startedMs = systemClock.monotonicMs();
    const traceparent = call.metadata.get('traceparent')[0];
    const parent = contextOf(traceparent === undefined ? undefined : String(traceparent));
    withSpan(name, { kind: SpanKind.SERVER, parent }, async () =>
      handler(takesRequest ? call.request : call, { header: (key) => String(call.metadata.get(key)[0] ?? '') }),
    ).then(
      (response) => {
        durations.record(systemClock.monotonicMs() - startedMs, { method: name, status: status.OK });
        callback(null, messageOf(method.output, response));
      },
      (error) => {
        const failed = toServiceError(error, statusOf);
        durations.record(systemClock.monotonicMs() - startedMs, { method: name, status: failed.code });
        callback(failed);
      },
    );
  };
}

function streaming(handler: (call: unknown) => void): UntypedHandleCall {
  return ((call: ServerDuplexStream<unknown, unknown>) => {
    try {
      handler(call);
    } catch (error) {
      // A stream handler that throws would otherwise end the process.
      call.emit('error', toServiceError(error));
    }
  }) as UntypedHandleCall;
}

/** Binds handlers to a service. A method without a handler answers UNIMPLEMENTED. */
export function bindService<D extends DescService>(
  service: D,
  handlers: GrpcHandlers<D>,
  settings: BindSettings = {},
): GrpcServiceBinding {
  const implementation: UntypedServiceImplementation = {};
  const statusOf: StatusOf = settings.statusOf ?? (({ code }) => statusOfCode(code));
  const answerers: Record<string, AnyAsync> = {};
  for (const method of service.methods) {
    const native = settings.native?.[method.localName];
    const handler = (handlers as Readonly<Record<string, AnyAsync | undefined>>)[method.localName];
    if (native !== undefined) implementation[method.name] = native;
    else if (handler === undefined) continue;
    else if (method.methodKind === 'unary') {
      implementation[method.name] = answerOnce(method, handler, true, statusOf);
      answerers[method.localName] = handler;
    } else if (method.methodKind === 'client_streaming')
      implementation[method.name] = answerOnce(method, handler, false, statusOf) as UntypedHandleCall;
    else implementation[method.name] = streaming(handler as (call: unknown) => void);
  }
  return { service, raw: settings.raw ?? [], implementation, answerers, bytes: settings.bytes ?? {}, statusOf };
}

/** Starts listening; rejects with `unavailable` and the address when the port is taken. */
export async function startGrpcServer(settings: GrpcServerSettings): Promise<RunningGrpcServer> {
  const server = new Server({ ...SERVER_OPTIONS, ...settings.options });
  const health = new HealthState(settings.services.map(({ service }) => service.typeName));
  addHealthService(server, health);
  for (const { service, raw, implementation } of settings.services)
    server.addService(serviceDefinition(service, raw), implementation);
  const address = `${settings.host ?? '127.0.0.1'}:${settings.port}`;
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
      error
        ? reject(new PlatformError('unavailable', `cannot listen on ${address}`, { facts: { address }, cause: error }))
        : resolve(bound),
    );
  });
  const close = async (graceMs = GRACE_MS) => {
    health.close();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        server.forceShutdown();
        resolve();
      }, graceMs);
      server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  };
  return { port, health, server, close };
}
