// The CLI's settings: where the services listen and where the state lies. Flags win over the environment.

import { isAbsolute, join, resolve } from 'node:path';
import { commonSettings, defineConfig, environment, loadConfig, portSetting } from '@millrace/config';
import { type Addresses, addressesOf, DEFAULT_PORTS, type Ports } from './client/addresses.js';

const why = 'the port of docs/ARCHITECTURE.md';

const definition = defineConfig({
  ...commonSettings,
  kafka: portSetting('MILLRACE_KAFKA_PORT', DEFAULT_PORTS.kafka, why),
  redis: portSetting('MILLRACE_REDIS_PORT', DEFAULT_PORTS.redis, why),
  routerHttp: portSetting('MILLRACE_ROUTER_HTTP_PORT', DEFAULT_PORTS.routerHttp, why),
  routerGrpc: portSetting('MILLRACE_ROUTER_GRPC_PORT', DEFAULT_PORTS.routerGrpc, why),
  routerMetrics: portSetting('MILLRACE_ROUTER_METRICS_PORT', DEFAULT_PORTS.routerMetrics, why),
  routerControl: portSetting('MILLRACE_ROUTER_CONTROL_PORT', DEFAULT_PORTS.routerControl, why),
  routerControlGrpc: portSetting('MILLRACE_ROUTER_CONTROL_GRPC_PORT', DEFAULT_PORTS.routerControlGrpc, why),
  ingestHttp: portSetting('MILLRACE_INGEST_HTTP_PORT', DEFAULT_PORTS.ingestHttp, why),
  ingestGrpc: portSetting('MILLRACE_INGEST_GRPC_PORT', DEFAULT_PORTS.ingestGrpc, why),
  trainerHttp: portSetting('MILLRACE_TRAINER_HTTP_PORT', DEFAULT_PORTS.trainerHttp, why),
  trainerGrpc: portSetting('MILLRACE_TRAINER_GRPC_PORT', DEFAULT_PORTS.trainerGrpc, why),
  servingHttp: portSetting('MILLRACE_SERVING_HTTP_PORT', DEFAULT_PORTS.servingHttp, why),
  servingGrpc: portSetting('MILLRACE_SERVING_GRPC_PORT', DEFAULT_PORTS.servingGrpc, why),
  monitorHttp: portSetting('MILLRACE_MONITOR_HTTP_PORT', DEFAULT_PORTS.monitorHttp, why),
  monitorGrpc: portSetting('MILLRACE_MONITOR_GRPC_PORT', DEFAULT_PORTS.monitorGrpc, why),
});

export interface CliSettings {
  /** Absolute. */
  home: string;
  ports: Ports;
  addresses: Addresses;
  environment: Readonly<Record<string, string | undefined>>;
}

/** @throws PlatformError naming every faulty setting at once */
export function cliSettings(): CliSettings {
  const env = environment();
  const config = loadConfig(definition, env);
  const ports = Object.fromEntries(
    Object.keys(DEFAULT_PORTS).map((name) => [name, config[name as keyof Ports]]),
  ) as unknown as Ports;
  const home = isAbsolute(config.home) ? config.home : resolve(join(process.cwd(), config.home));
  return { home, ports, addresses: addressesOf(ports), environment: env };
}
