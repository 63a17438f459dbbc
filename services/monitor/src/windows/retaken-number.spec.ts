// Symptom: a number was re-taken from a checkpoint that was older than windows that were over by then. Their rows were
// read again as late ones, labels of them joined nothing or counted twice, and losses of rollouts were short.

import { beforeAll, describe, expect, it } from '@jest/globals';
import { ALL } from '@millrace/domain';
import { Cluster, type Log, type MonitorOfCluster } from '../../test/a-cluster.js';
import { ROWS_IN_WINDOW, shiftedMetadata, shiftedRows } from '../../test/a-shifted-stream.js';
import type { MetadataCache } from '../metadata/metadata-cache.js';
import { STREAMS, type Stream } from './positions.js';

const PARTITIONS = 2;
const ROWS = 12 * ROWS_IN_WINDOW;
const WINDOWS_CLOSED = ROWS / ROWS_IN_WINDOW - 1;
/** In the midst of a window; every window that is older than two others is over at the end. */
const SAVED_ROWS = 3_400;
const LOST_ROWS = 9_700;
const READ_AT_ONCE = 300;
/** Rounds in which nothing comes: all that is due is judged and told. */
const QUIET_ROUNDS = 8;

const labelled = shiftedMetadata;

function withoutLabel(): MetadataCache {
  const metadata = shiftedMetadata();
  const project = metadata.project('p')!;
  metadata.setProject({ ...project, data: { ...project.data, label: undefined } });
  return metadata;
}

class World {
  readonly cluster: Cluster;
  private readonly rows = shiftedRows({ rows: ROWS, shiftFrom: ROWS / 2, partitions: PARTITIONS });
  private written = 0;

  constructor(private readonly metadata: () => MetadataCache) {
    const logs = STREAMS.flatMap((stream) =>
      Array.from({ length: PARTITIONS }, (_, partition): Log => ({ stream, partition, messages: [], end: 0 })),
    );
    this.cluster = new Cluster(metadata, logs, PARTITIONS);
  }

  write(rows: number): void {
    const hasLabels = this.metadata().project('p')?.data.label !== undefined;
    for (const { prediction, label, partition } of this.rows.slice(this.written, rows)) {
      const drawn = { ...prediction, draw: { fromRevision: 3, weight: 20 } };
      const messages = hasLabels ? { predictions: drawn, labels: label } : { predictions: drawn };
      for (const [stream, message] of Object.entries(messages)) {
        const log = this.cluster.log(stream as Stream, partition);
        log.messages.push({ message: message as never, offset: log.end++, timestampMs: 1 });
      }
    }
    this.written = rows;
  }

  /** Everything that is written is read, judged and told. */
  async readAll(streams: readonly Stream[] = STREAMS): Promise<void> {
    for (let quiet = 0; quiet < QUIET_ROUNDS; ) {
      let before = 0;
      for (const process of this.cluster.processes) {
        for (const number of process.reports.held())
          for (const stream of streams) {
            before += this.cluster.log(stream, number).end - process.engine.positions.next(stream, number);
            await process.read(stream, number, READ_AT_ONCE);
          }
        await process.settle();
      }
      for (const process of this.cluster.processes) process.readBoard(this.cluster.entries.length);
      this.cluster.clock.advance(250);
      quiet = before === 0 ? quiet + 1 : 0;
    }
  }

  async checkpoint(): Promise<void> {
    for (const process of this.cluster.processes)
      for (const number of process.reports.held()) await process.checkpoint(number);
    for (const process of this.cluster.processes) process.readBoard(this.cluster.entries.length);
  }

  outcome() {
    const { cluster } = this;
    const [process] = cluster.processes;
    process!.readBoard(cluster.entries.length);
    const monitor = process!.engine.monitor('p', cluster.clock.nowMs())!;
    const { rows, positiveShare } = monitor.quality.figures(ALL, 0, Number.POSITIVE_INFINITY);
    const losses = [...cluster.processes].flatMap(({ engine }) =>
      [...engine.monitor('p', 0)!.ownParts()].map(
        ({ partition, rolloutLosses }) => [partition, rolloutLosses.labelled] as const,
      ),
    );
    const judgements = cluster.judgements.map(
      ({ window: { startMs, revision, metrics } }) =>
        `${startMs}/${revision}: ${metrics.map(({ predictions, labels }) => `${predictions}/${labels}`).join()}`,
    );
    return {
      counters: monitor.counters,
      quality: { rows, positiveShare },
      losses: losses.sort(),
      judgements: judgements.sort(),
    };
  }
}

async function undisturbed(metadata: () => MetadataCache) {
  const world = new World(metadata);
  const process = world.cluster.start();
  await world.cluster.rebalance(() => process);
  for (const rows of [SAVED_ROWS, LOST_ROWS, ROWS]) {
    world.write(rows);
    await world.readAll();
  }
  return world.outcome();
}

/** Two processes; that which holds `lost` dies when windows are over that its checkpoint does not know as such. */
async function retaken(metadata: () => MetadataCache, lost: number, again: (world: World) => Promise<void>) {
  const world = new World(metadata);
  const { cluster } = world;
  const [dying, left] = [cluster.start(), cluster.start()];
  await cluster.rebalance((number) => (number === lost ? dying : left));
  world.write(SAVED_ROWS);
  await world.readAll();
  await world.checkpoint();
  world.write(LOST_ROWS);
  await world.readAll();
  cluster.kill(dying);
  await cluster.rebalance(() => left);
  await again(world);
  world.write(ROWS);
  await world.readAll();
  return world;
}

const diesAgain = async (world: World, read: (process: MonitorOfCluster) => Promise<void>) => {
  const [process] = world.cluster.processes;
  await read(process!);
  await world.checkpoint();
  world.cluster.kill(process!);
  const next = world.cluster.start();
  await world.cluster.rebalance(() => next);
  await world.readAll();
};

describe.each([
  ['with labels', labelled],
  ['without labels', withoutLabel],
])('a project %s, a number of which is taken again from before windows that are over', (_, metadata) => {
  let alone: Awaited<ReturnType<typeof undisturbed>>;
  beforeAll(async () => {
    alone = await undisturbed(metadata);
    expect(alone.counters).toMatchObject({ predictions: ROWS, latePredictions: 0, windowsClosed: WINDOWS_CLOSED });
    const labels = metadata === labelled ? ROWS : 0;
    expect(alone.counters).toMatchObject({ labelsJoined: labels, unmatchedLabels: 0 });
    expect(alone.losses.reduce((sum, [, count]) => sum + count, 0)).toBe(labels);
  });

  describe.each([
    ['the judge stays', 0],
    ['the judge goes with it', 1],
  ])('and %s', (_who, lost) => {
    it.each([
      ['predictions and labels by turns', (world: World) => world.readAll()],
      ['labels first', (world: World) => world.readAll(['labels'])],
      ['predictions first', (world: World) => world.readAll(['predictions'])],
      [
        'a part of it, which is saved before it is lost again',
        (world: World) => diesAgain(world, (process) => process.read('predictions', lost, 2 * READ_AT_ONCE)),
      ],
    ])('counts the same: %s', async (_how, again) => {
      expect((await retaken(metadata, lost, again)).outcome()).toEqual(alone);
    });
  });
});
