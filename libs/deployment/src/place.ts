// Where the platform's processes listen, by the environment of one of them: what defaults of addresses follow, so that
// a process started by hand, the launcher and its children mean the same place.

import { PORT_NAMES, PORTS, type Ports, portOf, replicaNumber } from './ports.js';
import { ONE_OF_EACH, parseReplicas, type Replicas } from './replicas.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Place {
  /** Ports that this process listens on: those of its replica. */
  own: Ports;
  /** Ports at which it finds the others: those of replica 0. */
  others: Ports;
  /** Hosts at which others reach a service, from this machine. */
  hosts: { router: string; serving: string; trainerGrpc: string };
  /** How many processes of each service this machine has. */
  replicas: Replicas;
}

export const LOOPBACK = '127.0.0.1';

/** Who listens everywhere is reached on loopback. */
function reachableHost(listenHost: string | undefined): string {
  if (listenHost === undefined || listenHost === '' || listenHost === '0.0.0.0') return LOOPBACK;
  return listenHost === '::' ? '::1' : listenHost;
}

/** host:port, as URLs and gRPC clients write it. */
export function hostAndPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A text that is no such number counts as unset here; its own setting reports it. */
function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) : undefined;
}

function portsIn(env: Environment, replica: number): Ports {
  const offset = wholeNumber(env.MILLRACE_PORT_OFFSET) ?? 0;
  return Object.fromEntries(
    PORT_NAMES.map((name) => [name, wholeNumber(env[PORTS[name].setting]) ?? portOf(name, offset, replica)]),
  ) as unknown as Ports;
}

/** A text that says no such thing counts as unset here, too. */
function replicasIn(env: Environment): Replicas {
  const parsed = parseReplicas(env.MILLRACE_REPLICAS ?? '');
  return parsed.kind === 'ok' ? parsed.replicas : ONE_OF_EACH;
}

export function placeOf(env: Environment): Place {
  return {
    own: portsIn(env, replicaNumber(env.MILLRACE_REPLICA ?? '')),
    others: portsIn(env, 0),
    hosts: {
      router: reachableHost(env.MILLRACE_ROUTER_LISTEN_HOST),
      serving: reachableHost(env.MILLRACE_SERVING_HOST),
      trainerGrpc: reachableHost(env.MILLRACE_TRAINER_GRPC_HOST),
    },
    replicas: replicasIn(env),
  };
}
