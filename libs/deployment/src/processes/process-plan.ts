// Which processes make up the platform, what each needs before it starts and how one sees that it is ready. Pure:
// paths, ports and settings come in, a list of plans goes out. The launcher starts it, deploy/compose is written from
// it.

import { type Environment, LOOPBACK, type Place, placeOf } from '../place.js';
import { PORT_NAMES, PORTS, type PortName, type Ports, portNamesOf, REPLICA_STEP, type Service } from '../ports.js';
import {
  ONE_OF_EACH,
  portSettingsOfReplica,
  portsOfReplica,
  processName,
  type Replicas,
  replicaId,
  replicasText,
} from '../replicas.js';
import { embeddedKafkaProperties } from './kafka-properties.js';

/** How readiness is seen: an HTTP path that answers 200, a port that accepts, or being alive. */
export type Readiness =
  | { kind: 'http'; host: string; port: number; path: string }
  | { kind: 'tcp'; host: string; port: number }
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

/** What Kafka's tools and broker need of a JVM. */
interface KafkaJava {
  setup: Pick<SetupState, 'kafka'>;
  /** Jars of the class path, as `kafkaJars` gives them. */
  kafkaJars: readonly string[];
  classDataArchiveUsable: boolean;
}

export interface PlatformOptions extends KafkaJava {
  /** Repository root; holds dist/. */
  root: string;
  home: string;
  ports: PlatformPorts;
  /** Training workers. */
  workers: number;
  /** Processes of each service; default: one. */
  replicas?: Replicas;
  setup: SetupState;
  /** Own brokers instead of the embedded ones. */
  kafkaBrokers?: string;
  redisUrl?: string;
  /** What the user has set; the processes get it whole. */
  settings: Environment;
}

/** The platform's ports and the one that only Kafka itself uses (chosen by the supervisor where it is not given). */
export type PlatformPorts = Ports & { kafkaController?: number };

// Why these: the request path (router, serving) keeps normal priority so that p99 holds on two cores while data and
// training work is done. Training workers stand beside the data path: at 15 a retraining under live traffic starved (72
// s instead of 14 on two cores).
const NICE_DATA = 10;
const NICE_WORKER = 10;
/**
 * A young generation of 32 MiB for the request path: a request's garbage dies before it is copied. And it collects
 * alone: a helper thread that waits for a core which others keep busy holds the collection, and so the requests, for
 * longer than its help saves (measured on 2 cores: p99 at 1,000/s 28 ms with helpers, 19 ms without).
 */
export const REQUEST_PATH_ARGS = ['--max-semi-space-size=32', '--single-threaded-gc'];
/**
 * The others live on what they hold, not on what passes: V8 lets a heap grow up to fourfold before it is collected,
 * which is memory that nobody uses (monitor at 3,000 messages/s: 224 MiB of heap for 129 that were alive).
 */
const STREAM_ARGS = ['--heap-growing-percent=30'];

/**
 * Ready takes 5 to 10 s on two idle cores; a machine with ten times the load is slow, and killing what it starts helps
 * nobody.
 */
const READY_TIMEOUT_MS = 180_000;
const SERVICE_GRACE_MS = 12_000;
const BROKER_GRACE_MS = 15_000;

export function controllerPort(ports: PlatformPorts): number {
  return ports.kafkaController ?? ports.kafka + 1;
}

export function kafkaFolder(home: string): string {
  return `${home}/kafka`;
}

/** Of a folder's names, the class path in a fixed order: the class data archive demands it. */
export function kafkaJars(folder: string, names: readonly string[]): string[] {
  const jars = names.filter((name) => name.endsWith('.jar') && !name.startsWith('embedded-redis'));
  return jars.sort().map((name) => `${folder}/${name}`);
}

/**
 * JVM and class path of Kafka's tools and broker: small heap, one GC thread, C1 only (start and CPU count more than
 * peak rate).
 */
export function kafkaJavaArgs({ setup, kafkaJars, classDataArchiveUsable }: KafkaJava): string[] {
  const archive = classDataArchiveUsable ? [`-XX:SharedArchiveFile=${setup.kafka.classDataArchive}`] : [];
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
    `-Dlog4j2.configurationFile=${setup.kafka.log4j}`,
    '-cp',
    kafkaJars.join(':'),
  ];
}

export function kafkaServerProperties(options: PlatformOptions): string {
  return embeddedKafkaProperties({
    port: options.ports.kafka,
    controllerPort: controllerPort(options.ports),
    dataFolder: `${kafkaFolder(options.home)}/data`,
  });
}

/** Redis holds projections only, rebuilt from Kafka: nothing is written to disk. */
export function redisArgs(port: number): string[] {
  const listen = ['--port', `${port}`, '--bind', LOOPBACK];
  return [...listen, '--save', '', '--appendonly', 'no', '--maxmemory', '512mb', '--maxmemory-policy', 'allkeys-lru'];
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
      readiness: { kind: 'tcp', host: LOOPBACK, port: ports.kafka },
      readyTimeoutMs: READY_TIMEOUT_MS,
      after: [],
      stopPhase: 3,
      stopGraceMs: BROKER_GRACE_MS,
      ports: [
        { port: ports.kafka, what: 'Kafka', setting: PORTS.kafka.setting },
        { port: controllerPort(ports), what: "Kafka's controller", setting: PORTS.kafka.setting },
      ],
    });
  }
  if (options.redisUrl === undefined) {
    plans.push({
      name: 'redis',
      command: setup.redis.binary,
      args: [...redisArgs(ports.redis), '--dir', home, '--daemonize', 'no'],
      env: {},
      nice: 0,
      readiness: { kind: 'tcp', host: LOOPBACK, port: ports.redis },
      readyTimeoutMs: READY_TIMEOUT_MS,
      after: [],
      stopPhase: 3,
      stopGraceMs: BROKER_GRACE_MS,
      ports: [{ port: ports.redis, what: 'Redis', setting: PORTS.redis.setting }],
    });
  }
  return plans;
}

