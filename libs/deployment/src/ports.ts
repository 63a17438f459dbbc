// Every port of the platform, once. A second platform moves them all by one offset, a multiple of 1,000; replica r of a
// service listens at its base + 100·r. Modulo 1,000 the ports of ten replicas and of the brokers are all different, so
// that no two platforms and no two replicas ever meet (ports.spec.ts tries them).

export type Service = 'ingest' | 'trainer' | 'serving' | 'monitor' | 'router';
/** Processes that listen: the services and the embedded brokers. */
export type Listener = Service | 'kafka' | 'redis';

interface PortEntry {
  readonly listener: Listener;
  /** The setting that names another port. */
  readonly setting: string;
  /** At offset 0, replica 0. */
  readonly base: number;
  /** For people, after the listener's name. */
  readonly what: string;
  /** What is spoken there, where it is more than the service's own API. */
  readonly speaks?: string;
}

export const PORTS = {
  routerHttp: { listener: 'router', setting: 'MILLRACE_ROUTER_HTTP_PORT', base: 8000, what: 'HTTP', speaks: 'V2' },
  routerGrpc: { listener: 'router', setting: 'MILLRACE_ROUTER_GRPC_PORT', base: 8001, what: 'gRPC', speaks: 'V2' },
  routerMetrics: { listener: 'router', setting: 'MILLRACE_ROUTER_METRICS_PORT', base: 8002, what: 'metrics' },
  routerControl: { listener: 'router', setting: 'MILLRACE_ROUTER_CONTROL_PORT', base: 8003, what: 'control HTTP' },
  routerControlGrpc: {
    listener: 'router',
    setting: 'MILLRACE_ROUTER_CONTROL_GRPC_PORT',
    base: 8004,
    what: 'control gRPC',
  },
  ingestHttp: { listener: 'ingest', setting: 'MILLRACE_INGEST_HTTP_PORT', base: 8010, what: 'HTTP' },
  ingestGrpc: { listener: 'ingest', setting: 'MILLRACE_INGEST_GRPC_PORT', base: 8011, what: 'gRPC' },
  trainerHttp: { listener: 'trainer', setting: 'MILLRACE_TRAINER_HTTP_PORT', base: 8020, what: 'HTTP' },
  trainerGrpc: { listener: 'trainer', setting: 'MILLRACE_TRAINER_GRPC_PORT', base: 8021, what: 'gRPC' },
  servingHttp: { listener: 'serving', setting: 'MILLRACE_SERVING_HTTP_PORT', base: 8030, what: 'HTTP', speaks: 'V2' },
  servingGrpc: {
    listener: 'serving',
    setting: 'MILLRACE_SERVING_GRPC_PORT',
    base: 8031,
    what: 'gRPC',
    speaks: 'V2 and the router’s stream',
  },
  monitorHttp: {
    listener: 'monitor',
    setting: 'MILLRACE_MONITOR_HTTP_PORT',
    base: 8040,
    what: 'HTTP',
    speaks: 'dashboard',
  },
  monitorGrpc: { listener: 'monitor', setting: 'MILLRACE_MONITOR_GRPC_PORT', base: 8041, what: 'gRPC' },
  kafka: { listener: 'kafka', setting: 'MILLRACE_KAFKA_PORT', base: 19092, what: 'broker' },
  redis: { listener: 'redis', setting: 'MILLRACE_REDIS_PORT', base: 16379, what: 'server' },
} as const satisfies Readonly<Record<string, PortEntry>>;

export type PortName = keyof typeof PORTS;
export type Ports = Readonly<Record<PortName, number>>;

export const PORT_NAMES = Object.keys(PORTS) as readonly PortName[];

/** Another platform's ports are a multiple of this away. */
export const OFFSET_STEP = 1_000;
/** The highest port, Kafka's, must stay below 65,536. */
export const OFFSET_MAX = 46_000;
/** Replicas 0 to 9: the tenth would meet the next platform. */
export const REPLICA_STEP = 100;

/**
 * A replica's number by its name: "0" to "9", or such a number with a process's name after it; other names move
 * nothing.
 */
export function replicaNumber(name: string): number {
  const match = /^(\d)(?:-.*)?$/.exec(name);
  return match === null ? 0 : Number(match[1]);
}

export function portOf(name: PortName, offset: number, replica: number): number {
  const { base, listener } = PORTS[name];
  // The brokers are one for all replicas.
  const moves = listener === 'kafka' || listener === 'redis' ? 0 : replica;
  return base + offset + REPLICA_STEP * moves;
}

/** The ports of one listener, in the order of the table. */
export function portNamesOf(listener: Listener): PortName[] {
  return PORT_NAMES.filter((name) => PORTS[name].listener === listener);
}
