// Symptom: of a window's 1,200 labels 725 or 475 were joined when it closed, and predictions were late, because the
// partition that was fetched first closed windows whose rows lay in partitions of which nothing had been read yet.

import { describe, expect, it } from '@jest/globals';
import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import { ManualClock, seededRng } from '@millrace/domain';
import { aLabel, aPrediction, eventually } from '@millrace/testing';
import { aProject } from '../../test/a-project.js';
import { anEngine, heldBy, noArchive } from '../../test/an-engine.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import { Intake, type PartitionEnd, type Positioned } from './intake.js';
import type { Stream } from './positions.js';

const WINDOW_MS = 10_000;
const DELAY_MS = 3_000;
const ROWS = 6_000;
const PARTITIONS = 4;
/** 40 s of event time: the first one read makes windows due. */
const BATCH = 1_000;

/** The messages of one partition, all of them written before anything is read. */
interface Log extends PartitionEnd {
  messages: Positioned<PredictionMessage & LabelMessage>[];
  read: number;
}

/** A row every 10 ms of event time; entities choose the partition. */
function written(): Log[] {
  const rng = seededRng(4);
  const logs: Log[] = (['predictions', 'labels'] as const).flatMap((stream: Stream) =>
    Array.from({ length: PARTITIONS }, (_, partition) => ({ stream, partition, end: 0, messages: [], read: 0 })),
  );
  const write = (stream: Stream, partition: number, message: PredictionMessage | LabelMessage) => {
    const log = logs.find((one) => one.stream === stream && one.partition === partition)!;
    log.messages.push({ message: message as never, offset: log.end++, timestampMs: 1 });
  };
  for (let i = 0; i < ROWS; i++) {
    const eventTimeMs = 100_000 + i * 10;
    const ids = { project: 'p', predictionId: `r${i}/0`, eventTimeMs };
    const partition = rng.below(PARTITIONS);
    write('predictions', partition, aPrediction({ ...ids, answeredAtMs: eventTimeMs }));
    write('labels', partition, aLabel({ ...ids, recordId: `r${i}`, knownAtMs: eventTimeMs + DELAY_MS }));
  }
  return logs;
}

function stand(ends: () => Promise<readonly PartitionEnd[]>) {
  const metadata = new MetadataCache();
  metadata.setProject(aProject(WINDOW_MS, DELAY_MS));
  const engine = anEngine(metadata);
  const ports = {
    reference: () => undefined,
    publish: async () => undefined,
    ends,
    recreated: () => undefined,
    touched: () => undefined,
    judged: () => undefined,
    archive: noArchive,
    seen: { prediction: () => undefined, label: () => undefined },
  };
  return { engine, intake: new Intake(engine, heldBy(engine), ports, new ManualClock(1_000_000)) };
}

describe('partitions of which nothing has been read yet', () => {
  it.each([1, 2, 3, 4, 5])('hold the windows whose rows and labels wait in them (order %i)', async (seed) => {
    const rng = seededRng(seed);
    const logs = written();
    const { engine, intake } = stand(async () => logs);
    for (;;) {
      const unread = logs.filter(({ messages, read }) => read < messages.length);
      const log = unread[rng.below(unread.length)];
      if (log === undefined) break;
      const batch = log.messages.slice(log.read, log.read + BATCH);
      log.read += BATCH;
      await intake[log.stream](log.partition, log.end, batch);
    }
    await intake.settle();
    const { counters } = engine.monitor('p', 1_000_000)!;
    expect(counters).toMatchObject({ predictions: ROWS, latePredictions: 0, lateLabels: 0, unmatchedLabels: 0 });
    const windows = [...engine.windowsBefore('p')].map(({ metrics: [all] }) => [all!.predictions, all!.labels]);
    expect(windows).toEqual(Array(5).fill([WINDOW_MS / 10, WINDOW_MS / 10]));
  });

  it('hold them also where what was read while the ends were asked for runs ahead of these', async () => {
    const logs = written();
    const early = (log: Log) =>
      log.stream === 'predictions' || log.partition === 0
        ? log.messages.filter(({ message }) => message!.eventTimeMs < 115_000).length
        : 0;
    let answer: (ends: readonly PartitionEnd[]) => void = () => undefined;
    let asked = new Promise<readonly PartitionEnd[]>((resolve) => {
      answer = resolve;
    });
    const { engine, intake } = stand(() => asked);
    const read = (log: Log, from: number, to?: number) => {
      const batch = log.messages.slice(from, to);
      return intake[log.stream](log.partition, from + batch.length, batch);
    };
    // Labels of the other partitions are not written when the ends are asked for: the first window may close.
    const reads = logs.filter((log) => early(log) > 0).map((log) => read(log, 0, early(log)));
    await Promise.resolve();
    asked = new Promise(() => undefined);
    // Then everything is written, and read of the same partitions before the answer comes.
    for (const log of logs.filter((one) => early(one) > 0)) void read(log, early(log));
    answer(logs.map((log) => ({ ...log, end: early(log) })));
    await Promise.all(reads);
    await eventually('a window is closed', async () => [...engine.windowsBefore('p')].length > 0);
    expect([...engine.windowsBefore('p')].map(({ startMs }) => startMs)).toEqual([100_000]);
    expect(engine.monitor('p', 1)!.counters.latePredictions).toBe(0);
  });
});
