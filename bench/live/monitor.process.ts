// A monitor as the bench measures it: a process of the built code.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DedicatedKafka, freePort } from '@millrace/testing';
import { stateOf } from '../live-intake/ingest.process.js';
import { type System, startSystem } from '../serving/systems.process.js';
import type { LiveBench } from './row.js';
import type { Reading } from './sharing.js';

const READY_TRIES = 1_200;
const POLL_MS = 50;

export interface MonitorStats {
  lag: number;
  positions: { stream: string; partition: number; next: number }[];
}

export interface Monitor extends System {
  stats(): Promise<MonitorStats>;
  reading(): Promise<Reading>;
}

export async function startMonitor(
  { root, work, nodeArguments }: LiveBench,
  {
    home,
    broker,
    topicPrefix,
    replica,
  }: { home: string; broker: DedicatedKafka; topicPrefix: string; replica: string },
): Promise<Monitor> {
  const [httpPort, grpcPort] = [await freePort(), await freePort()];
  const log = join(work, `monitor-${replica}.log`);
  const system = await startSystem({
    name: `monitor-${replica}`,
    command: process.execPath,
    args: [...nodeArguments, join(root, 'dist/services/monitor/src/main.js')],
    env: {
      MILLRACE_HOME: home,
      MILLRACE_REPLICA: replica,
      MILLRACE_KAFKA_BROKERS: broker.brokers.join(','),
      MILLRACE_TOPIC_PREFIX: topicPrefix,
      MILLRACE_MONITOR_HTTP_PORT: String(httpPort),
      MILLRACE_MONITOR_GRPC_PORT: String(grpcPort),
    },
    log,
    grpcPort,
    httpPort,
  });
  const url = `http://127.0.0.1:${httpPort}`;
  for (let tried = 1; ; tried++) {
    const ready = await fetch(`${url}/health/ready`).catch(() => undefined);
    if (ready?.ok) break;
    if (tried === READY_TRIES) throw new Error(`${replica} is not ready:\n${readFileSync(log, 'utf8').slice(-4_000)}`);
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
  const stats = async () => (await (await fetch(`${url}/v1/stats`)).json()) as MonitorStats;
  return {
    ...system,
    stats,
    reading: async () => {
      const { positions } = await stats();
      const messages = positions.reduce((sum, { next }) => sum + next, 0);
      return { messages, cpuSeconds: stateOf(system.pid).cpuSeconds, atMs: performance.now() };
    },
  };
}

/** Until the monitors together have read so many messages. */
export async function untilRead(monitors: readonly Monitor[], messages: number): Promise<Reading[]> {
  let last = 0;
  for (let still = 0; ; ) {
    const readings = await Promise.all(monitors.map((monitor) => monitor.reading()));
    const read = readings.reduce((sum, reading) => sum + reading.messages, 0);
    if (read >= messages) return readings;
    still = read === last ? still + 1 : 0;
    if (still === READY_TRIES) throw new Error(`monitors read ${read} of ${messages} messages and no more`);
    last = read;
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}
