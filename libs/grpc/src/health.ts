// grpc.health.v1 for native servers: one state for the whole server ("" and every service name), pushed to watchers.

import { create } from '@bufbuild/protobuf';
import type { ServerUnaryCall, ServerWritableStream, sendUnaryData, UntypedHandleCall } from '@grpc/grpc-js';
import { Health, healthPb } from '@millrace/contracts';
import type { GrpcServiceBinding } from './server.js';
import { statusOfCode } from './status.js';

const { HealthCheckResponse_ServingStatus: ServingStatus, HealthCheckResponseSchema } = healthPb;

/** Watchers beyond this are ended at once. */
const WATCHERS_MAX = 256;

type Watcher = ServerWritableStream<unknown, unknown>;

export class GrpcHealth {
  private serving = true;
  private readonly watchers = new Set<Watcher>();

  setServing(serving: boolean): void {
    if (serving === this.serving) return;
    this.serving = serving;
    for (const watcher of this.watchers) {
      watcher.write(this.answer());
      if (!serving) watcher.end();
    }
  }

  private answer(): unknown {
    return create(HealthCheckResponseSchema, {
      status: this.serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING,
    });
  }

  binding(): GrpcServiceBinding {
    const check = (_call: ServerUnaryCall<unknown, unknown>, callback: sendUnaryData<unknown>) =>
      callback(null, this.answer());
    const watch = (call: Watcher) => {
      if (this.watchers.size >= WATCHERS_MAX) {
        call.end();
        return;
      }
      this.watchers.add(call);
      call.on('cancelled', () => this.watchers.delete(call));
      call.write(this.answer());
    };
    const implementation = { Check: check, Watch: watch as UntypedHandleCall };
    return {
      service: Health,
      raw: [],
      implementation,
      answerers: {},
      bytes: {},
      statusOf: ({ code }) => statusOfCode(code),
    };
  }
}
