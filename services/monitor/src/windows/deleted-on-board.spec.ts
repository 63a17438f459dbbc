// A deleted project of monitors that share its partitions: what they told of it is taken away, so that a later process
// does not meet it, and a project of the same name begins at nothing in all of them.

import { describe, expect, it } from '@jest/globals';
import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import { aPrediction } from '@millrace/testing';
import { Cluster, type Log } from '../../test/a-cluster.js';
import { aProject } from '../../test/a-project.js';
import { MetadataCache } from '../metadata/metadata-cache.js';
import { STREAMS } from './positions.js';

const WINDOW_MS = 10_000;
const PARTITIONS = 4;
const FROM_MS = 100_000;

/** A row a second in each partition, for `seconds`. */
function written(seconds: number): Log[] {
  return STREAMS.flatMap((stream) =>
    Array.from({ length: PARTITIONS }, (_, partition): Log => {
      const messages = Array.from({ length: stream === 'predictions' ? seconds : 0 }, (__, i) => {
        const eventTimeMs = FROM_MS + i * 1_000;
        const ids = { project: 'p', predictionId: `r${partition}-${i}/0`, eventTimeMs, answeredAtMs: eventTimeMs };
        const message = aPrediction(ids) as PredictionMessage & LabelMessage;
        return { message, offset: i, timestampMs: 2_000 };
      });
      return { stream, partition, messages, end: messages.length };
    }),
  );
}

describe('a project that is deleted and applied again at once', () => {
  it('keeps what its judge says: the entry before it is not taken away after it', async () => {
    const project = aProject(WINDOW_MS);
    const known = new MetadataCache();
    known.setProject(project, 1_000);
    const cluster = new Cluster(() => known, written(140), PARTITIONS);
    const monitor = cluster.start();
    await cluster.rebalance(() => monitor);
    const turn = async () => {
      for (const number of monitor.reports.held()) await monitor.read('predictions', number, 20);
      cluster.clock.advance(1_100);
      await monitor.settle();
      monitor.readBoard(cluster.entries.length);
    };
    for (let i = 0; i < 2; i++) await turn();
    expect(monitor.engine.board.judge('p')).toBeDefined();
    known.removeProject('p');
    monitor.engine.projectRemoved('p');
    monitor.reports.projectRemoved('p');
    // Before anything is told of the deletion.
    known.setProject(project, 1_500);
    monitor.engine.projectChanged(project, cluster.clock.nowMs());
    for (let i = 0; i < 4; i++) await turn();
    expect([...monitor.engine.windowsBefore('p')].length).toBeGreaterThan(0);
    expect(monitor.engine.board.judge('p')?.createdAtMs).toBe(1_500);
  });
});

describe('a deleted project of two monitors', () => {
  it('is gone from the board, and one of its name begins at nothing', async () => {
    const project = aProject(WINDOW_MS);
    const known = new MetadataCache();
    known.setProject(project, 1_000);
    const cluster = new Cluster(() => known, written(40), PARTITIONS);
    const [a, b] = [cluster.start(), cluster.start()];
    await cluster.rebalance((number) => (number < 2 ? a : b));
    const turn = async () => {
      for (const process of cluster.processes) {
        for (const number of process.reports.held()) await process.read('predictions', number, 100);
        cluster.clock.advance(1_100);
        await process.settle();
        process.readBoard(cluster.entries.length);
      }
    };
    for (let i = 0; i < 5; i++) await turn();
    expect([a, b].map(({ engine }) => [...engine.windowsBefore('p')].length)).toEqual([3, 3]);
    known.removeProject('p');
    for (const process of cluster.processes) {
      process.engine.projectRemoved('p');
      process.reports.projectRemoved('p');
    }
    for (let i = 0; i < 2; i++) await turn();
    for (const process of cluster.processes) expect(process.engine.board.keysOf('p')).toEqual([]);
    known.setProject(project, 3_000);
    const later = cluster.start();
    await cluster.rebalance((number) => (number === 0 ? later : b));
    for (let i = 0; i < 3; i++) await turn();
    for (const { engine } of [b, later]) {
      const monitor = engine.monitor('p', cluster.clock.nowMs());
      // What was written before it was created is none of its.
      expect([[...engine.windowsBefore('p')], monitor?.counters.predictions, monitor?.alarms.list()]).toEqual([
        [],
        0,
        [],
      ]);
    }
  });
});
