import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ArtifactStore } from '@millrace/artifacts';
import { PlatformError } from '@millrace/domain';
import { aLabel, aPrediction } from '@millrace/testing';
import { ArchiveStand, LIFE } from '../../test/an-archive.js';
import type { ArchiveOf } from './archive-file.js';
import { DuckDbArchiveFiles } from './archive-files.duckdb.js';
import { ArchiveSearch } from './archive-search.js';

let stand: ArchiveStand;
beforeEach(async () => {
  stand = await ArchiveStand.open();
});
afterEach(() => stand.close());

/** A store that takes nothing while `full`. */
function fillable(store: ArtifactStore): { store: ArtifactStore; disk: { full: boolean } } {
  const disk = { full: false };
  const putFile = (path: string, file: string) =>
    disk.full ? Promise.reject(new PlatformError('unavailable', 'disk full')) : store.putFile(path, file);
  return { store: Object.assign(Object.create(store), { putFile }) as ArtifactStore, disk };
}

describe('the archive', () => {
  it('is Parquet that DuckDB reads as a folder', async () => {
    const { archive, read } = stand.start();
    read(0, 5_000);
    await archive.flush();
    expect(await stand.sql('count(*), count(DISTINCT prediction_id), sum(topic_offset)')).toEqual([
      5_000,
      5_000,
      (4_999 * 5_000) / 2,
    ]);
    expect(await stand.sql("sum(CAST(features->>'$[0]' AS BIGINT)), min(outputs->>'$[0].name')")).toEqual([
      (4_999 * 5_000) / 2,
      'probability',
    ]);
    expect(await stand.sql('count(*), sum(value), count(DISTINCT day)', 'labels')).toEqual([5_000, 2_500, 1]);
  });

  it('gives a prediction with its label, before it is written and after', async () => {
    const { archive, read, search } = stand.start();
    read(0, 100);
    const before = await search.find(LIFE, 'r42/0', undefined);
    await archive.flush();
    const after = await search.find(LIFE, 'r42/0', undefined);
    expect({ ...before, looked: undefined }).toEqual({ ...after, looked: undefined });
    expect(after.predictions).toMatchObject([{ predictionId: 'r42/0', features: [42, 'a'], partition: 2, offset: 42 }]);
    expect(after.predictions[0]?.outputs).toEqual(aPrediction().outputs);
    expect(after.labels).toMatchObject([{ value: 0, recordId: 'r42' }]);
    expect(after.looked).toMatchObject({ files: 1, predictions: 100 });
  });

  it('passes over files that are not near the event time, and says what it looked through', async () => {
    const { archive, read, search } = stand.start();
    read(0, 10);
    await archive.flush();
    const DAY_MS = 86_400_000;
    const far = await search.find(LIFE, 'r1/0', stand.clock.nowMs() - 3 * DAY_MS);
    expect(far).toMatchObject({ predictions: [], looked: { files: 0, predictions: 0, fromMs: stand.clock.nowMs() } });
    expect((await search.find(LIFE, 'r1/0', stand.clock.nowMs())).predictions).toHaveLength(1);
  });

  it('finds a prediction whose file was merged into another one while it looked, and never says that there is none', async () => {
    const { archive, read, files } = stand.start();
    read(0, 10);
    await archive.flush();
    read(10, 20);
    await archive.flush();
    const listed: number[] = [];
    const merge = async () => {
      const two = (await files.list(LIFE)).filter(({ kind }) => kind === 'predictions');
      if (two.length < 2) return;
      await files.merge(two.sort((a, b) => a.first - b.first));
      for (const file of two) await files.remove(file);
    };
    const list = async () => {
      const all = await files.list(LIFE);
      listed.push(all.length);
      await merge();
      return all;
    };
    const searched = { list, predictions: files.predictions.bind(files), labels: files.labels.bind(files) };
    const none = { predictions: () => [], labels: () => [] };
    const found = await new ArchiveSearch(searched, none).find(LIFE, 'r15/0', undefined);
    expect(found.predictions).toMatchObject([{ offset: 15 }]);
    expect(listed).toEqual([4, 3]);
    const before = await files.list(LIFE);
    for (const file of before) await files.remove(file);
    const stale = new ArchiveSearch({ ...searched, list: async () => before }, none);
    await expect(stale.find(LIFE, 'r15/0', undefined)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('finds a prediction that was written while it looked', async () => {
    const { archive, read, files } = stand.start();
    read(0, 10);
    const list = async () => {
      const all = await files.list(LIFE);
      await archive.flush();
      return all;
    };
    const searched = { list, predictions: files.predictions.bind(files), labels: files.labels.bind(files) };
    const waiting = {
      predictions: (of: ArchiveOf, id: string) => archive.waitingPredictions(of, id),
      labels: (of: ArchiveOf, id: string) => archive.waitingLabels(of, id),
    };
    const found = await new ArchiveSearch(searched, waiting).find(LIFE, 'r5/0', undefined);
    expect(found).toMatchObject({ predictions: [{ offset: 5 }], labels: [{ offset: 5 }] });
  });

  it('keeps each message once, however often a process dies between writing and telling', async () => {
    const first = stand.start();
    first.read(0, 100);
    await first.archive.flush();
    const told = first.archive.state(2);
    first.read(100, 150);
    await first.archive.flush();
    // It dies before the checkpoint; its successor reads on from what was told, further than the first one had.
    const second = stand.start(told);
    expect(second.archive.next('predictions', 2)).toBe(100);
    second.read(100, 180);
    await second.archive.flush();
    expect(second.archive.state(2)).toEqual({ predictions: { next: 180, log: 0 }, labels: { next: 180, log: 0 } });
    expect(await stand.sql('count(*), count(DISTINCT topic_offset)')).toEqual([180, 180]);
    expect(await stand.sql('count(*), count(DISTINCT topic_offset)', 'labels')).toEqual([180, 180]);
  });

  it('begins anew with a topic that was created again, also where the checkpoint is lost', async () => {
    const first = stand.start();
    first.read(0, 100);
    await first.archive.flush();
    first.archive.begunAnew('predictions', 2, 0);
    first.read(0, 10);
    await first.archive.flush();
    expect(await stand.sql('count(*)')).toEqual([110]);
    const second = stand.start(undefined, { end: 5 });
    second.read(0, 5);
    await second.archive.flush();
    expect(await stand.sql('count(*)')).toEqual([115]);
  });

  it('has the reader wait where the store takes nothing, loses nothing, and goes on by itself', async () => {
    const { store, disk } = fillable(stand.store);
    const { archive, read } = stand.start(undefined, { bytesMax: 100_000, store });
    disk.full = true;
    read(0, 500);
    await expect(archive.room()).rejects.toMatchObject({ code: 'overloaded' });
    expect(archive.failure).toBe('disk full');
    expect(archive.state(2)?.predictions.next).toBe(0);
    disk.full = false;
    stand.clock.advance(1_000);
    await archive.room();
    expect(archive.failure).toBeUndefined();
    expect(stand.failures).toHaveLength(1);
    expect(await stand.sql('count(*)')).toEqual([500]);
    expect(archive.state(2)?.predictions.next).toBe(500);
  });

  it('writes after a while what is too little for a file', async () => {
    const { archive, read } = stand.start();
    read(0, 3);
    await archive.settle();
    expect(archive.bytes).toBeGreaterThan(0);
    stand.clock.advance(30_000);
    await archive.settle();
    expect(archive.bytes).toBe(0);
    expect(await stand.sql('count(*)')).toEqual([3]);
  });

  it('keeps nothing of a project that keeps nothing, or of one before it of this name', async () => {
    const { archive } = stand.start();
    archive.prediction(2, 0, aPrediction({ project: 'other' }), 10);
    archive.prediction(2, 1, aPrediction({ project: 'p' }), LIFE.createdAtMs - 1);
    archive.prediction(2, 2, undefined, 10);
    expect(archive.bytes).toBe(0);
    expect(archive.state(2)?.predictions.next).toBe(3);
  });

  it('keeps whatever texts and numbers a message has', async () => {
    const { archive, search } = stand.start();
    const predictionId = "a\u0000'); DROP TABLE x; --";
    const message = aPrediction({ project: 'p', predictionId, entity: "\u0000'", modelVersion: 3_000_000_000 });
    archive.prediction(2, 0, message, 10);
    archive.label(2, 0, aLabel({ project: 'p', predictionId, value: Number.POSITIVE_INFINITY }), 10);
    await archive.flush();
    expect(stand.failures).toEqual([]);
    const found = await search.find(LIFE, predictionId, undefined);
    expect(found.predictions).toMatchObject([{ predictionId, entity: "\u0000'", modelVersion: 3_000_000_000 }]);
    expect(found.labels).toMatchObject([{ predictionId, value: Number.POSITIVE_INFINITY }]);
    expect(archive.bytes).toBe(0);
  });

  it('sets a message aside that cannot be written, says so, and goes on', async () => {
    const { archive, read } = stand.start();
    read(0, 50);
    // No time that a column takes.
    archive.prediction(2, 50, aPrediction({ project: 'p', predictionId: 'bad/0', eventTimeMs: 9e18 }), 10);
    read(51, 100);
    for (let i = 0; i < 5; i++) {
      await archive.flush();
      expect(stand.lost).toEqual([]);
      stand.clock.advance(1_000);
    }
    await archive.flush();
    expect(stand.lost).toEqual(['1 predictions']);
    expect(archive.state(2)).toMatchObject({ predictions: { next: 100 } });
    expect(await stand.sql('count(*), count(DISTINCT topic_offset)')).toEqual([99, 99]);
    expect(archive.failure).toBeUndefined();
  });

  it('counts what waits of a topic that is created again', () => {
    const { archive, read } = stand.start();
    read(0, 10);
    archive.begunAnew('predictions', 2, 0);
    expect(stand.lost).toEqual(['10 predictions']);
    expect(stand.start().archive.begunAnew('labels', 2, 0)).toBeUndefined();
    expect(stand.lost).toHaveLength(1);
  });

  it('takes the room that texts take', () => {
    const { archive } = stand.start();
    archive.prediction(2, 0, aPrediction({ project: 'p', features: ['x'.repeat(100_000)] }), 10);
    archive.label(2, 0, aLabel({ project: 'p', recordId: 'x'.repeat(100_000) }), 10);
    expect(archive.bytes).toBeGreaterThan(400_000);
  });

  it('opens its database again where that failed', async () => {
    const { archive, read, files: written } = stand.start();
    read(0, 10);
    await archive.flush();
    const place = join(stand.home, 'place');
    await writeFile(place, 'no folder');
    const files = new DuckDbArchiveFiles(stand.store, {
      scratch: join(place, 'scratch'),
      memoryMax: '128MB',
      installation: () => 'here',
    });
    const all = (await written.list(LIFE)).filter(({ kind }) => kind === 'predictions');
    await expect(files.predictions(all, ['r1/0'])).rejects.toMatchObject({ code: 'unavailable' });
    await rm(place);
    expect(await files.predictions(all, ['r1/0'])).toHaveLength(1);
    await files.close();
  });

  it('says how many messages a topic lost before they were archived', () => {
    const { archive } = stand.start();
    expect(archive.startsAt('predictions', 2, 40)).toBe(40);
    expect(archive.startsAt('predictions', 2, 40)).toBe(0);
    expect(archive.state(2)?.predictions.next).toBe(40);
  });
});
