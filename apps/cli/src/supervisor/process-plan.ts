// Which processes make up the platform, what each needs before it starts and how one sees that it is ready. Pure: paths and
// ports come in, a list of plans goes out.

import type { Ports } from '../client/addresses.js';
import { kafkaProperties } from './kafka-properties.js';

/** How readiness is seen: an HTTP path that answers 200, a port that accepts, or being alive. */
export type Readiness =
  | { kind: 'http'; port: number; path: string }
  | { kind: 'tcp'; port: number }
  | { kind: 'alive'; forMs: number };

/** One process to supervise. */
export interface ProcessPlan {
  name: string;
  command: string;
  args: readonly string[];
  /** On top of the supervisor's base environment. */
  env: Readonly<Record<string, string>>;
  /** Scheduling: 0 is normal, 19 the humblest. */
  nice: number;
  readiness: Readiness;
  readyTimeoutMs: number;
  /** Names that must be ready before this one starts. */
  after: readonly string[];
  /** Processes stop by ascending phase; those of one phase together. */
  stopPhase: number;
  /** From SIGTERM until SIGKILL. */
  stopGraceMs: number;
  /** Ports it listens on, with the setting that moves each. */
  ports: readonly { port: number; what: string; setting: string }[];
}

/** What set-up has put on this machine; node_modules/.millrace/setup.json. */
export interface SetupState {
  node: { binary: string };
  kafka: { libFolder: string; log4j: string; classDataArchive: string };
  redis: { binary: string };
  tensorflow?: { gpus?: number };
}

export interface PlatformOptions {
  /** Repository root; holds dist/. */
  root: string;
  home: string;
  ports: PlatformPorts;
  /** Training workers. */
  workers: number;
  setup: SetupState;
  /** Jars of the Kafka class path, in a fixed order (the class data archive demands it). */
  kafkaJars: readonly string[];
  classDataArchiveUsable: boolean;
  /** Own brokers instead of the embedded ones. */
  kafkaBrokers?: string;
  redisUrl?: string;
}

/** The platform's ports and the one that only Kafka itself uses (chosen by the supervisor where it is not given). */
export type PlatformPorts = Ports & { kafkaController?: number };

// Why these: the request path (router, serving) keeps normal priority so that p99 holds on two cores while data and
// training work is done. Training workers stand beside the data path: at 15 a retraining under live traffic starved (72 s
// instead of 14 on two cores).
const NICE_DATA = 10;
const NICE_WORKER = 10;
/**
 * A young generation of 32 MiB for the request path: a request's garbage dies before it is copied. And it collects alone: a
 * helper thread that waits for a core which others keep busy holds the collection, and so the requests, for longer than
 * its help saves (measured on 2 cores: p99 at 1,000/s 28 ms with helpers, 19 ms without).
 */
const REQUEST_PATH_ARGS = ['--max-semi-space-size=32', '--single-threaded-gc'];

const READY_TIMEOUT_MS = 60_000;
const SERVICE_GRACE_MS = 12_000;
const BROKER_GRACE_MS = 15_000;

export function controllerPort(ports: PlatformPorts): number {
  return ports.kafkaController ?? ports.kafka + 1;
}

export function kafkaFolder(home: string): string {
  return `${home}/kafka`;
}

/** JVM and class path of Kafka's tools and broker: small heap, one GC thread, C1 only (start and CPU count more than peak rate). */
export function kafkaJavaArgs(options: PlatformOptions): string[] {
  const archive = options.classDataArchiveUsable
    ? [`-XX:SharedArchiveFile=${options.setup.kafka.classDataArchive}`]
    : [];
  return [
    '-Xms96m',
    '-Xmx512m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-XX:-UsePerfData',
    '-Xshare:auto',
    '-Xlog:cds=off',
    '-Xlog:cds+dynamic=off',
    ...archive,
    `-Dlog4j2.configurationFile=${options.setup.kafka.log4j}`,
    '-cp',
    options.kafkaJars.join(':'),
  ];
}

export function kafkaServerProperties(options: PlatformOptions): string {
  return kafkaProperties({
    port: options.ports.kafka,
    controllerPort: controllerPort(options.ports),
    dataFolder: `${kafkaFolder(options.home)}/data`,
  });
}

