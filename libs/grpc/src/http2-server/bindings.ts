// Services of descriptors on the HTTP/2 server: unary handlers (decoded request in, message out, with span and
// histogram) and handlers of bytes. A method without a handler answers UNIMPLEMENTED.

import {
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { type Clock, PlatformError } from '@millrace/domain';
import { contextOf, histogram, SpanKind, withSpan } from '@millrace/telemetry';
import { messageOf } from '../service-definition.js';
import { type StatusOf, statusOfCode } from '../status.js';
import { type BytesCall, type Method, unary } from './calls.js';

/** What a unary handler may know beside its request. */
export interface CallContext {
  /** A metadata entry of one value, '' where there is none. */
  header(name: string): string;
}

type UnaryOf<M> = M extends {
  methodKind: 'unary';
  input: infer I extends DescMessage;
  output: infer O extends DescMessage;
}
  ? (request: MessageShape<I>, context: CallContext) => Promise<MessageInitShape<O>> | MessageInitShape<O>
  : never;

/** Unary handlers by local name. */
export type GrpcHandlers<D extends DescService> = { readonly [N in keyof D['method']]?: UnaryOf<D['method'][N]> };

/** One service, ready to be listed in `startHttp2Server`. */
export interface GrpcServiceBinding {
  readonly service: DescService;
  readonly answerers: Readonly<Record<string, Answerer>>;
  readonly bytes: Readonly<Record<string, Method>>;
  readonly statusOf: StatusOf;
}

export interface BindSettings {
  /** Handlers of bytes by local name, without span and histogram. */
  bytes?: Readonly<Record<string, Method>>;
  /** Of a service with a table of its own; the exact code still travels in millrace-code. Default STATUS_BY_CODE. */
  statusOf?: StatusOf;
}

type Answerer = (request: unknown, context: CallContext) => unknown;

export function bindService<D extends DescService>(
  service: D,
  handlers: GrpcHandlers<D>,
  settings: BindSettings = {},
): GrpcServiceBinding {
  return {
    service,
    answerers: handlers as Readonly<Record<string, Answerer>>,
    bytes: settings.bytes ?? {},
    statusOf: settings.statusOf ?? (({ code }) => statusOfCode(code)),
  };
}

const durations = histogram('millrace.rpc.server_duration');

function decode(method: DescMethod, bytes: Uint8Array): unknown {
  try {
    return fromBinary(method.input, bytes);
  } catch (cause) {
    throw new PlatformError('invalid_argument', `not a ${method.input.name}`, { cause });
  }
}

/** The handler's work after the deadline is thrown away; the caller has been told before. */
function answerBy(method: DescMethod, handler: Answerer, { statusOf }: GrpcServiceBinding, clock: Clock) {
  const name = `${method.parent.typeName}/${method.name}`;
  return (call: BytesCall, bytes: Uint8Array): void => {
    const request = decode(method, bytes);
    const traceparent = call.header('traceparent');
    const parent = contextOf(traceparent === '' ? undefined : traceparent);
    const ended = (code: number) =>
      durations.record(clock.monotonicMs() - call.arrivedAtMs, { method: name, status: code });
    withSpan(name, { kind: SpanKind.SERVER, parent }, async () => handler(request, call)).then(
      (response) => {
        ended(status.OK);
        call.answer(toBinary(method.output, messageOf(method.output, response) as never));
      },
      (thrown) => {
        const error = PlatformError.from(thrown);
        const code = statusOf(error);
        ended(code);
        call.refuse(code, error.reason, error.code);
      },
    );
  };
}

export function methodsOf(binding: GrpcServiceBinding, clock: Clock): [string, Method][] {
  return binding.service.methods.map((method): [string, Method] => {
    const path = `/${binding.service.typeName}/${method.name}`;
    const bytes = binding.bytes[method.localName];
    if (bytes !== undefined) return [path, bytes];
    const handler = method.methodKind === 'unary' ? binding.answerers[method.localName] : undefined;
    if (handler !== undefined) return [path, unary(answerBy(method, handler, binding, clock))];
    const refusal = `${method.name} is not served here`;
    return [path, unary((call) => call.refuse(status.UNIMPLEMENTED, refusal, 'unimplemented'))];
  });
}
