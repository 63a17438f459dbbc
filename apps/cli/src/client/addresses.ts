// The endpoints that the commands call, by the ports and hosts of the platform.

import { hostAndPort, LOOPBACK, type Place, type Ports } from '@millrace/deployment';

export interface Addresses {
  /** HTTP base URLs. */
  ingest: string;
  trainer: string;
  serving: string;
  monitor: string;
  /** Route control. */
  router: string;
  /** The clients' endpoint. */
  routerV2: string;
  /** host:port of gRPC endpoints. */
  ingestGrpc: string;
  routerGrpc: string;
  servingGrpc: string;
}

export function addressesOf(ports: Ports, { router, serving }: Place['hosts']): Addresses {
  const url = (host: string, port: number) => `http://${hostAndPort(host, port)}`;
  return {
    ingest: url(LOOPBACK, ports.ingestHttp),
    trainer: url(LOOPBACK, ports.trainerHttp),
    serving: url(serving, ports.servingHttp),
    monitor: url(LOOPBACK, ports.monitorHttp),
    router: url(router, ports.routerControl),
    routerV2: url(router, ports.routerHttp),
    ingestGrpc: hostAndPort(LOOPBACK, ports.ingestGrpc),
    routerGrpc: hostAndPort(router, ports.routerGrpc),
    servingGrpc: hostAndPort(serving, ports.servingGrpc),
  };
}
