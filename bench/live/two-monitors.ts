// What sharing costs: a backlog of predictions and labels is read by one monitor, and by two that share the partitions.
// By the CPU of their processes; wall-clock is told beside it, since the broker shares the cores.

import { join } from 'node:path';
import { KafkaConnection } from '@millrace/kafka';
import { startKafka } from '@millrace/testing';
import { median, type Outcome, percent, times } from '../serving/row.js';
import { prepare, SEED, sendBacklog } from './backlog.js';
import { type Monitor, startMonitor, untilRead } from './monitor.process.js';
import type { LiveBench, LiveRow } from './row.js';

const ROWS = 1_000_000;
const MESSAGES = 2 * ROWS;
const NUMBERS = 4;
const CPU_RATIO_MAX = 1.15;
const SHARE = { min: 0.4, max: 0.6 };
const POLL_MS = 50;

async function shared(monitors: readonly Monitor[]): Promise<void> {
  for (;;) {
    const stats = await Promise.all(monitors.map((monitor) => monitor.stats()));
    const held = stats.map(({ positions }) => new Set(positions.map(({ partition }) => partition)).size);
    if (held.every((numbers) => numbers === NUMBERS / monitors.length)) return;
    await new Promise((wake) => setTimeout(wake, POLL_MS));
  }
}

interface Run {
  /** CPU seconds of 1,000 messages. */
  cpu: number;
  seconds: number;
  /** Of the messages, by process. */
  shares: number[];
}

/** Measured from when every monitor has its partitions: until then the first one reads for all. */
async function run(bench: LiveBench, round: number, processes: number): Promise<Run> {
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
    const ended = await untilRead(monitors, MESSAGES);
    const read = ended.map(({ messages }, i) => messages - (begun[i]?.messages ?? 0));
    const all = read.reduce((sum, messages) => sum + messages, 0);
    const cpuSeconds = ended.reduce((sum, reading, i) => sum + reading.cpuSeconds - (begun[i]?.cpuSeconds ?? 0), 0);
    const seconds = (Math.max(...ended.map(({ atMs }) => atMs)) - Math.min(...begun.map(({ atMs }) => atMs))) / 1_000;
    return { cpu: (1_000 * cpuSeconds) / all, seconds, shares: ended.map(({ messages }) => messages / MESSAGES) };
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
  async measure(bench: LiveBench): Promise<Outcome[]> {
    const kept: Record<string, number[]> = {};
    const keep = (name: string, value: number) => {
      kept[name] = [...(kept[name] ?? []), value];
    };
    const shares: number[] = [];
    for (let round = 0; round < bench.rounds; round++) {
      for (const processes of [1, 2]) {
        const { cpu, seconds, shares: ofRun } = await run(bench, round, processes);
        keep(`${processes}: CPU ms of 1,000`, 1_000 * cpu);
        keep(`${processes}: seconds`, seconds);
        if (processes === 2) shares.push(...ofRun);
      }
    }
    const of = (name: string) => median(kept[name] ?? []);
    const [one, two] = [of('1: CPU ms of 1,000'), of('2: CPU ms of 1,000')];
    const ratio = two / one;
    const [least, most] = [Math.min(...shares), Math.max(...shares)];
    return [
      {
        figure: 'CPU of 1,000 messages, two monitors : one',
        target: `<= ${times(CPU_RATIO_MAX)}`,
        measured: `${two.toFixed(2)} : ${one.toFixed(2)} ms`,
        ratio,
        met: ratio <= CPU_RATIO_MAX,
        rounds: kept,
      },
      {
        figure: 'what each of two has read at the end',
        target: `${percent(SHARE.min)} to ${percent(SHARE.max)}`,
        measured: `${percent(least)} to ${percent(most)}`,
        met: least >= SHARE.min && most <= SHARE.max,
        rounds: { shares },
      },
      {
        figure: 'seconds, two : one (the broker shares the cores)',
        target: '',
        measured: `${of('2: seconds').toFixed(1)} : ${of('1: seconds').toFixed(1)} s`,
        ratio: of('2: seconds') / of('1: seconds'),
        met: undefined,
        rounds: {},
      },
    ];
  },
};
