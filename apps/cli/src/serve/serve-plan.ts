// The processes behind `millrace serve`: serving alone, without Kafka and Redis, over a repository folder, and where it
// is asked for a router before it.

import { LOOPBACK, type Ports, type ProcessPlan } from '@millrace/deployment';

export interface ServePlanOptions {
  /** Repository root of Millrace; holds dist/. */
  root: string;
  node: string;
  /** Absolute. */
  models: string;
  home: string;
  host: string;
  httpPort: number;
  grpcPort: number;
  /** Names to load at the start; undefined = all. */
  names: readonly string[] | undefined;
  /** As settings take them; undefined = the setting's default. */
  processes: string | undefined;
  poll: string | undefined;
  connectionAge: string | undefined;
}

/** A young generation of 32 MiB: a request's garbage dies before it is copied. */
const NODE_ARGS = ['--enable-source-maps', '--max-semi-space-size=32'];
/** Large models take their time to load. */
const READY_TIMEOUT_MS = 600_000;
const GRACE_MS = 20_000;
/** It waits for a stream to serving, which is ready by then. */
const ROUTER_READY_TIMEOUT_MS = 60_000;

export function servePlan(options: ServePlanOptions): ProcessPlan {
  const { root, node, models, home, host, httpPort, grpcPort, names, processes, poll, connectionAge } = options;
  return {
    name: 'serving',
    command: node,
    args: [...NODE_ARGS, `${root}/dist/services/serving/src/main.js`],
    env: {
      MILLRACE_HOME: home,
      MILLRACE_SERVING_STANDALONE: '1',
      MILLRACE_SERVING_REPOSITORY: models,
      MILLRACE_SERVING_HOST: host,
      MILLRACE_SERVING_HTTP_PORT: String(httpPort),
      MILLRACE_SERVING_GRPC_PORT: String(grpcPort),
      ...(names ? { MILLRACE_SERVING_MODELS: names.join(',') } : {}),
      ...(processes === undefined ? {} : { MILLRACE_SERVING_PROCESSES: processes }),
      ...(poll === undefined ? {} : { MILLRACE_SERVING_REPOSITORY_POLL: poll }),
      ...(connectionAge === undefined ? {} : { MILLRACE_SERVING_CONNECTION_AGE: connectionAge }),
    },
    nice: 0,
    readiness: { kind: 'http', host: LOOPBACK, port: httpPort, path: '/health/ready' },
    readyTimeoutMs: READY_TIMEOUT_MS,
    after: [],
    stopPhase: 1,
    stopGraceMs: GRACE_MS,
    ports: [
      { port: httpPort, what: 'serving HTTP', setting: '--http-port' },
      { port: grpcPort, what: 'serving gRPC', setting: '--grpc-port' },
    ],
  };
}

export interface ServeRouterOptions extends Pick<ServePlanOptions, 'root' | 'node' | 'home' | 'host'> {
  /** Of serving. */
  httpPort: number;
  grpcPort: number;
  ports: Pick<Ports, 'routerHttp' | 'routerGrpc' | 'routerMetrics' | 'routerControl'>;
}

/** Before serving, on Triton's own ports: clients of a Triton need no other address. */
export function serveRouterPlan({
  root,
  node,
  home,
  host,
  httpPort,
  grpcPort,
  ports,
}: ServeRouterOptions): ProcessPlan {
  const { routerHttp, routerGrpc, routerMetrics, routerControl } = ports;
  return {
    name: 'router',
    command: node,
    args: [...NODE_ARGS, `${root}/dist/services/router/src/main.js`],
    env: {
      MILLRACE_HOME: home,
      MILLRACE_ROUTER_STANDALONE: '1',
      MILLRACE_ROUTER_LISTEN_HOST: host,
      MILLRACE_ROUTER_SERVING_HOST: LOOPBACK,
      MILLRACE_SERVING_HTTP_PORT: String(httpPort),
      MILLRACE_SERVING_GRPC_PORT: String(grpcPort),
      MILLRACE_ROUTER_HTTP_PORT: String(routerHttp),
      MILLRACE_ROUTER_GRPC_PORT: String(routerGrpc),
      MILLRACE_ROUTER_METRICS_PORT: String(routerMetrics),
      MILLRACE_ROUTER_CONTROL_PORT: String(routerControl),
    },
    nice: 0,
    readiness: { kind: 'http', host: LOOPBACK, port: routerControl, path: '/health/ready' },
    readyTimeoutMs: ROUTER_READY_TIMEOUT_MS,
    after: ['serving'],
    // Clients' side first: what it has taken in is answered.
    stopPhase: 0,
    stopGraceMs: GRACE_MS,
    ports: [
      { port: routerHttp, what: 'router HTTP', setting: 'MILLRACE_ROUTER_HTTP_PORT' },
      { port: routerGrpc, what: 'router gRPC', setting: 'MILLRACE_ROUTER_GRPC_PORT' },
      { port: routerMetrics, what: 'router metrics', setting: 'MILLRACE_ROUTER_METRICS_PORT' },
      { port: routerControl, what: 'router health', setting: 'MILLRACE_ROUTER_CONTROL_PORT' },
    ],
  };
}
