// Where the services listen; defaults are the ports of docs/ARCHITECTURE.md, on loopback.

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
}

export interface Ports {
  kafka: number;
  redis: number;
  routerHttp: number;
  routerGrpc: number;
  routerMetrics: number;
  routerControl: number;
  routerControlGrpc: number;
  ingestHttp: number;
  ingestGrpc: number;
  trainerHttp: number;
  trainerGrpc: number;
  servingHttp: number;
  servingGrpc: number;
  monitorHttp: number;
  monitorGrpc: number;
}

export const DEFAULT_PORTS: Ports = {
  kafka: 19092,
  redis: 16379,
  routerHttp: 8000,
  routerGrpc: 8001,
  routerMetrics: 8002,
  routerControl: 8003,
  routerControlGrpc: 8004,
  ingestHttp: 8010,
  ingestGrpc: 8011,
  trainerHttp: 8020,
  trainerGrpc: 8021,
  servingHttp: 8030,
  servingGrpc: 8031,
  monitorHttp: 8040,
  monitorGrpc: 8041,
};

export function addressesOf(ports: Ports, host = '127.0.0.1'): Addresses {
  const url = (port: number) => `http://${host}:${port}`;
  return {
    ingest: url(ports.ingestHttp),
    trainer: url(ports.trainerHttp),
    serving: url(ports.servingHttp),
    monitor: url(ports.monitorHttp),
    router: url(ports.routerControl),
    routerV2: url(ports.routerHttp),
    ingestGrpc: `${host}:${ports.ingestGrpc}`,
    routerGrpc: `${host}:${ports.routerGrpc}`,
  };
}
