// How fast one monitor reads a backlog of predictions: decoded, counted in their windows, archived, judged. By the CPU
// that its process takes, all threads of it, so that the broker and the load of the machine do not count.

import { join } from 'node:path';
import { KafkaConnection } from '@millrace/kafka';
import { type DedicatedKafka, startKafka } from '@millrace/testing';
import { median, type Outcome, rate } from '../serving/row.js';
import { prepare, SEED, sendBacklog } from './backlog.js';
import { startMonitor, untilRead } from './monitor.process.js';
import type { LiveBench, LiveRow } from './row.js';

const ROWS = 2_000_000;
const PER_CORE_MIN = 200_000;

export const catchUp: LiveRow = {
  name: 'catch-up',
  says: `a monitor reads a backlog of ${ROWS} predictions of flights`,
  seed: SEED,
  async measure(bench: LiveBench): Promise<Outcome[]> {
    const kept: Record<string, number[]> = {};
    const keep = (name: string, value: number) => {
      kept[name] = [...(kept[name] ?? []), value];
    };
    const broker = await startKafka({ dedicated: true });
    try {
      for (let round = 0; round < bench.rounds; round++) {
        for (const archived of [true, false]) {
          const { cpu, second } = await reading(bench, broker, `r${round}${archived ? 'a' : 'b'}`, archived);
          keep(`${archived ? 'archived' : 'not archived'}: a CPU second`, cpu);
          keep(`${archived ? 'archived' : 'not archived'}: a second`, second);
        }
      }
    } finally {
      await broker.stop();
    }
    const found = median(kept['archived: a CPU second'] ?? []);
    const without = median(kept['not archived: a CPU second'] ?? []);
    return [
      {
        figure: "monitor's catch-up on a backlog of flights predictions, one core",
        target: `>= ${rate(PER_CORE_MIN)}`,
        measured: rate(found),
        ratio: found / PER_CORE_MIN,
        met: found >= PER_CORE_MIN,
        rounds: kept,
      },
      {
        figure: 'the same of a project that archives nothing',
        target: '',
        measured: rate(without),
        ratio: without / PER_CORE_MIN,
        met: undefined,
        rounds: {},
      },
    ];
  },
};

/** Predictions a CPU second of the process, and a second. */
async function reading(bench: LiveBench, broker: DedicatedKafka, run: string, archived: boolean) {
  const topicPrefix = `${run}.`;
  const home = join(bench.work, run);
  const connection = new KafkaConnection({ brokers: broker.brokers, clientId: 'bench', topicPrefix });
  const producer = await prepare(bench.root, connection, home, archived);
  await sendBacklog(producer, ROWS, false);
  await producer.close();
  await connection.close();
  const monitor = await startMonitor(bench, { home, broker, topicPrefix, replica: '0' });
  try {
    const begun = await monitor.reading();
    const [ended] = await untilRead([monitor], ROWS);
    if (ended === undefined) throw new Error('no reading');
    const messages = ended.messages - begun.messages;
    return {
      cpu: messages / (ended.cpuSeconds - begun.cpuSeconds),
      second: (1_000 * messages) / (ended.atMs - begun.atMs),
    };
  } finally {
    await monitor.stop();
  }
}