interface ServiceShape {
  name: Service;
  nice: number;
  stopPhase: number;
  /** Where it answers /health/ready. */
  health: PortName;
  healthHost: (place: Place) => string;
}

const onLoopback = (): string => LOOPBACK;

/** In the order in which people read them; all start together. */
const SERVICES: readonly ServiceShape[] = [
  { name: 'ingest', nice: NICE_DATA, stopPhase: 2, health: 'ingestHttp', healthHost: onLoopback },
  { name: 'trainer', nice: NICE_DATA, stopPhase: 2, health: 'trainerHttp', healthHost: onLoopback },
  { name: 'serving', nice: 0, stopPhase: 2, health: 'servingHttp', healthHost: ({ hosts }) => hosts.serving },
  { name: 'monitor', nice: NICE_DATA, stopPhase: 2, health: 'monitorHttp', healthHost: onLoopback },
  // Clients' endpoint closes first: requests in flight still find serving alive.
  { name: 'router', nice: 0, stopPhase: 1, health: 'routerControl', healthHost: ({ hosts }) => hosts.router },
];

/** Settings that every Millrace process gets, so that all agree where the others are. */
function sharedEnvironment(options: PlatformOptions): Record<string, string> {
  const { home, ports, kafkaBrokers, redisUrl, replicas = ONE_OF_EACH } = options;
  const env: Record<string, string> = {
    MILLRACE_HOME: home,
    MILLRACE_KAFKA_BROKERS: kafkaBrokers ?? `${LOOPBACK}:${ports.kafka}`,
    MILLRACE_REDIS_URL: redisUrl ?? `redis://${LOOPBACK}:${ports.redis}`,
  };
  for (const name of PORT_NAMES) env[PORTS[name].setting] = `${ports[name]}`;
  const several = replicasText(replicas);
  if (several !== '') env.MILLRACE_REPLICAS = several;
  return env;
}

/** What tells one of several processes of a service from the others; nothing where there is one. */
function replicaEnvironment(service: Service, replica: number, options: PlatformOptions): Record<string, string> {
  const { ports, settings, replicas = ONE_OF_EACH } = options;
  if (replicas[service] === 1) return {};
  return {
    MILLRACE_REPLICA: replicaId(replica, settings.MILLRACE_REPLICA),
    ...portSettingsOfReplica(ports, service, replica),
  };
}

function servicePlan(shape: ServiceShape, replica: number, options: PlatformOptions, after: string[]): ProcessPlan {
  const { name, nice, stopPhase, health, healthHost } = shape;
  const ports = portsOfReplica(options.ports, name, replica);
  return {
    name: processName(name, replica),
    command: options.setup.node.binary,
    args: [
      '--enable-source-maps',
      ...(nice === 0 ? REQUEST_PATH_ARGS : STREAM_ARGS),
      `${options.root}/dist/services/${name}/src/main.js`,
    ],
    env: { ...sharedEnvironment(options), ...replicaEnvironment(name, replica, options) },
    nice,
    readiness: {
      kind: 'http',
      host: healthHost(placeOf(options.settings)),
      port: ports[health] as number,
      path: '/health/ready',
    },
    readyTimeoutMs: READY_TIMEOUT_MS,
    after,
    stopPhase,
    stopGraceMs: SERVICE_GRACE_MS,
    ports: portNamesOf(name).map((port) => ({
      port: ports[port] as number,
      what: `${processName(name, replica)} ${PORTS[port].what}`,
      setting: PORTS[port].setting,
    })),
  };
}

/** One rank per GPU where there are any and the user has not chosen; ranks follow the order of the ids. */
function workerEnvironment(index: number, { setup, settings }: PlatformOptions): Record<string, string> {
  const name = `worker-${index + 1}`;
  const env: Record<string, string> = { MILLRACE_WORKER_ID: name, MILLRACE_REPLICA: name };
  const gpus = setup.tensorflow?.gpus ?? 0;
  if (gpus > 0 && !settings.MILLRACE_WORKER_GPU) env.MILLRACE_WORKER_GPU = `${index % gpus}`;
  const firstPort = Number(settings.MILLRACE_WORKER_PORT || 0);
  if (firstPort > 0) env.MILLRACE_WORKER_PORT = `${firstPort + REPLICA_STEP * index}`;
  return env;
}

export function platformPlan(options: PlatformOptions): ProcessPlan[] {
  const brokers = brokerPlans(options);
  const brokerNames = brokers.map((plan) => plan.name);
  const shared = sharedEnvironment(options);
  const { replicas = ONE_OF_EACH } = options;
  const services = SERVICES.flatMap((shape) =>
    Array.from({ length: replicas[shape.name] }, (_, replica) => servicePlan(shape, replica, options, brokerNames)),
  );
  const workers = Array.from(
    { length: options.workers },
    (_, index): ProcessPlan => ({
      name: `worker-${index + 1}`,
      command: options.setup.node.binary,
      args: ['--enable-source-maps', `${options.root}/dist/services/trainer/src/worker.main.js`],
      env: { ...shared, ...workerEnvironment(index, options) },
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
