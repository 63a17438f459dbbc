// Where the replicas of this machine's services are: how many there are is what their supervisor has written down, or
// where none runs here, what MILLRACE_REPLICAS says.

import {
  type Place,
  type Ports,
  portsOfReplica,
  type Replicas,
  replicaOfProcess,
  type Service,
} from '@millrace/deployment';
import type { ProcessNote } from '../supervisor/run-folder.fs.js';
import { type Addresses, addressesOf } from './addresses.js';

interface Terms {
  ports: Ports;
  hosts: Place['hosts'];
  replicas: Replicas;
}

/** @param notes of the processes that a supervisor of this home runs; undefined where there is none */
function countOf(service: Service, { replicas }: Terms, notes: readonly ProcessNote[] | undefined): number {
  const numbers = (notes ?? []).flatMap(({ name }) => {
    const found = replicaOfProcess(name);
    return found?.service === service ? [found.replica + 1] : [];
  });
  return numbers.length === 0 ? replicas[service] : Math.max(...numbers);
}

/** The addresses that a service has as its replica r; those of the others are replica 0's. */
export function addressesAt(service: Service, replica: number, { ports, hosts }: Terms): Addresses {
  return addressesOf({ ...ports, ...portsOfReplica(ports, service, replica) }, hosts);
}

/** Base URLs of all replicas of each service, replica 0 first. */
export function replicaUrls(terms: Terms, notes: readonly ProcessNote[] | undefined): Record<Service, string[]> {
  const urls = (service: Service) =>
    Array.from(
      { length: countOf(service, terms, notes) },
      (_, replica) => addressesAt(service, replica, terms)[service],
    );
  return {
    ingest: urls('ingest'),
    trainer: urls('trainer'),
    serving: urls('serving'),
    monitor: urls('monitor'),
    router: urls('router'),
  };
}
