// A backlog of predictions and labels, read by one monitor and by two.

import { join } from 'node:path';
import { KafkaConnection } from '@millrace/kafka';
import { startKafka } from '@millrace/testing';
import type { Outcome } from '../serving/row.js';
import { prepare, SEED, sendBacklog } from './backlog.js';
import { type Monitor, startMonitor, untilRead } from './monitor.process.js';
import type { LiveBench, LiveRow } from './row.js';
import { measureSharing, type SharedRun, sharedRun } from './sharing.js';

const ROWS = 1_000_000;
const MESSAGES = 2 * ROWS;
const NUMBERS = 4;
const POLL_MS = 50;

async function shared(monitors: readonly Monitor[]): Promise<void> {
  for (;;) {
    const stats = await Promise.all(monitors.map((monitor) => monitor.stats()));
    const held = stats.map(({ positions }) => new Set(positions.map(({ partition }) => partition)).size);
    if (held.every((numbers) => numbers === NUMBERS / monitors.length)) return;
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

async function run(bench: LiveBench, round: number, processes: number): Promise<SharedRun> {
  const broker = await startKafka({ dedicated: true });
  const topicPrefix = `m${processes}.`;
  const home = join(bench.work, `home-${round}-${processes}`);
  const connection = new KafkaConnection({ brokers: broker.brokers, clientId: 'bench', topicPrefix });
  let monitors: Monitor[] = [];
  try {
    const producer = await prepare(bench.root, connection, home);
    await sendBacklog(producer, ROWS, true);
    await producer.close();
    const replicas = Array.from({ length: processes }, (_, replica) => String(replica));
    monitors = await Promise.all(
      replicas.map((replica) => startMonitor(bench, { home, broker, topicPrefix, replica })),
    );
    await shared(monitors);
    const begun = await Promise.all(monitors.map((monitor) => monitor.reading()));
    return sharedRun(begun, await untilRead(monitors, MESSAGES), MESSAGES);
  } finally {
    for (const monitor of monitors) await monitor.stop();
    await connection.close();
    await broker.stop();
  }
}

export const twoMonitors: LiveRow = {
  name: 'two-monitors',
  says: `a backlog of ${MESSAGES} predictions and labels, two monitors against one`,
  seed: SEED,
  measure(bench: LiveBench): Promise<Outcome[]> {
    return measureSharing(bench, 'monitors', (round, processes) => run(bench, round, processes));
  },
};
