// A backlog of predictions and labels, read by one monitor and by two; and a slice of it, in which two read as it comes
// and one catches up.

import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { KafkaConnection } from '@millrace/kafka';
import { type DedicatedKafka, eventually, startKafka } from '@millrace/testing';
import { stateOf } from '../live-intake/ingest.process.js';
import type { Outcome } from '../serving/row.js';
import { PROJECT, prepare, SEED, sendBacklog, WINDOWS_CLOSED } from './backlog.js';
import { type Monitor, startMonitor, untilRead } from './monitor.process.js';
import type { LiveBench, LiveRow } from './row.js';
import { measureSharing, type SharedRun, sharedRun, sliceOutcomes } from './sharing.js';
import { type ComparableWindow, comparable, type JudgedWindow } from './windows.js';

const ROWS = 1_000_000;
const SLICE_ROWS = 40_000;
const NUMBERS = 4;
const POLL_MS = 50;
const JUDGED_WITHIN_MS = 60_000;

interface Backlog {
  /** Of all that it leaves behind. */
  name: string;
  rows: number;
  processes: number;
  /** Whether it comes while they read; else it is there before they begin. */
  comesMeanwhile: boolean;
}

async function shared(monitors: readonly Monitor[]): Promise<void> {
  for (;;) {
    const stats = await Promise.all(monitors.map((monitor) => monitor.stats()));
    const held = stats.map(({ positions }) => new Set(positions.map(({ partition }) => partition)).size);
    if (held.every((numbers) => numbers === NUMBERS / monitors.length)) return;
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

/** `look`: at those who have read all of it. */
async function read(
  bench: LiveBench,
  broker: DedicatedKafka,
  { name, rows, processes, comesMeanwhile }: Backlog,
  look: (monitors: readonly Monitor[]) => Promise<void> = async () => undefined,
): Promise<SharedRun> {
  const topicPrefix = `${name}.`;
  const home = join(bench.work, name);
  const connection = new KafkaConnection({ brokers: broker.brokers, clientId: 'bench', topicPrefix });
  let monitors: Monitor[] = [];
  try {
    const producer = await prepare(bench.root, connection, home);
    if (!comesMeanwhile) await sendBacklog(producer, rows, true);
    const replicas = Array.from({ length: processes }, (_, replica) => String(replica));
    monitors = await Promise.all(
      replicas.map((replica) => startMonitor(bench, { home, broker, topicPrefix, replica })),
    );
    await shared(monitors);
    const begun = await Promise.all(monitors.map((monitor) => monitor.reading()));
    if (comesMeanwhile) await sendBacklog(producer, rows, true);
    await producer.close();
    const ended = await untilRead(monitors, 2 * rows);
    await look(monitors);
    return sharedRun(begun, ended, 2 * rows);
  } finally {
    for (const monitor of monitors) await monitor.stop();
    await connection.close();
  }
}

async function run(bench: LiveBench, round: number, processes: number): Promise<SharedRun> {
  const broker = await startKafka({ dedicated: true });
  try {
    return await read(bench, broker, { name: `m${round}-${processes}`, rows: ROWS, processes, comesMeanwhile: false });
  } finally {
    await broker.stop();
  }
}

export const twoMonitors: LiveRow = {
  name: 'two-monitors',
  says: `a backlog of ${2 * ROWS} predictions and labels, two monitors against one`,
  seed: SEED,
  measure(bench: LiveBench): Promise<Outcome[]> {
    return measureSharing(bench, 'monitors', (round, processes) => run(bench, round, processes));
  },
};

async function windowsOf({ httpPort }: Monitor): Promise<ComparableWindow[]> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/v1/projects/${PROJECT}/windows?limit=1000`);
  return comparable(((await response.json()) as { windows: JudgedWindow[] }).windows);
}

async function isJudged({ httpPort }: Monitor, rows: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/v1/projects/${PROJECT}/labels-joined`);
  const { counters } = (await response.json()) as { counters: Record<string, number> };
  return counters.labelsJoined === rows && counters.qualityJudged === WINDOWS_CLOSED;
}

/** Two read as it comes, and one catches up. */
export async function twoMonitorsSlice(bench: LiveBench, broker: DedicatedKafka): Promise<Outcome[]> {
  const rows = SLICE_ROWS;
  let peakMib = 0;
  const judged = (monitors: readonly Monitor[]) =>
    eventually(
      'every window and its quality is judged, whoever is asked',
      async () => (await Promise.all(monitors.map((monitor) => isJudged(monitor, rows)))).every(Boolean),
      JUDGED_WITHIN_MS,
    );
  const weigh = (monitors: readonly Monitor[]) => {
    peakMib = Math.max(peakMib, ...monitors.map(({ pid }) => stateOf(pid).peakMib));
  };
  let one: ComparableWindow[] = [];
  let two: ComparableWindow[] = [];
  await read(bench, broker, { name: 'later', rows, processes: 1, comesMeanwhile: false }, async (monitors) => {
    await judged(monitors);
    one = await windowsOf(monitors[0] as Monitor);
    weigh(monitors);
  });
  const both = { name: 'live', rows, processes: 2, comesMeanwhile: true };
  const { shares } = await read(bench, broker, both, async (monitors) => {
    await judged(monitors);
    // Quality of a window that is open in the other one is told when nothing comes in it any more.
    const isSame = async () => {
      two = await windowsOf(monitors[1] as Monitor);
      return isDeepStrictEqual(two, one);
    };
    await eventually('they are those of one', isSame, JUDGED_WITHIN_MS).catch(() => undefined);
    weigh(monitors);
  });
  const made = { name: 'windows', count: WINDOWS_CLOSED };
  return sliceOutcomes({ what: 'monitors', made, one, two, shares, peakMib });
}
