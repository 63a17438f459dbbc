// How many processes of each service run on one machine: "ingest=2,serving=2", as MILLRACE_REPLICAS and `--replicas`
// write it. Process r of a service is its replica r; replica 0 listens at the ports of the table.

import { suggest } from '@millrace/domain';
import { PORTS, type PortName, type Ports, portNamesOf, REPLICA_STEP, type Service } from './ports.js';

/** In the order in which people read them. */
export const SERVICE_NAMES = ['ingest', 'trainer', 'serving', 'monitor', 'router'] as const satisfies Service[];

/** Replicas 0 to 9 have ports of their own. */
const REPLICAS_MAX = 10;

export type Replicas = Readonly<Record<Service, number>>;

export const ONE_OF_EACH: Replicas = { ingest: 1, trainer: 1, serving: 1, monitor: 1, router: 1 };

export type ParsedReplicas = { kind: 'ok'; replicas: Replicas } | { kind: 'fault'; fault: string };

/** What runs besides services, and how more of it are got. */
const NO_SERVICE: Readonly<Record<string, string>> = {
  worker: 'training workers are counted by --workers',
  kafka: 'the embedded Kafka is one process; MILLRACE_KAFKA_BROKERS names a cluster of your own',
  redis: 'the embedded Redis is one process; MILLRACE_REDIS_URL names one of your own',
};

/** Services that are not named have one process. */
export function parseReplicas(text: string): ParsedReplicas {
  const replicas: Record<Service, number> = { ...ONE_OF_EACH };
  const named = new Set<Service>();
  for (const item of text.split(',').map((one) => one.trim())) {
    if (text.trim() === '') break;
    const [, name = '', count = ''] = /^([^=]*)=(.*)$/.exec(item) ?? [];
    if (name === '') return fault('has an item that is no <service>=<count>; write it like ingest=2,serving=2');
    const service = SERVICE_NAMES.find((one) => one === name);
    if (service === undefined) return fault(unknownService(name));
    if (named.has(service)) return fault(`names ${service} twice`);
    if (!/^\d{1,3}$/.test(count) || Number(count) < 1 || Number(count) > REPLICAS_MAX)
      return fault(`has a count of ${service} that is no whole number from 1 to ${REPLICAS_MAX}`);
    named.add(service);
    replicas[service] = Number(count);
  }
  return { kind: 'ok', replicas };
}

const fault = (text: string): ParsedReplicas => ({ kind: 'fault', fault: text });

function unknownService(name: string): string {
  const why = NO_SERVICE[name.replace(/s$/, '')];
  if (why !== undefined) return `names something that is no service: ${why}`;
  const near = suggest(name, SERVICE_NAMES);
  const hint = near === null ? `there are ${SERVICE_NAMES.join(', ')}` : `did you mean ${near}?`;
  return `names an unknown service; ${hint}`;
}

/** Back to text, only what is more than one; '' = one of each. */
export function replicasText(replicas: Replicas): string {
  return SERVICE_NAMES.filter((name) => replicas[name] > 1)
    .map((name) => `${name}=${replicas[name]}`)
    .join(',');
}

/** As processes and their logs are named: replica 0 has its service's name. */
export function processName(service: Service, replica: number): string {
  return replica === 0 ? service : `${service}-${replica}`;
}

/** The other way; undefined where it is no process of a service. */
export function replicaOfProcess(name: string): { service: Service; replica: number } | undefined {
  const [, base = '', digit] = /^([a-z]+)(?:-(\d))?$/.exec(name) ?? [];
  const service = SERVICE_NAMES.find((one) => one === base);
  return service === undefined ? undefined : { service, replica: Number(digit ?? 0) };
}

/** The ports of one replica, by those of replica 0. The brokers are one for all. */
export function portsOfReplica(ports: Ports, service: Service, replica: number): Partial<Record<PortName, number>> {
  return Object.fromEntries(portNamesOf(service).map((name) => [name, ports[name] + REPLICA_STEP * replica]));
}

/** What moves them: the settings of one replica's ports. */
export function portSettingsOfReplica(ports: Ports, service: Service, replica: number): Record<string, string> {
  const moved = Object.entries(portsOfReplica(ports, service, replica)) as [PortName, number][];
  return Object.fromEntries(moved.map(([name, port]) => [PORTS[name].setting, `${port}`]));
}

/**
 * What a process of a machine with several is called: its number, which moves ports, and after it the name that the
 * machine's processes have, where they have one.
 */
export function replicaId(replica: number, machine: string | undefined): string {
  return machine === undefined || machine === '' ? `${replica}` : `${replica}-${machine}`;
}

/**
 * Where the processes of a service are: on each host as many as MILLRACE_REPLICAS (`text`) says, replica r at these
 * ports + 100·r.
 */
export function replicaPlaces<K extends string>(
  hosts: readonly string[],
  service: Service,
  text: string,
  ports: Readonly<Record<K, number>>,
): (Record<K, number> & { host: string })[] {
  const parsed = parseReplicas(text);
  const count = parsed.kind === 'ok' ? parsed.replicas[service] : 1;
  const names = Object.keys(ports) as K[];
  return hosts.flatMap((host) =>
    Array.from({ length: count }, (_, replica) => {
      const moved = Object.fromEntries(names.map((name) => [name, ports[name] + REPLICA_STEP * replica]));
      return { ...(moved as Record<K, number>), host };
    }),
  );
}
