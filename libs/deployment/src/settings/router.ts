// The router's settings.

import { LOOPBACK } from '../place.js';
import { commonSettings, HOST_PATTERN, otherPortSetting, portSetting } from './common-settings.js';
import { defineSettings } from './setting.js';

export const routerSettings = defineSettings({
  ...commonSettings,
  httpPort: portSetting('routerHttp', 'V2 REST, Triton’s port, so that clients’ defaults work'),
  grpcPort: portSetting('routerGrpc', 'V2 gRPC, Triton’s port'),
  metricsPort: portSetting('routerMetrics', 'Prometheus, Triton’s port'),
  controlPort: portSetting('routerControl', 'route control apart from the client endpoints'),
  controlGrpcPort: portSetting('routerControlGrpc', 'RouteService'),
  servingHttpPort: otherPortSetting('servingHttp', 'where V2 REST reads that are not infer go'),
  servingGrpcPort: otherPortSetting('servingGrpc', 'where the relay stream goes'),
  servingHost: {
    env: 'MILLRACE_ROUTER_SERVING_HOST',
    type: 'text',
    default: LOOPBACK,
    defaultAt: ({ hosts }) => hosts.serving,
    pattern: HOST_PATTERN,
    why: 'serving runs beside the router, where its own settings say that it listens',
  },
  listenHost: {
    env: 'MILLRACE_ROUTER_LISTEN_HOST',
    type: 'text',
    default: LOOPBACK,
    pattern: HOST_PATTERN,
    why: 'there is no authentication: whoever opens it to a network puts a proxy with one before it',
  },
  relayStreams: {
    env: 'MILLRACE_ROUTER_RELAY_STREAMS',
    type: 'int',
    default: 2,
    min: 1,
    max: 16,
    unit: 'streams',
    why: 'two connections: a large message on one does not hold the other up; more only cut batches smaller',
  },
  waitMaxMs: {
    env: 'MILLRACE_ROUTER_WAIT_MAX',
    type: 'duration',
    default: 2_000,
    min: 0,
    max: 60_000,
    why: 'a restarted serving is back within 2 s; longer waits only pile up',
  },
  deadlineMaxMs: {
    env: 'MILLRACE_ROUTER_DEADLINE_MAX',
    type: 'duration',
    default: 30_000,
    min: 10,
    max: 600_000,
    why: 'requests without a deadline must end as well',
  },
  requestBytesMax: {
    env: 'MILLRACE_ROUTER_REQUEST_BYTES_MAX',
    type: 'int',
    default: 16_777_216,
    min: 1_024,
    max: 268_435_456,
    unit: 'bytes',
    why: '16 MiB: the largest tensor of Triton’s own overhead test',
  },
  loadTimeoutMs: {
    env: 'MILLRACE_ROUTER_LOAD_TIMEOUT',
    type: 'duration',
    default: 60_000,
    min: 100,
    max: 3_600_000,
    why: 'a package of the main job loads in under a second; a cold disk takes longer',
  },
  commandTimeoutMs: {
    env: 'MILLRACE_ROUTER_COMMAND_TIMEOUT',
    type: 'duration',
    default: 10_000,
    min: 100,
    max: 600_000,
    why: 'how long a caller of the control API waits for promote or rollback; rollouts wait for the load besides',
  },
  drainMs: {
    env: 'MILLRACE_ROUTER_DRAIN',
    type: 'duration',
    default: 5_000,
    min: 0,
    max: 600_000,
    why: 'in-flight requests get this long after SIGTERM; the supervisor waits 10 s',
  },
});
