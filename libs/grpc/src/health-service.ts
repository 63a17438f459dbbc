// grpc.health.v1 on a grpc-js server, for the control plane's server that Nest makes: Nest hands the server over before
// it adds the services of the controllers.

import type { Server, ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { Health, type healthPb } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { type HealthState, type HealthWatcher, WATCHERS_MAX } from './health.js';
import { serviceDefinition } from './service-definition.js';
import { toServiceError } from './status.js';

type Request = healthPb.HealthCheckRequest;

/** Of a name in a refusal; the rest is cut. */
const NAME_CHARACTERS_MAX = 128;

export function addHealthService(server: Server, health: HealthState): void {
  const check = ({ request }: ServerUnaryCall<Request, unknown>, answer: sendUnaryData<unknown>): void => {
    const status = health.check(request.service);
    if (status !== undefined) answer(null, { status });
    else {
      const name = request.service.slice(0, NAME_CHARACTERS_MAX);
      answer(toServiceError(new PlatformError('not_found', `service '${name}' is not known`)));
    }
  };
  const list = (_call: unknown, answer: sendUnaryData<unknown>): void => answer(null, { statuses: health.list() });
  const watch = (call: ServerWritableStream<Request, unknown>): void => {
    const watcher: HealthWatcher = { write: (status) => void call.write({ status }), end: () => call.end() };
    if (!health.watch(call.request.service, watcher))
      call.destroy(toServiceError(new PlatformError('overloaded', `${WATCHERS_MAX} watch already`)) as never);
    call.on('cancelled', () => health.forget(watcher));
  };
  server.addService(serviceDefinition(Health), { Check: check, List: list, Watch: watch as never });
}