function brokerPlans(options: PlatformOptions): ProcessPlan[] {
  const { ports, home, setup } = options;
  const plans: ProcessPlan[] = [];
  if (options.kafkaBrokers === undefined) {
    plans.push({
      name: 'kafka',
      command: 'java',
      args: [...kafkaJavaArgs(options), 'kafka.Kafka', `${kafkaFolder(home)}/server.properties`],
      env: {},
      nice: NICE_DATA,
      readiness: { kind: 'tcp', port: ports.kafka },
      readyTimeoutMs: READY_TIMEOUT_MS,
      after: [],
      stopPhase: 3,
      stopGraceMs: BROKER_GRACE_MS,
      ports: [
        { port: ports.kafka, what: 'Kafka', setting: 'MILLRACE_KAFKA_PORT' },
        { port: controllerPort(ports), what: "Kafka's controller", setting: 'MILLRACE_KAFKA_PORT' },
      ],
    });
  }
  if (options.redisUrl === undefined) {
    const args = ['--port', `${ports.redis}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', home];
    plans.push({
      name: 'redis',
      command: setup.redis.binary,
      // Redis holds projections only, rebuilt from Kafka: nothing is written to disk.
      args: [...args, '--maxmemory', '512mb', '--maxmemory-policy', 'allkeys-lru', '--daemonize', 'no'],
      env: {},
      nice: 0,
      readiness: { kind: 'tcp', port: ports.redis },
      readyTimeoutMs: READY_TIMEOUT_MS,
      after: [],
      stopPhase: 3,
      stopGraceMs: BROKER_GRACE_MS,
      ports: [{ port: ports.redis, what: 'Redis', setting: 'MILLRACE_REDIS_PORT' }],
    });
  }
  return plans;
}

interface ServiceShape {
  name: string;
  nice: number;
  stopPhase: number;
  healthPort: number;
  ports: ProcessPlan['ports'];
}

function serviceShapes(ports: PlatformPorts): ServiceShape[] {
  const pair = (service: string, http: number, grpc: number) => [
    { port: http, what: `${service} HTTP`, setting: `MILLRACE_${service.toUpperCase()}_HTTP_PORT` },
    { port: grpc, what: `${service} gRPC`, setting: `MILLRACE_${service.toUpperCase()}_GRPC_PORT` },
  ];
  const router = [
    ...pair('router', ports.routerHttp, ports.routerGrpc),
    { port: ports.routerMetrics, what: 'router metrics', setting: 'MILLRACE_ROUTER_METRICS_PORT' },
    { port: ports.routerControl, what: 'router control', setting: 'MILLRACE_ROUTER_CONTROL_PORT' },
    { port: ports.routerControlGrpc, what: 'router control gRPC', setting: 'MILLRACE_ROUTER_CONTROL_GRPC_PORT' },
  ];
  return [
    {
      name: 'ingest',
      nice: NICE_DATA,
      stopPhase: 2,
      healthPort: ports.ingestHttp,
      ports: pair('ingest', ports.ingestHttp, ports.ingestGrpc),
    },
    {
      name: 'trainer',
      nice: NICE_DATA,
      stopPhase: 2,
      healthPort: ports.trainerHttp,
      ports: pair('trainer', ports.trainerHttp, ports.trainerGrpc),
    },
    {
      name: 'serving',
      nice: 0,
      stopPhase: 2,
      healthPort: ports.servingHttp,
      ports: pair('serving', ports.servingHttp, ports.servingGrpc),
    },
    {
      name: 'monitor',
      nice: NICE_DATA,
      stopPhase: 2,
      healthPort: ports.monitorHttp,
      ports: pair('monitor', ports.monitorHttp, ports.monitorGrpc),
    },
    // The door closes first: requests in flight still find serving alive.
    { name: 'router', nice: 0, stopPhase: 1, healthPort: ports.routerControl, ports: router },
  ];
}

/** Settings that every Millrace process gets, so that all agree where the others are. */
export function sharedEnvironment(options: PlatformOptions): Record<string, string> {
  const env: Record<string, string> = {
    MILLRACE_HOME: options.home,
    MILLRACE_KAFKA_BROKERS: options.kafkaBrokers ?? `127.0.0.1:${options.ports.kafka}`,
    MILLRACE_REDIS_URL: options.redisUrl ?? `redis://127.0.0.1:${options.ports.redis}`,
  };
  for (const shape of serviceShapes(options.ports))
    for (const { setting, port } of shape.ports) env[setting] = `${port}`;
  return env;
}

/** One rank per GPU where there are any; ranks follow the order of the ids. */
function workerEnvironment(index: number, gpus: number): Record<string, string> {
  const name = `worker-${index + 1}`;
  const gpu: Record<string, string> = gpus > 0 ? { MILLRACE_WORKER_GPU: `${index % gpus}` } : {};
  return { MILLRACE_WORKER_ID: name, MILLRACE_REPLICA: name, ...gpu };
}

export function platformPlan(options: PlatformOptions): ProcessPlan[] {
  const brokers = brokerPlans(options);
  const brokerNames = brokers.map((plan) => plan.name);
  const shared = sharedEnvironment(options);
  const services = serviceShapes(options.ports).map(
    (shape): ProcessPlan => ({
      name: shape.name,
      command: options.setup.node.binary,
      args: [
        '--enable-source-maps',
        ...(shape.nice === 0 ? REQUEST_PATH_ARGS : []),
        `${options.root}/dist/services/${shape.name}/src/main.js`,
      ],
      env: shared,
      nice: shape.nice,
      readiness: { kind: 'http', port: shape.healthPort, path: '/health/ready' },
      readyTimeoutMs: READY_TIMEOUT_MS,
      after: brokerNames,
      stopPhase: shape.stopPhase,
      stopGraceMs: SERVICE_GRACE_MS,
      ports: shape.ports,
    }),
  );
  const workers = Array.from(
    { length: options.workers },
    (_, index): ProcessPlan => ({
      name: `worker-${index + 1}`,
      command: options.setup.node.binary,
      args: ['--enable-source-maps', `${options.root}/dist/services/trainer/src/worker.main.js`],
      env: { ...shared, ...workerEnvironment(index, options.setup.tensorflow?.gpus ?? 0) },
      nice: NICE_WORKER,
      readiness: { kind: 'alive', forMs: 500 },
      readyTimeoutMs: READY_TIMEOUT_MS,
      after: ['trainer'],
      stopPhase: 1,
      stopGraceMs: SERVICE_GRACE_MS,
      ports: [],
    }),
  );
  return [...brokers, ...services, ...workers];
}
