// A monitor as the bench measures it: a process of the built code.

import { stateOf } from '../live-intake/ingest.process.js';
import type { System } from '../serving/systems.process.js';
import { type ReplicaPlace, startReplica } from './replica.process.js';
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

export async function startMonitor(bench: LiveBench, place: ReplicaPlace): Promise<Monitor> {
  const { system, url } = await startReplica('monitor', bench, place);
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
