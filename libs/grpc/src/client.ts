// Typed clients from descriptors: promises for unary calls, grpc-js streams for the others. Every unary call has a
// deadline; failures are PlatformErrors; the active trace context travels in the metadata. One HTTP/2 connection per
// client; the channel reconnects by itself for ever, with back-off between 100 ms and 2 s.

import {
  type DescMessage,
  type DescMethod,
  type DescService,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf';
import {
  type CallOptions,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  Metadata,
  type MethodDefinition,
} from '@grpc/grpc-js';
import { type Clock, PlatformError, systemClock } from '@millrace/domain';
import { activeTraceparent } from '@millrace/telemetry';
import { CHANNEL_OPTIONS } from './limits.js';
import { messageOf, serviceDefinition } from './service-definition.js';
import { fromServiceError } from './status.js';

/** Unless a call says otherwise. */
const UNARY_DEADLINE_MS = 5000;

export interface CallSettings {
  /** Default for unary calls: UNARY_DEADLINE_MS; streams have none unless given. */
  deadlineMs?: number;
  metadata?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

type ClientMethod<M> = M extends {
  methodKind: infer K;
  input: infer I extends DescMessage;
  output: infer O extends DescMessage;
}
  ? K extends 'unary'
    ? (request: MessageInitShape<I>, settings?: CallSettings) => Promise<MessageShape<O>>
    : K extends 'server_streaming'
      ? (request: MessageInitShape<I>, settings?: CallSettings) => ClientReadableStream<MessageShape<O>>
      : K extends 'client_streaming'
        ? (settings?: CallSettings) => {
            stream: ClientWritableStream<MessageShape<I>>;
            response: Promise<MessageShape<O>>;
          }
        : (settings?: CallSettings) => ClientDuplexStream<MessageShape<I>, MessageShape<O>>
  : never;

export type GrpcClient<D extends DescService> = { readonly [N in keyof D['method']]: ClientMethod<D['method'][N]> } & {
  /** Resolves once connected; rejects with `unavailable` after `withinMs`. */
  waitForReady(withinMs: number): Promise<void>;
  close(): void;
};

export interface ClientSettings {
  channelOptions?: ChannelOptions;
  unaryDeadlineMs?: number;
  clock?: Clock;
}

function metadataOf(settings: CallSettings | undefined): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(settings?.metadata ?? {})) metadata.set(name, value);
  const traceparent = activeTraceparent();
  if (traceparent !== undefined && metadata.get('traceparent').length === 0) metadata.set('traceparent', traceparent);
  return metadata;
}

function clientMethod(
  client: Client,
  method: DescMethod,
  definition: MethodDefinition<unknown, unknown>,
  settings: Required<ClientSettings>,
) {
  const { path, requestSerialize, responseDeserialize } = definition;
  const options = (call: CallSettings | undefined, defaultMs?: number): CallOptions => {
    const deadlineMs = call?.deadlineMs ?? defaultMs;
    return deadlineMs === undefined ? {} : { deadline: settings.clock.nowMs() + deadlineMs };
  };
  const cancelOn = (signal: AbortSignal | undefined, stream: { cancel(): void }) => {
    if (signal?.aborted) stream.cancel();
    else signal?.addEventListener('abort', () => stream.cancel(), { once: true });
  };
  switch (method.methodKind) {
    case 'unary':
      return (request: unknown, call?: CallSettings) =>
        new Promise((resolve, reject) => {
          const started = client.makeUnaryRequest(
            path,
            requestSerialize,
            responseDeserialize,
            messageOf(method.input, request),
            metadataOf(call),
            options(call, settings.unaryDeadlineMs),
            (error, response) => (error ? reject(fromServiceError(error)) : resolve(response)),
          );
          cancelOn(call?.signal, started);
        });
    case 'server_streaming':
      return (request: unknown, call?: CallSettings) => {
        const stream = client.makeServerStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          messageOf(method.input, request),
          metadataOf(call),
          options(call),
        );
        cancelOn(call?.signal, stream);
        return stream;
      };
    case 'client_streaming':
      return (call?: CallSettings) => {
        let settle: { resolve(value: unknown): void; reject(error: Error): void };
        const response = new Promise((resolve, reject) => {
          settle = { resolve, reject };
        });
        const stream = client.makeClientStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          metadataOf(call),
          options(call),
          (error, value) => (error ? settle.reject(fromServiceError(error)) : settle.resolve(value)),
        );
        cancelOn(call?.signal, stream);
        return { stream, response };
      };
    case 'bidi_streaming':
      return (call?: CallSettings) => {
        const stream = client.makeBidiStreamRequest(
          path,
          requestSerialize,
          responseDeserialize,
          metadataOf(call),
          options(call),
        );
        cancelOn(call?.signal, stream);
        return stream;
      };
  }
}

/** `createClient(RouteService, '127.0.0.1:8004').getRoute({ project: 'flights' })`. */
export function createClient<D extends DescService>(
  service: D,
  address: string,
  settings: ClientSettings = {},
): GrpcClient<D> {
  const full = { channelOptions: {}, unaryDeadlineMs: UNARY_DEADLINE_MS, clock: systemClock, ...settings };
  const client = new Client(address, credentials.createInsecure(), { ...CHANNEL_OPTIONS, ...full.channelOptions });
  const definitions = serviceDefinition(service);
  const methods = Object.fromEntries(
    service.methods.map((method) => [
      method.localName,
      clientMethod(client, method, definitions[method.name] as MethodDefinition<unknown, unknown>, full),
    ]),
  );
  const waitForReady = (withinMs: number) =>
    new Promise<void>((resolve, reject) => {
      client.waitForReady(full.clock.nowMs() + withinMs, (error) =>
        error
          ? reject(
              new PlatformError('unavailable', `${address} does not answer within ${withinMs} ms`, { cause: error }),
            )
          : resolve(),
      );
    });
  return { ...methods, waitForReady, close: () => client.close() } as unknown as GrpcClient<D>;
}
