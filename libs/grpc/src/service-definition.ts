// protobuf-es v2 service descriptors as grpc-js service definitions and as Nest's packageDefinition, so that no .proto
// file is read at run time. toBinary gives a Uint8Array and grpc-js insists on a Buffer: it is wrapped, not copied.

import { create, type DescMessage, type DescMethod, type DescService, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { PlatformError } from '@millrace/domain';

/** Bytes as a Buffer over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Handlers and callers may give a plain object with the message's fields instead of a message. */
export function messageOf(schema: DescMessage, init: unknown): unknown {
  return typeof init === 'object' && init !== null && '$typeName' in init ? init : create(schema, init as never);
}

function methodDefinition(service: DescService, method: DescMethod): MethodDefinition<unknown, unknown> {
  const parse = (schema: DescMethod['input']) => (bytes: Buffer) => {
    try {
      return fromBinary(schema, bytes) as unknown;
    } catch (error) {
      throw new PlatformError('corrupt', `not a ${schema.name}`, { cause: error });
    }
  };
  const serialize = (schema: DescMessage) => (message: unknown) =>
    asBuffer(toBinary(schema, messageOf(schema, message) as never));
  return {
    path: `/${service.typeName}/${method.name}`,
    requestStream: method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming',
    responseStream: method.methodKind === 'server_streaming' || method.methodKind === 'bidi_streaming',
    requestSerialize: serialize(method.input),
    requestDeserialize: parse(method.input),
    responseSerialize: serialize(method.output),
    responseDeserialize: parse(method.output),
    originalName: method.localName,
  };
}

export function serviceDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries(service.methods.map((method) => [method.name, methodDefinition(service, method)]));
}

/** For Nest: `options: { package: service.file.proto.package, packageDefinition: packageDefinition(service) }`. */
export function packageDefinition(...services: DescService[]): Record<string, ServiceDefinition> {
  return Object.fromEntries(services.map((service) => [service.typeName, serviceDefinition(service)]));
}
