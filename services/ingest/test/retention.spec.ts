// What retention deletes of a project's dataset versions, when, and what it tells; and holds.

import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import type { DatasetVersion, ModelVersion } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { entryOf, label, Process, record, SPAN_MS, TEXT, type World, world } from './live-process.js';

const started: Process[] = [];
afterEach(() => {
  for (const process of started.splice(0)) process.end();
});

async function begin(target: World): Promise<Process> {
  const process = await Process.start(target);
  started.push(process);
  return process;
}

const KEEP = `${TEXT}retrain: { versions: 1 }\nretention: { datasets: { keep: 1 } }\n`;
const isThere = (target: World, version: DatasetVersion | undefined) =>
  access(join(target.home, 'artifacts', version?.parquetPath ?? '')).then(
    () => true,
    () => false,
  );

async function close(target: World, process: Process, id: string): Promise<DatasetVersion> {
  target.send(record(target, id, 0), 0);
  await process.catchUp();
  await process.closeAll();
  return target.announced.at(-1) as DatasetVersion;
}

it('deletes what its project does not keep, tells of it, and goes on counting', async () => {
  const target = await world();
  let process = await begin(target);
  const first = await close(target, process, 'a');
  const second = await close(target, process, 'b');
  target.clock.advance(60_000);
  await process.catchUp();
  expect([target.deleted, await isThere(target, first)]).toEqual([[], true]);
  target.entry = entryOf(KEEP, 2);
  process.apply();
  target.clock.advance(60_000);
  await process.catchUp();
  expect(target.deleted).toEqual([first.id]);
  expect([await isThere(target, first), await isThere(target, second)]).toEqual([false, true]);
  process.end();
  process = await begin(target);
  expect(await close(target, process, 'c')).toMatchObject({ ordinal: 3, parent: second.id });
});

it('deletes nothing of a hold, by whomever it is asked; a hold outlives its process and its project', async () => {
  const target = await world();
  target.entry = entryOf(KEEP);
  let process = await begin(target);
  const first = await close(target, process, 'a');
  await close(target, process, 'b');
  const asked = { dataset: first.id, model: 0, reason: 'case 7', by: 'ann' };
  const hold = await process.asked(() => process.live.addHold('p', asked));
  expect(hold).toMatchObject({ ...asked, removedAtMs: 0, atMs: target.clock.nowMs() });
  expect(await process.asked(() => process.live.collect('p'))).toBe(0);
  process.end();
  process = await begin(target);
  process.remove();
  process.live.closeDue();
  await process.live.settled();
  process.apply();
  expect(await process.asked(() => process.live.collect('p'))).toBe(0);
  expect(await isThere(target, first)).toBe(true);
  await expect(process.live.removeHold('p', 'another', 'r', 'b')).rejects.toMatchObject({ code: 'not_found' });
  await process.asked(() => process.live.removeHold('p', hold.id, 'closed', 'bob'));
  expect(process.live.holds('p')).toMatchObject([{ by: 'ann', removedBy: 'bob', removedReason: 'closed' }]);
  expect(await process.asked(() => process.live.collect('p'))).toBe(1);
  expect([target.deleted, await isThere(target, first)]).toEqual([[first.id], false]);
});

it('gives no place to an import whose version it deleted while the file was read again', async () => {
  const target = await world();
  target.entry = entryOf(KEEP);
  const process = await begin(target);
  await process.load('jan.csv', [{ id: 'a', atMs: 0 }]);
  await process.load('feb.csv', [{ id: 'b', atMs: 0 }]);
  const [first] = target.announced;
  // Written again: its file is the announced one.
  const ends = await process.load('jan.csv', [{ id: 'a', atMs: 0 }], async () => {
    expect(await process.asked(() => process.live.collect('p'))).toBe(1);
  });
  expect(ends).toMatchObject({ versionId: '', failure: expect.stringContaining('import it again') });
  await process.load('jan.csv', [{ id: 'a', atMs: 0 }]);
  expect(target.announced.at(-1)).toMatchObject({ id: first?.id, ordinal: 3 });
  expect(await isThere(target, target.announced.at(-1))).toBe(true);
});

