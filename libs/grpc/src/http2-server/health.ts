// grpc.health.v1 on the HTTP/2 server: the state of health.ts as methods of bytes.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { Health, healthPb } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { type HealthState, type HealthWatcher, type ServingStatus, WATCHERS_MAX } from '../health.js';
import { type BytesStream, type Method, streaming, unary } from './calls.js';

const { HealthCheckRequestSchema, HealthCheckResponseSchema, HealthListResponseSchema } = healthPb;

const bytesOf = (state: ServingStatus) =>
  toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status: state }));

function serviceOf(request: Uint8Array): string {
  try {
    return fromBinary(HealthCheckRequestSchema, request).service;
  } catch (cause) {
    throw new PlatformError('invalid_argument', 'not a HealthCheckRequest', { cause });
  }
}

function watch(health: HealthState, stream: BytesStream): void {
  const watcher: HealthWatcher = { write: (state) => void stream.write(bytesOf(state)), end: () => stream.end() };
  stream.onCancel = () => health.forget(watcher);
  stream.onMessage = (request) => {
    if (!health.watch(serviceOf(request), watcher))
      stream.refuse(status.RESOURCE_EXHAUSTED, `${WATCHERS_MAX} watch already`, 'overloaded');
  };
}

export function healthMethods(health: HealthState): [string, Method][] {
  return [
    [
      `/${Health.typeName}/Check`,
      unary((call, request) => {
        const service = serviceOf(request);
        const state = health.check(service);
        if (state !== undefined) call.answer(bytesOf(state));
        else call.refuse(status.NOT_FOUND, `service '${service.slice(0, 128)}' is not known`, 'not_found');
      }),
    ],
    [
      `/${Health.typeName}/List`,
      unary((call) => {
        const statuses = health.list();
        call.answer(toBinary(HealthListResponseSchema, create(HealthListResponseSchema, { statuses })));
      }),
    ],
    [`/${Health.typeName}/Watch`, streaming((stream) => watch(health, stream))],
  ];
}
