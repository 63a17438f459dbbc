// The router's settings.

import { commonSettings, defineConfig, loadConfig, portSetting } from '@millrace/config';

export const definition = defineConfig({
  ...commonSettings,
  httpPort: portSetting('MILLRACE_ROUTER_HTTP_PORT', 8000, 'V2 REST, Triton’s port, so that clients’ defaults work'),
  grpcPort: portSetting('MILLRACE_ROUTER_GRPC_PORT', 8001, 'V2 gRPC, Triton’s port'),
  metricsPort: portSetting('MILLRACE_ROUTER_METRICS_PORT', 8002, 'Prometheus, Triton’s port'),
  controlPort: portSetting('MILLRACE_ROUTER_CONTROL_PORT', 8003, 'route control apart from the client endpoints'),
  controlGrpcPort: portSetting('MILLRACE_ROUTER_CONTROL_GRPC_PORT', 8004, 'RouteService'),
  servingHttpPort: portSetting('MILLRACE_SERVING_HTTP_PORT', 8030, 'where V2 REST reads that are not infer go'),
  servingGrpcPort: portSetting('MILLRACE_SERVING_GRPC_PORT', 8031, 'where the relay stream goes'),
  servingHost: {
    env: 'MILLRACE_ROUTER_SERVING_HOST',
    type: 'text',
    default: '127.0.0.1',
    pattern: /^[a-zA-Z0-9.:-]{1,253}$/,
    why: 'serving runs beside the router by default',
  },
  listenHost: {
    env: 'MILLRACE_ROUTER_LISTEN_HOST',
    type: 'text',
    default: '127.0.0.1',
    pattern: /^[a-zA-Z0-9.:-]{1,253}$/,
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

export type RouterConfig = ReturnType<typeof loadRouterConfig>;

export function loadRouterConfig() {
  return loadConfig(definition);
}