it('makes no hold of what is not there; one of a model version keeps the model, whatever is left of its data', async () => {
  const target = await world();
  target.entry = entryOf(KEEP);
  const process = await begin(target);
  const first = await close(target, process, 'a');
  const add = (dataset: string, model = 0) =>
    process.asked(() => process.live.addHold('p', { dataset, model, reason: 'case 7', by: 'ann' }));
  const shown = first.id.slice(0, 12);
  await expect(add(shown)).rejects.toMatchObject({ code: 'not_found', message: expect.stringContaining(shown) });
  await expect(add('', 3)).rejects.toMatchObject({ code: 'not_found', message: expect.stringContaining('version 3') });
  const model = (datasetVersions: readonly string[]) => ({ project: 'p', version: 3, blessed: false, datasetVersions });
  process.used.model(model(['0'.repeat(64)]) as unknown as ModelVersion);
  await add('', 3);
  // One that was registered was trained elsewhere.
  process.used.model(model([]) as unknown as ModelVersion);
  await add('', 3);
  process.used.removeModel('p', 3);
  await expect(add('', 3)).rejects.toMatchObject({ code: 'not_found' });
  await add(first.id);
  await add('');
  expect(process.live.holds('p').map(({ dataset, model: of }) => [dataset, of])).toEqual([
    ['', 3],
    ['', 3],
    [first.id, 0],
    ['', 0],
  ]);
});

it('says of a hold that came behind the deletion of what it names that there is no such version', async () => {
  const target = await world();
  const process = await begin(target);
  const first = await close(target, process, 'a');
  await close(target, process, 'b');
  target.entry = entryOf(KEEP, 2);
  process.apply();
  // The deletion is under way, and waits for what was written to other topics.
  let goOn = (): void => undefined;
  const reached = new Promise<void>((resolve) => {
    target.upToNow = () => {
      resolve();
      return new Promise((on) => {
        goOn = on;
      });
    };
  });
  const deleting = process.asked(() => process.live.collect('p'));
  await reached;
  const asked = { dataset: first.id, model: 0, reason: 'case 7', by: 'ann' };
  const held = process.asked(() => process.live.addHold('p', asked));
  held.catch(() => undefined);
  goOn();
  expect(await deleting).toBe(1);
  await expect(held).rejects.toMatchObject({ code: 'not_found' });
  expect(process.live.holds('p')).toEqual([]);
});

it('deletes nothing that came to be needed since it last heard of models', async () => {
  const target = await world();
  target.entry = entryOf(KEEP);
  const process = await begin(target);
  const first = await close(target, process, 'a');
  await close(target, process, 'b');
  const blessed = { project: 'p', version: 1, blessed: true, datasetVersions: [first.id] };
  target.upToNow = (used) => used.model(blessed as unknown as ModelVersion);
  expect(await process.asked(() => process.live.collect('p'))).toBe(0);
  expect([target.deleted, await isThere(target, first)]).toEqual([[], true]);
});

it('deletes while a close fails again and again: where the disk is full, nothing else makes room', async () => {
  const target = await world();
  let isFull = false;
  const process = await Process.start(target, (point) => {
    if (isFull && point === 'before announce') throw new PlatformError('unavailable', 'no room');
  });
  started.push(process);
  const first = await close(target, process, 'a');
  await close(target, process, 'b');
  isFull = true;
  target.send(record(target, 'c', 3 * SPAN_MS), 0);
  target.send(record(target, 'd', 9 * SPAN_MS), 0);
  await process.catchUp();
  expect(process.failures).toHaveLength(1);
  target.entry = entryOf(KEEP, 2);
  process.apply();
  // Within the pause after the failure.
  process.live.closeDue();
  await process.live.settled();
  expect([target.deleted, await isThere(target, first)]).toEqual([[first.id], false]);
  expect(process.failures).toHaveLength(1);
});

it('refuses what was asked of a deleted project of this name', async () => {
  const target = await world();
  const process = await begin(target);
  target.send(record(target, 'a', 0), 0);
  await process.catchUp();
  const issuedAtMs = 0;
  const old = { offset: 0, id: 'old', project: 'p', issuedAtMs, action: { kind: 'closeDatasets' } } as const;
  await process.live.carryOut(old);
  expect(target.announced).toEqual([]);
  expect(await process.closeAll()).toBe(1);
});

