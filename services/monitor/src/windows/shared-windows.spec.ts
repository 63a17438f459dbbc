// Whatever processes share the partitions, however numbers move between them and wherever they die: the same windows,
// verdicts and events, once.

import { beforeAll, describe, expect, it } from '@jest/globals';
import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import { seededRng } from '@millrace/domain';
import { Cluster, type Log, type MonitorOfCluster } from '../../test/a-cluster.js';
import { FROM_MS, ROWS_IN_WINDOW, shiftedMetadata, shiftedRows, WINDOW_MS } from '../../test/a-shifted-stream.js';
import { turn } from '../../test/transactions.js';
import { STREAMS, type Stream } from './positions.js';

const PARTITIONS = 4;
const ROWS = 4_000;
const SHIFT_FROM = 2_000;
const WINDOWS_CLOSED = ROWS / ROWS_IN_WINDOW - 1;

/** A row every 10 ms, up to 400 ms out of order; x is shifted from SHIFT_FROM on. */
function written(partitionOf = (_row: number, draw: number) => draw): Written {
  const logs = STREAMS.flatMap((stream) =>
    Array.from({ length: PARTITIONS }, (_, partition): Log => ({ stream, partition, messages: [], end: 0 })),
  );
  const order: Log[] = [];
  const write = (stream: Stream, partition: number, message: PredictionMessage | LabelMessage) => {
    const log = logs.find((one) => one.stream === stream && one.partition === partition) as Log;
    log.messages.push({ message: message as never, offset: log.messages.length, timestampMs: 1 });
    order.push(log);
  };
  const rows = shiftedRows({ rows: ROWS, shiftFrom: SHIFT_FROM, partitions: PARTITIONS });
  for (const { i, prediction, label, partition: drawn } of rows) {
    const partition = partitionOf(i, drawn);
    write('predictions', partition, prediction);
    write('labels', partition, label);
  }
  return { logs, order };
}

interface Written {
  logs: Log[];
  /** Which log each message goes to, in the order of writing: nothing is there at the start. */
  order: Log[];
}

interface Chaos {
  processes: number;
  /** Of a thousand steps. */
  rebalances: number;
  deaths: number;
  /** The group gives a process up that lives and knows nothing of it. */
  standstills: number;
  /** What is told is on its way for a while, and it may not be known what became of it. */
  slow?: boolean;
}

async function run(
  seed: number,
  { processes, rebalances, deaths, standstills, slow = false }: Chaos,
  { logs, order } = written(),
): Promise<Cluster> {
  const rng = seededRng(seed);
  const cluster = new Cluster(shiftedMetadata, logs, PARTITIONS, slow ? rng : undefined);
  const { transactions } = cluster;
  const failures: unknown[] = [];
  /** Goes on while other things happen, where telling is slow. */
  const begin = async (work: Promise<void>): Promise<void> => {
    if (!slow) return work;
    work.catch((error: unknown) => failures.push(error));
    await turn();
  };
  const owners = new Map<number, MonitorOfCluster>();
  const any = <T>(of: Iterable<T>): T => [...of][rng.below([...of].length)] as T;
  const share = async () => {
    for (let number = 0; number < PARTITIONS; number++) owners.set(number, any(cluster.processes));
    await cluster.rebalance((number) => owners.get(number) as MonitorOfCluster);
  };
  for (let i = 0; i < processes; i++) cluster.start();
  await share();
  for (let quiet = 0, sent = 0; quiet < 200; ) {
    cluster.clock.advance(rng.below(60));
    // Little by little, with nothing at first, and a lot at a time.
    const until = sent + (rng.below(8) === 0 ? rng.below(1_200) : 0);
    for (; sent < Math.min(until, order.length); sent++) (order[sent] as Log).end += 1;
    const luck = rng.below(1_000);
    if (luck < deaths) {
      cluster.kill(any(cluster.processes));
      cluster.start();
      await share();
    } else if (luck < deaths + standstills) {
      const zombie = any(cluster.processes);
      cluster.giveUp(zombie);
      cluster.start();
      await share();
      // It wakes, and goes on as if nothing had been.
      for (const number of zombie.reports.held()) await transactions.during(zombie.read(any(STREAMS), number, 300));
      await transactions.during(zombie.settle());
      for (const number of zombie.reports.held()) await transactions.during(zombie.checkpoint(number));
    } else if (luck < deaths + standstills + rebalances) await share();
    const process = any(cluster.processes);
    const numbers = process.reports.held();
    const step = rng.below(10);
    if (step < 5 && numbers.length > 0) await begin(process.read(any(STREAMS), any(numbers), 1 + rng.below(300)));
    else if (step < 7) process.readSomeBoard(1 + rng.below(20));
    else if (step < 9) await begin(process.settle());
    else if (numbers.length > 0) await begin(process.checkpoint(any(numbers)));
    if (slow) {
      if (rng.below(2) === 0) transactions.deliver();
      await turn();
      if (rng.below(4) === 0) for (const one of cluster.processes) await transactions.during(one.assignedAgain());
    }
    if (sent === order.length && [...cluster.processes].every((one) => one.isUpToDate)) {
      quiet += 1;
      cluster.clock.advance(5);
      process.readSomeBoard(1_000);
    } else quiet = 0;
  }
  for (; transactions.areUnderWay; await turn()) transactions.deliver();
  expect(failures).toEqual([]);
  return cluster;
}

