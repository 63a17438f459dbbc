// Symptom: a window and its drift event were there twice where the group shared the partition numbers anew while the
// judge's transaction was on its way: the judge let go of what it had decided, took its number up as the board had it
// then, and judged again what was told a moment later.

import { expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { Cluster, type Log, type MonitorOfCluster } from '../../test/a-cluster.js';
import { ROWS_IN_WINDOW, shiftedMetadata, shiftedRows } from '../../test/a-shifted-stream.js';
import { turn } from '../../test/transactions.js';
import { STREAMS } from './positions.js';

const PARTITIONS = 4;
const ALL = 1_000_000;

/** Two windows and some rows, of which the second one drifts. */
function written(): Log[] {
  const rows = shiftedRows({ rows: 2.5 * ROWS_IN_WINDOW, shiftFrom: ROWS_IN_WINDOW, partitions: PARTITIONS });
  return STREAMS.flatMap((stream) =>
    Array.from({ length: PARTITIONS }, (_, partition): Log => {
      const of = rows.filter((row) => row.partition === partition);
      const messages = of.map(({ prediction, label }, offset) => {
        const message = (stream === 'predictions' ? prediction : label) as never;
        return { message, offset, timestampMs: 1 };
      });
      return { stream, partition, messages, end: messages.length };
    }),
  );
}

it.each([1, 2, 3, 4, 5, 6])(
  'judges a window once whose telling is on its way while numbers move (seed %i)',
  async (seed) => {
    const cluster = new Cluster(shiftedMetadata, written(), PARTITIONS, seededRng(seed));
    const { transactions } = cluster;
    const [judge, other] = [cluster.start(), cluster.start()];
    const done = (work: Promise<void>) => transactions.during(work);
    const again = async () => {
      for (const one of cluster.processes) await done(one.assignedAgain());
    };
    const readAll = async (process: MonitorOfCluster) => {
      for (const number of process.reports.held())
        for (const stream of STREAMS) await done(process.read(stream, number, ALL));
      cluster.clock.advance(1_100);
      await done(process.settle());
      await again();
      process.readBoard(cluster.entries.length);
    };
    // The judge of p is who holds number 1.
    await cluster.rebalance((number) => (number % 2 === 1 ? judge : other));
    await readAll(other);
    judge.readBoard(cluster.entries.length);
    for (; cluster.judgementsUnderWay === 0; await turn()) {
      transactions.deliver();
      await again();
      judge.readBoard(cluster.entries.length);
      cluster.clock.advance(300);
      for (const number of [1, 3]) void judge.read('predictions', number, ALL);
      void judge.settle();
    }
    await cluster.rebalance((number) => (number === 1 ? judge : other));
    for (; transactions.areUnderWay; await turn()) transactions.deliver();
    await again();
    for (let i = 0; i < 6; i++) for (const process of cluster.processes) await readAll(process);
    const windows = cluster.judgements.map(({ window }) => `${window.startMs} ${window.revision}`);
    expect(windows.length).toBeGreaterThanOrEqual(2);
    expect(windows).toEqual([...new Set(windows)]);
    const drift = cluster.judgements.flatMap(({ window }) => window.drift.map(({ id }) => id));
    expect(drift.length).toBeGreaterThan(0);
    expect(drift).toEqual([...new Set(drift)]);
  },
);
