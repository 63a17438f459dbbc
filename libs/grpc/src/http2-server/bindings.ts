// Methods of a GrpcServiceBinding on the HTTP/2 server: descriptor handlers (decoded request in, message out, with span and
// histogram) and handlers of bytes. A method without a handler answers UNIMPLEMENTED, as behind grpc-js.

import { type DescMethod, fromBinary, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { type Clock, PlatformError } from '@millrace/domain';
import { contextOf, histogram, SpanKind, withSpan } from '@millrace/telemetry';
import type { CallContext, GrpcServiceBinding } from '../server.js';
import { messageOf } from '../service-definition.js';
import { type BytesCall, type Method, unary } from './calls.js';

type Answerer = (request: unknown, context: CallContext) => unknown;

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