const said = ({ judgements }: Cluster) =>
  judgements
    .map(({ window }) => window)
    .sort((a, b) => a.startMs - b.startMs || a.revision - b.revision)
    .map(({ startMs, revision, metrics, drift, corrections }) => ({
      ...{ startMs, revision, drift, corrections },
      metrics: metrics.map(({ closedAtMs: _, ...row }) => row),
    }));

const rounded = (value: unknown) =>
  JSON.parse(
    JSON.stringify(value, (_key, x) => (typeof x === 'number' && !Number.isInteger(x) ? Number(x.toPrecision(9)) : x)),
  );

/** What every process answers of it when it has read the board. */
function answered(cluster: Cluster) {
  const nowMs = cluster.clock.nowMs();
  return [...cluster.processes].map((process) => {
    process.readBoard(cluster.entries.length);
    const monitor = process.engine.monitor('p', nowMs);
    const windows = [...process.engine.windowsBefore('p')].map(({ metrics, ...window }) => ({
      ...window,
      metrics: metrics.map(({ closedAtMs: _, ...row }) => row),
    }));
    return { windows, alarms: monitor?.alarms.list(), counters: monitor?.counters };
  });
}

describe('windows of partitions that processes share', () => {
  const none = { rebalances: 0, deaths: 0, standstills: 0 };
  let alone: Cluster;
  beforeAll(async () => {
    alone = await run(1, { processes: 1, ...none });
  });

  it('are judged by one process, as a measure for the rest', () => {
    const revisions = said(alone).map(({ startMs, revision, metrics: [all] }) => [
      ...[startMs, revision, all?.predictions, all?.labels],
    ]);
    expect(revisions).toEqual(
      Array.from({ length: WINDOWS_CLOSED }, (_, i) => FROM_MS + i * WINDOW_MS).flatMap((startMs) => [
        [startMs, 0, 1_000, 0],
        [startMs, 1, 1_000, 1_000],
      ]),
    );
    const drift = said(alone).flatMap((window) => window.drift.map(({ data }) => [data.feature, data.cohort.version]));
    expect(drift).toEqual([
      ['x', 1],
      ['x', 2],
    ]);
  });

  it.each([
    ['one process', { processes: 1, ...none }],
    ['two', { processes: 2, ...none }],
    ['four', { processes: 4, ...none }],
    ['two that give numbers to each other', { processes: 2, ...none, rebalances: 40 }],
    ['four that give numbers to each other', { processes: 4, ...none, rebalances: 40 }],
    ['one that dies', { processes: 1, ...none, deaths: 30 }],
    ['two that die', { processes: 2, ...none, deaths: 30 }],
    ['four that die and give numbers to each other', { processes: 4, rebalances: 30, deaths: 30, standstills: 0 }],
    ['two that are given up and live', { processes: 2, rebalances: 20, deaths: 0, standstills: 30 }],
    ['four of which anything may happen', { processes: 4, rebalances: 30, deaths: 20, standstills: 20 }],
    ['two that tell slowly', { processes: 2, ...none, slow: true }],
    ['two that tell slowly and give numbers to each other', { processes: 2, ...none, rebalances: 60, slow: true }],
    [
      'four that tell slowly, of which anything may happen',
      { processes: 4, rebalances: 40, deaths: 20, standstills: 20, slow: true },
    ],
  ])('are the same of %s, and said once', async (_, chaos) => {
    const expected = rounded({ said: said(alone), answered: answered(alone)[0] });
    for (const seed of [2, 3]) {
      const cluster = await run(seed, chaos);
      expect(rounded(said(cluster))).toEqual(expected.said);
      for (const answer of answered(cluster)) expect(rounded(answer)).toEqual(expected.answered);
    }
  });

  it('are judged by a process in whose partitions nothing of the project ever comes', async () => {
    const inOne = () => written(() => 3);
    const expected = rounded(said(await run(1, { processes: 1, ...none }, inOne())));
    // The numbers of four processes: the judge of p holds number 1.
    for (const seed of [2, 3]) {
      const cluster = await run(seed, { processes: 4, ...none, rebalances: 10 }, inOne());
      expect(rounded(said(cluster))).toEqual(expected);
    }
  });
});