it('goes on joining late labels to imports of which the oldest is deleted more often than that', async () => {
  const target = await world();
  target.entry = entryOf(KEEP.replace('delay: 30s', 'delay: 30s, refresh: 2m'));
  const process = await begin(target);
  // The owner looks for what to delete once a minute, by itself.
  for (let file = 0; file < 4; file++) {
    await process.load(`${file}.csv`, [{ id: `r${file}`, atMs: file * SPAN_MS }]);
    if (file === 3) target.send(label('r3', 3 * SPAN_MS, 1), 0);
    target.clock.advance(SPAN_MS / 2);
    await process.catchUp();
  }
  expect(target.deleted.length).toBeGreaterThanOrEqual(2);
  expect(target.announced.at(-1)).toMatchObject({ source: '3.csv', labelledRows: 1, rowsOf: 4 });
});

it('lets closes through while a large backlog is deleted', async () => {
  const target = await world();
  const VERSIONS = 50;
  const deletedAtClose: number[] = [];
  const process = await Process.start(target, (point) => {
    if (point === 'before announce') deletedAtClose.push(target.deleted.length);
  });
  started.push(process);
  for (let month = 0; month < VERSIONS; month++)
    await process.load(`${month}.csv`, [{ id: `r${month}`, atMs: month * SPAN_MS }]);
  target.entry = entryOf(KEEP, 2);
  process.apply();
  target.send(record(target, 'a', 0), 0);
  target.send(record(target, 'b', 9 * SPAN_MS), 0);
  for (const key of target.topics.keys()) await process.fetch(key);
  await process.live.flush();
  deletedAtClose.length = 0;
  expect(await process.asked(() => process.live.collect('p'))).toBe(VERSIONS - 1);
  await process.live.settled();
  expect(target.announced).toHaveLength(VERSIONS + 1);
  const [then] = deletedAtClose as [number];
  expect(then).toBeGreaterThan(0);
  expect(then).toBeLessThan(VERSIONS / 2);
});

it('removes files that are left of deleted versions an hour after they were seen, and no others', async () => {
  const HOUR_MS = 3_600_000;
  const target = await world();
  target.entry = entryOf(KEEP);
  const process = await begin(target);
  const first = await close(target, process, 'a');
  const second = await close(target, process, 'b');
  const write = async (path: string) => {
    const file = join(target.home, 'artifacts', path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, 'PAR1');
  };
  const later = async (ms: number) => {
    target.clock.advance(ms);
    await process.catchUp();
    expect(process.failures).toEqual([]);
  };
  await later(60_000);
  expect([target.deleted, await isThere(target, first)]).toEqual([[first.id], false]);
  await write(first.parquetPath);
  // Of another installation that has the same store, or from before Kafka lost its volume, for all that is known here.
  const strange = { ...first, parquetPath: 'datasets/p/another/a.parquet' };
  await write(strange.parquetPath);
  await later(HOUR_MS / 2);
  expect(await isThere(target, first)).toBe(true);
  await later(HOUR_MS);
  await later(HOUR_MS);
  expect([await isThere(target, first), await isThere(target, second)]).toEqual([false, true]);
  await later(2 * HOUR_MS);
  expect(await isThere(target, strange)).toBe(true);
});

it('takes a hold back at once whose model version was deleted while it was written', async () => {
  const target = await world();
  const process = await begin(target);
  const first = await close(target, process, 'a');
  const model = { project: 'p', version: 3, blessed: false, datasetVersions: [first.id] } as unknown as ModelVersion;
  process.used.model(model);
  let asked = 0;
  target.upToNow = (used) => {
    // The trainer was first.
    if (++asked === 2) used.removeModel('p', 3);
  };
  const held = process.asked(() => process.live.addHold('p', { dataset: '', model: 3, reason: 'case 7', by: 'ann' }));
  await expect(held).rejects.toMatchObject({ code: 'not_found', message: expect.stringContaining('version 3') });
  expect(asked).toBe(2);
  expect(process.live.holds('p')).toMatchObject([{ removedBy: 'millrace', removedAtMs: target.clock.nowMs() }]);
});
