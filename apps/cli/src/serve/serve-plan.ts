// The one process behind `millrace serve`: serving alone, without Kafka and Redis, over a repository folder.

import { LOOPBACK, type ProcessPlan } from '@millrace/deployment';

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
