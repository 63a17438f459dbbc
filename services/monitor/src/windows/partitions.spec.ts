// What the partitions' parts say together does not depend on how they are read: in whatever order, and whether the rows
// came in one partition or in four.

import { describe, expect, it } from '@jest/globals';
import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import { ManualClock, seededRng } from '@millrace/domain';
import { ROWS_IN_WINDOW, shiftedMetadata, shiftedRows } from '../../test/a-shifted-stream.js';
import { anEngine, heldBy, noArchive } from '../../test/an-engine.js';
import type { Engine } from './engine.js';
import { Intake, type PartitionEnd, type Positioned } from './intake.js';
import type { Stream } from './positions.js';

const ROWS = 8_000;
const SHIFT_FROM = 5_000;
const NOW_MS = 10_000_000;

interface Log extends PartitionEnd {
  messages: Positioned<PredictionMessage & LabelMessage>[];
  read: number;
}

/** A row every 10 ms, up to 400 ms out of order, x shifted from SHIFT_FROM on; a label lies where its row does. */
function written(partitions: number, labelPartitionOf = (partition: number, _row: number) => partition): Log[] {
  const logs: Log[] = (['predictions', 'labels'] as const).flatMap((stream: Stream) =>
    Array.from({ length: partitions }, (_, partition) => ({ stream, partition, end: 0, messages: [], read: 0 })),
  );
  const write = (stream: Stream, partition: number, message: PredictionMessage | LabelMessage) => {
    const log = logs.find((one) => one.stream === stream && one.partition === partition)!;
    log.messages.push({ message: message as never, offset: log.end++, timestampMs: 1 });
  };
  const rows = shiftedRows({ rows: ROWS, shiftFrom: SHIFT_FROM, partitions });
  for (const { i, prediction, label, partition } of rows) {
    write('predictions', partition, prediction);
    write('labels', labelPartitionOf(partition, i), label);
  }
  return logs;
}

/** Reads the logs in batches of a seed's choice, as consumers do. */
async function read(logs: readonly Log[], seed: number): Promise<Engine> {
  const rng = seededRng(seed);
  const engine = anEngine(shiftedMetadata());
  const ports = {
    reference: () => undefined,
    publish: async () => undefined,
    ends: async () => logs,
    recreated: () => undefined,
    touched: () => undefined,
    judged: () => undefined,
    archive: noArchive,
    seen: { prediction: () => undefined, label: () => undefined },
  };
  const intake = new Intake(engine, heldBy(engine), ports, new ManualClock(NOW_MS));
  for (const log of logs) log.read = 0;
  for (;;) {
    const unread = logs.filter((one) => one.read < one.messages.length);
    const log = unread[rng.below(unread.length)];
    if (log === undefined) {
      await intake.settle();
      return engine;
    }
    const size = 1 + rng.below(800);
    const batch = log.messages.slice(log.read, log.read + size);
    log.read += batch.length;
    await intake[log.stream](log.partition, log.end, batch);
  }
}

/**
 * Counts exactly. Sums of logarithms are taken in the order in which labels find their rows, means and variances
 * partition by partition: they differ in the last bits.
 */
function said(engine: Engine) {
  const { counters, alarms } = engine.monitor('p', NOW_MS)!;
  const all = { windows: [...engine.windowsBefore('p')], alarms: alarms.list(), counters };
  const rounded = (_key: string, x: unknown) =>
    typeof x === 'number' && !Number.isInteger(x) ? Number(x.toPrecision(9)) : x;
  return JSON.parse(JSON.stringify(all, rounded)) as typeof all;
}

describe('windows whose rows came in four partitions', () => {
  const logs = written(4);

  it('are the same, in whatever order the partitions and streams are read', async () => {
    const first = said(await read(logs, 1));
    expect(first.windows).toHaveLength(7);
    expect(first.counters).toMatchObject({ predictions: ROWS, latePredictions: 0, lateLabels: 0, unmatchedLabels: 0 });
    const events = first.windows.flatMap(({ drift }) => drift.map(({ data }) => [data.feature, data.cohort.version]));
    expect(events.sort()).toEqual([
      ['x', 1],
      ['x', 2],
    ]);
    for (const seed of [2, 3, 4, 5, 6]) expect(said(await read(logs, seed))).toEqual(first);
  });

  it('are those of the same rows in one partition', async () => {
    expect(said(await read(logs, 1))).toEqual(said(await read(written(1), 1)));
  });
});

describe('a label in another partition than its prediction, as where it does not name the entity', () => {
  it.each([1, 2, 3])('is joined, whichever of the two is read first (order %i)', async (seed) => {
    const elsewhere = written(4, (partition, row) => (row % 3 === 0 ? (partition + 1) % 4 : partition));
    const { windows, counters } = said(await read(elsewhere, seed));
    // Those of the last window, which is open, may wait for theirs.
    const judged = windows.filter(({ revision }) => revision > 0);
    expect(judged.map(({ metrics: [all] }) => [all!.predictions, all!.labels])).toEqual(
      Array(judged.length).fill([ROWS_IN_WINDOW, ROWS_IN_WINDOW]),
    );
    expect(judged.length).toBeGreaterThan(5);
    expect(counters).toMatchObject({ predictions: ROWS, latePredictions: 0, unmatchedLabels: 0 });
    const same = said(await read(written(4), 1)).windows.filter(({ revision }) => revision > 0);
    expect(judged).toEqual(same);
  });
});
