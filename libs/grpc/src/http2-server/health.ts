// grpc.health.v1 for the HTTP/2 server: Check, Watch and List over one state for the server ("") and each of its services.
// While the server closes everything is NOT_SERVING.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { status } from '@grpc/grpc-js';
import { Health, healthPb } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { type BytesStream, type Method, streaming, unary } from './calls.js';

const {
  HealthCheckRequestSchema,
  HealthCheckResponse_ServingStatus: ServingStatus,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
} = healthPb;

/** Watchers beyond this are refused. */
const WATCHERS_MAX = 256;

const stated = (state: healthPb.HealthCheckResponse_ServingStatus) =>
  toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status: state }));
const SERVING = stated(ServingStatus.SERVING);
const NOT_SERVING = stated(ServingStatus.NOT_SERVING);
const SERVICE_UNKNOWN = stated(ServingStatus.SERVICE_UNKNOWN);

function serviceOf(request: Uint8Array): string {
  try {
    return fromBinary(HealthCheckRequestSchema, request).service;
  } catch (cause) {
    throw new PlatformError('invalid_argument', 'not a HealthCheckRequest', { cause });
  }
}

export class ServerHealth {
  private serving = true;
  private closing = false;
  /** With whether the service they asked about is known: one that is not stays so. */
  private readonly watchers = new Map<BytesStream, boolean>();
  private readonly services: ReadonlySet<string>;

  /** `services`: type names that may be asked about beside "". */
  constructor(services: Iterable<string>) {
    this.services = new Set(['', Health.typeName, ...services]);
  }

  setServing(serving: boolean): void {
    const before = this.answer();
    this.serving = serving;
    if (this.answer() === before) return;
    for (const [watcher, known] of this.watchers) if (known) watcher.write(this.answer());
  }

  /** Tells the watchers and lets them go: they would keep their connections open for ever. */
  close(): void {
    this.setServing(false);
    this.closing = true;
    for (const watcher of this.watchers.keys()) watcher.end();
    this.watchers.clear();
  }

  methods(): [string, Method][] {
    return [
      [
        `/${Health.typeName}/Check`,
        unary((call, request) => {
          const service = serviceOf(request);
          if (this.services.has(service)) call.answer(this.answer());
          else call.refuse(status.NOT_FOUND, `service '${service.slice(0, 128)}' is not known`, 'not_found');
        }),
      ],
      [
        `/${Health.typeName}/List`,
        unary((call) => {
          const state = this.serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
          const statuses = Object.fromEntries([...this.services].map((service) => [service, { status: state }]));
          call.answer(toBinary(HealthListResponseSchema, create(HealthListResponseSchema, { statuses })));
        }),
      ],
      [`/${Health.typeName}/Watch`, streaming((stream) => this.watch(stream))],
    ];
  }

  private watch(stream: BytesStream): void {
    const forget = () => this.watchers.delete(stream);
    stream.onCancel = forget;
    stream.onMessage = (request) => {
      if (this.watchers.size >= WATCHERS_MAX) {
        stream.refuse(status.RESOURCE_EXHAUSTED, `${WATCHERS_MAX} watch already`, 'overloaded');
        return;
      }
      const known = this.services.has(serviceOf(request));
      stream.write(known ? this.answer() : SERVICE_UNKNOWN);
      if (this.closing) stream.end();
      else this.watchers.set(stream, known);
    };
  }

  private answer(): Uint8Array {
    return this.serving ? SERVING : NOT_SERVING;
  }
}
