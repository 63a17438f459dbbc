// One of several processes of a service as the bench measures it: of the built code, over a broker of its own.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DedicatedKafka, freePort } from '@millrace/testing';
import { type System, startSystem } from '../serving/systems.process.js';
import type { LiveBench } from './row.js';

const READY_TRIES = 1_200;
const POLL_MS = 50;

export interface ReplicaPlace {
  home: string;
  broker: DedicatedKafka;
  topicPrefix: string;
  replica: string;
}

/** Resolves when it is ready; `url` is that of its HTTP port. */
export async function startReplica(
  service: 'ingest' | 'monitor',
  { root, work, nodeArguments }: LiveBench,
  { home, broker, topicPrefix, replica }: ReplicaPlace,
): Promise<{ system: System; url: string }> {
  const [httpPort, grpcPort] = [await freePort(), await freePort()];
  const log = join(work, `${service}-${replica}.log`);
  const settings = `MILLRACE_${service.toUpperCase()}`;
  const system = await startSystem({
    name: `${service}-${replica}`,
    command: process.execPath,
    args: [...nodeArguments, join(root, `dist/services/${service}/src/main.js`)],
    env: {
      MILLRACE_HOME: home,
      MILLRACE_REPLICA: replica,
      MILLRACE_KAFKA_BROKERS: broker.brokers.join(','),
      MILLRACE_TOPIC_PREFIX: topicPrefix,
      [`${settings}_HTTP_PORT`]: String(httpPort),
      [`${settings}_GRPC_PORT`]: String(grpcPort),
    },
    log,
    grpcPort,
    httpPort,
  });
  const url = `http://127.0.0.1:${httpPort}`;
  for (let tried = 1; ; tried++) {
    const ready = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (ready?.ok) return { system, url };
    if (tried === READY_TRIES) throw new Error(`${replica} is not ready:\n${readFileSync(log, 'utf8').slice(-4_000)}`);
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}
