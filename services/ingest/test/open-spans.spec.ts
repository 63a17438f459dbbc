// What open spans need of the topic, of memory and of disk, and what becomes of rows and labels that are late, repeated
// or of two schemas.

import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { DatasetVersion, RecordMessage } from '@millrace/contracts';
import { newestVersions } from '@millrace/domain';
import {
  DELAY_MS,
  entryOf,
  Killed,
  label,
  PARTITIONS,
  Process,
  record,
  SPAN_MS,
  START_MS,
  STEP_MS,
  TEXT,
  type World,
  world,
} from './live-process.js';

/** A column more, and others of other types. */
const CHANGED = TEXT.replace('{ name: size, type: number }', '{ name: size, type: integer }')
  .replace('{ name: note, type: text }', '{ name: note, type: number }')
  .replace('{ name: fine, type: boolean }', '{ name: fine, type: text }\n    - { name: extra, type: text }');

describe('open spans', () => {
  const started: Process[] = [];
  async function begin(target: World, bounds = {}): Promise<Process> {
    const process = await Process.start(target, () => undefined, bounds);
    started.push(process);
    return process;
  }
  afterEach(() => {
    for (const process of started.splice(0)) process.end();
  });

  const rowsOf = async (target: World, version: DatasetVersion | undefined) => {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const file = join(target.home, 'artifacts', version?.parquetPath ?? '');
    const reader = await connection.runAndReadAll(`SELECT * FROM read_parquet('${file}')`);
    connection.closeSync();
    return reader.getRowObjects();
  };

  it('do not need the topic up to the committed offset: its retention may be shorter than the label delay', async () => {
    const target = await world();
    let process = await begin(target);
    for (let row = 0; row < 30; row++) {
      target.send(record(target, `r${row}`, row * STEP_MS), row % PARTITIONS);
      target.send(label(`r${row}`, row * STEP_MS, 1), row % PARTITIONS);
    }
    await process.catchUp();
    for (const [key, messages] of target.topics) {
      const [topic, partition] = key.split('/') as [string, string];
      expect(process.live.durable(topic, Number(partition))).toBe(messages.length);
      target.low.set(key, messages.length);
    }
    process.end();
    process = await begin(target);
    expect(process.lost).toEqual([]);
    expect(process.live.state('p')).toMatchObject({ openRows: 30, openLabels: 30 });
    expect(await process.closeAll()).toBe(1);
    expect(target.announced).toMatchObject([{ rows: 30, labelledRows: 30 }]);
  });

  it('of a topic that lost what was not read, or that is another one, go on there and say so', async () => {
    const target = await world();
    let process = await begin(target);
    for (let row = 0; row < 6; row++) target.send(record(target, `r${row}`, row), 0);
    await process.fetch('records.v1/0', 2);
    await process.live.flush();
    process.end();
    target.low.set('records.v1/0', 5);
    process = await begin(target);
    expect(process.lost).toEqual(['records.v1/0: 3']);
    await process.catchUp();
    process.end();
    target.topics.set('records.v1/0', [record(target, 'new', 9)]);
    target.low.set('records.v1/0', 0);
    process = await begin(target);
    expect(process.lost).toEqual(['records.v1/0: 0']);
    await process.catchUp();
    await process.closeAll();
    expect(target.announced).toMatchObject([{ rows: 4 }]);
    expect(process.live.counted('p')).toMatchObject({ records: 4 });
  });

  it('begin where a release without progress.v1 had committed', async () => {
    const target = await world();
    for (const id of ['a', 'b', 'c']) target.send(record(target, id, 0), 0);
    target.committed.set('records.v1/0', 2);
    let process = await begin(target);
    await process.catchUp();
    process.end();
    process = await begin(target);
    await process.catchUp();
    await process.closeAll();
    expect(target.announced).toMatchObject([{ rows: 1 }]);
  });

  it('commit nothing that only memory has', async () => {
    const target = await world();
    const process = await begin(target);
    target.send(record(target, 'a', 0), 0);
    target.send(record(target, 'b', 0), 1);
    for (const partition of [0, 1]) await process.fetch(`records.v1/${partition}`);
    const durable = () => [0, 1].map((partition) => process.live.durable('records.v1', partition) ?? 0);
    expect(durable()).toEqual([0, 0]);
    await process.live.flush();
    target.send(record(target, 'c', 0), 1);
    await process.fetch('records.v1/1');
    expect(durable()).toEqual([1, 1]);
    // What was not told is read again, what was is not counted twice.
    expect(process.live.counted('p')).toMatchObject({ records: 3 });
    process.end();
    const next = await begin(target);
    expect(next.live.counted('p')).toMatchObject({ records: 2 });
    await next.catchUp();
    expect(next.live.counted('p')).toMatchObject({ records: 3 });
  });

  it('commit no message before it is a dead letter', async () => {
    const target = await world();
    const process = await begin(target);
    target.send(record(target, 'a', 0), 0);
    target.send(
      { ...record(target, 'b', 0), message: { ...record(target, 'b', 0).message, project: 'none' } } as never,
      0,
    );
    await process.catchUp();
    // The handler's answer may pass it, when the dead letters are written.
    expect(process.live.durable('records.v1', 0)).toBe(0);
    expect(process.live.position('records.v1', 0)).toBe(0);
    target.send(record(target, 'c', 0), 0);
    await process.catchUp();
    expect(process.live.durable('records.v1', 0)).toBe(3);
    expect(process.live.counted('p')).toMatchObject({ records: 2 });
  });

  it('close by the watermark that they had before a restart, and not before all is read again', async () => {
    const target = await world();
    target.send(record(target, 'a', 0), 0);
    target.send(record(target, 'b', 1), 1);
    target.send(record(target, 'later', 3 * SPAN_MS), 0);
    let process = await begin(target);
    await process.catchUp();
    expect(target.announced).toEqual([]);
    process.end();
    // The other partition holds the watermark back, though nothing of it is read again.
    process = await begin(target);
    process.live.closeDue();
    await process.live.settled();
    expect(target.announced).toEqual([]);
    process.end();
    target.send(record(target, 'last', 3 * SPAN_MS), 1);
    target.send(record(target, 'very late', 5), 1);
    process = await begin(target);
    process.live.closeDue();
    await process.live.settled();
    expect(target.announced).toEqual([]);
    await process.catchUp();
    expect(target.announced).toMatchObject([{ rows: 3, lateRows: 0 }]);
  });

  // Symptom: records that were acknowledged, and not read yet when a project file was applied, became dead letters.
  it.each(['read', 'not read'])(
    'are closed by the newest schema where rows have two, and the manifest counts what it lost (%s when it changed)',
    async (state) => {
      const target = await world();
      const process = await begin(target);
      target.send(record(target, 'a', 0, { note: '7', size: 1.5, fine: false }), 0);
      target.send(record(target, 'b', 1, { note: 'none', size: 2, fine: true }), 0);
      if (state === 'read') await process.catchUp();
      target.entry = entryOf(CHANGED, 2);
      process.apply();
      target.send(record(target, 'c', 2, { note: 9, size: 3, fine: 'yes', extra: 'x' }), 0);
      await process.catchUp();
      await process.closeAll();
      const [version] = target.announced;
      expect(version).toMatchObject({
        rows: 3,
        schemaHash: target.schemaHash(),
        nulled: [
          { column: 'size', values: 1 },
          { column: 'note', values: 1 },
        ],
      });
      expect(await rowsOf(target, version)).toMatchObject([
        { '@record_id': 'a', note: 7, size: null, fine: 'false', extra: null },
        { '@record_id': 'b', note: null, size: 2n, fine: 'true', extra: null },
        { '@record_id': 'c', note: 9, size: 3n, fine: 'yes', extra: 'x' },
      ]);
    },
  );

  it('take of records that were acknowledged by a schema that nobody knows any more what fits', async () => {
    const target = await world();
    target.send(record(target, 'a', 0, { note: '7', size: 1.5, fine: false, more: 'x' }), 0);
    target.send(record(target, 'b', 1, { size: 2 }), 0);
    const earlier = target.schemaHash();
    // Ingest is away while the file changes.
    target.entry = { ...entryOf(CHANGED, 2), earlierSchemas: [earlier] };
    const process = await begin(target);
    // Another writer's, by a schema that the project never had.
    const other = record(target, 'c', 2, { note: 'none' }).message as RecordMessage;
    target.send({ topic: 'records.v1', message: { ...other, schemaHash: 'of nobody' } }, 0);
    await process.catchUp();
    await process.closeAll();
    expect([process.fitted, process.bad]).toEqual([2, [2]]);
    expect(await rowsOf(target, target.announced[0])).toMatchObject([
      { '@record_id': 'a', note: null, size: null, fine: null, extra: null },
      { '@record_id': 'b', note: null, size: 2n, fine: null, extra: null },
    ]);
  });

  it('of a project without event time take labels whenever they come, and keep the order of arrival', async () => {
    const target = await world();
    target.entry = entryOf(TEXT.replace('  eventTime: at\n', ''));
    const process = await begin(target);
    target.send(record(target, 'b', 1), 0);
    target.send(record(target, 'a', 1), 1);
    target.send(label('b', 5 * SPAN_MS, 1), 0);
    await process.catchUp();
    await process.closeAll();
    expect(target.announced).toMatchObject([{ rows: 2, labelledRows: 1 }]);
    expect((await rowsOf(target, target.announced[0])).map((row) => row['@record_id'])).toEqual(['b', 'a']);
  });

  it('stop reading at the quota of their disk, lose nothing, and read on when spans have closed', async () => {
    const target = await world();
    const process = await begin(target, { diskBytesMax: 1 });
    target.send(record(target, 'a', 0), 0);
    await process.catchUp();
    expect(process.live.blocked).toMatchObject({ why: 'quota' });
    target.send(record(target, 'b', 1), 0);
    await expect(process.catchUp()).rejects.toMatchObject({ code: 'overloaded', retry: { afterMs: 1_000 } });
    await process.closeAll();
    await process.live.flushDue(target.clock.nowMs());
    expect(process.live.blocked).toBeNull();
    await process.catchUp();
    await process.closeAll();
    expect(target.announced).toMatchObject([{ rows: 1 }, { rows: 1, lateRows: 1 }]);
  });

  it('keep rows in memory while the disk refuses, and stop reading', async () => {
    const target = await world();
    let full = true;
    const process = await Process.start(target, (point) => {
      if (full && point === 'before write') throw new Error('ENOSPC: no space left on device');
    });
    started.push(process);
    target.send(record(target, 'a', 0), 0);
    await expect(process.catchUp()).rejects.toThrow('ENOSPC');
    expect(process.live.blocked).toMatchObject({ why: 'disk', message: expect.stringContaining('ENOSPC') });
    target.send(record(target, 'b', 1), 0);
    await expect(process.catchUp()).rejects.toMatchObject({ code: 'overloaded' });
    full = false;
    await process.live.flushDue(target.clock.nowMs());
    expect(process.live.blocked).toBeNull();
    await process.catchUp();
    await process.closeAll();
    expect(target.announced).toMatchObject([{ rows: 2 }]);
  });

  it('are closed while the disk refuses what was read after them: that partition is told as stopped', async () => {
    const target = await world();
    let full = false;
    const process = await Process.start(target, (point) => {
      if (full && point === 'before write') throw new Error('ENOSPC: no space left on device');
    });
    started.push(process);
    target.send(record(target, 'a', 0), 0);
    await process.catchUp();
    full = true;
    target.send(record(target, 'b', 1), 0);
    await expect(process.catchUp()).rejects.toThrow('ENOSPC');
    expect(process.spans.reading(0)).toMatchObject({ stopped: true, records: 1 });
    expect(await process.closeAll()).toBe(1);
    expect(target.announced).toMatchObject([{ rows: 1 }]);
    full = false;
    await process.live.flushDue(target.clock.nowMs());
    await process.live.flushDue(target.clock.nowMs());
    expect(process.spans.reading(0)).toMatchObject({ stopped: false, records: 2 });
    await process.closeAll();
    expect(target.announced).toMatchObject([{ rows: 1 }, { rows: 1, lateRows: 1 }]);
  });

  it('wait for the project file by which a record was checked, and for no longer than it can take', async () => {
    const target = await world();
    const process = await begin(target);
    const withColumn = (name: string, revision: number) =>
      entryOf(TEXT.replace('  label:', `    - { name: ${name}, type: text }\n  label:`), revision);
    const sent = (id: string, values: object) => {
      const known = target.entry;
      target.entry = withColumn(Object.keys(values)[0] as string, 2);
      target.writtenAtMs = target.clock.nowMs();
      target.send(record(target, id, 0, values), 0);
      target.entry = known;
    };
    sent('a', { extra: 'x' });
    await expect(process.fetch('records.v1/0')).rejects.toMatchObject({ code: 'overloaded', retry: { afterMs: 250 } });
    target.entry = withColumn('extra', 2);
    process.apply();
    expect(await process.fetch('records.v1/0')).toEqual([]);
    sent('b', { unheard: 'y' });
    await expect(process.fetch('records.v1/0')).rejects.toMatchObject({ code: 'overloaded' });
    target.clock.advance(5_000);
    expect(await process.fetch('records.v1/0')).toMatchObject([{ offset: 1, reasons: [{ code: 'unknown_field' }] }]);
    await process.closeAll();
    expect(await rowsOf(target, target.announced[0])).toMatchObject([{ '@record_id': 'a', extra: 'x' }]);
  });

  it('refuse a label that names no record in any way, as a dead letter', async () => {
    const target = await world();
    const process = await begin(target);
    const nameless = label('', 0, 1);
    target.send(nameless, 0);
    target.send({ ...nameless, message: { ...nameless.message, predictionId: 'request-1/0' } } as never, 0);
    expect(await process.fetch('labels.v1/0')).toMatchObject([
      { offset: 0, project: 'p', reasons: [{ code: 'missing_field', field: 'record_id' }] },
    ]);
    await process.live.flush();
    expect(process.live.counted('p')).toMatchObject({ labels: 1 });
    expect(process.live.state('p')).toMatchObject({ openLabels: 1 });
  });

  it('count to the quota with the labels that wait for their record, and with what other processes wrote', async () => {
    const target = await world();
    const process = await begin(target);
    target.send(record(target, 'a', 0), 0);
    target.send(label('nobody', 0, 1), 1);
    await process.catchUp();
    await process.closeAll();
    await process.live.flush();
    const [waiting] = process.spans.files({ project: 'p', createdAtMs: 1 });
    expect(waiting).toMatchObject({ kind: 'labels', partition: -1, rows: 1 });
    expect(process.live.bytesOnDisk).toBe(waiting?.bytes);
    const other = await Process.join(target, () => undefined, { diskBytesMax: waiting?.bytes });
    started.push(other);
    await other.hold([0]);
    expect(other.live.blocked).toMatchObject({ why: 'quota' });
  });

  it('of a deleted project leave with what its owner kept: late labels, and how far it has closed', async () => {
    const target = await world();
    const process = await begin(target);
    target.send(record(target, 'a', 0), 0);
    target.send(label('nobody', 0, 1), 1);
    await process.catchUp();
    await process.closeAll();
    expect(await filesIn(target)).toHaveLength(3);
    process.remove();
    await process.live.flush();
    process.live.closeDue();
    await process.live.settled();
    await process.live.flush();
    expect(await filesIn(target)).toEqual([]);
    expect(process.spans.names()).toEqual([]);
  });

  const filesIn = async (target: World): Promise<string[]> => {
    const entries = await readdir(join(target.home, 'artifacts', 'segments'), { recursive: true });
    return entries.filter((name) => name.endsWith('.parquet'));
  };

  it('are a few files each, however often rows are flushed; what nobody names goes', async () => {
    const target = await world();
    let process = await begin(target);
    for (let row = 0; row < 40; row++) {
      target.send(record(target, `r${row}`, row), 0);
      await process.catchUp();
    }
    const listed = () => process.spans.files({ project: 'p', createdAtMs: 1 });
    expect(listed().length).toBeLessThan(16);
    expect(listed().reduce((rows, file) => rows + file.rows, 0)).toBe(40);
    // Those that were merged stay for a close that may read them.
    expect((await filesIn(target)).length).toBe(40 + 2);
    target.clock.advance(120_000);
    await process.catchUp();
    expect((await filesIn(target)).length).toBe(listed().length);
    process.end();
    const folder = join(target.home, 'artifacts', 'segments', '0', 'p', '1');
    await writeFile(join(folder, 'records_0_half.parquet'), 'half');
    process = await begin(target);
    expect((await filesIn(target)).length).toBe(listed().length);
    await process.closeAll();
    expect(target.announced).toMatchObject([{ rows: 40, repeatedRows: 0 }]);
    await process.live.flush();
    expect(await filesIn(target)).toEqual([]);
  });

  it('take the memory of their buffer, whatever their rows, spans and delays', async () => {
    const target = await world();
    target.entry = entryOf(TEXT.replace('delay: 30s', 'delay: 30d'));
    const process = await begin(target, { bufferBytesMax: 100_000 });
    let most = 0;
    for (let row = 0; row < 5_000; ) {
      for (const until = row + 250; row < until; row++) {
        target.send(record(target, `r${row}`, row * 1_000), row % PARTITIONS);
        target.send(label(`r${row}`, row * 1_000, 1), row % PARTITIONS);
      }
      for (const key of target.topics.keys()) await process.fetch(key);
      most = Math.max(most, process.live.bytesInMemory);
    }
    expect(process.live.state('p')).toMatchObject({ openRows: 5_000, openLabels: 5_000 });
    // The bound is looked at after each batch: 125 rows of about 500 bytes.
    expect(most).toBeLessThan(100_000 + 125 * 500);
    expect(most).toBeGreaterThan(50_000);
  });

  it('of a deleted project leave', async () => {
    const target = await world();
    const process = await begin(target);
    target.send(record(target, 'a', 0), 0);
    await process.catchUp();
    expect(await filesIn(target)).toHaveLength(1);
    process.remove();
    await process.live.flush();
    expect(await filesIn(target)).toEqual([]);
    expect(process.spans.names()).toEqual([]);
  });

  it('are closed for who knows of the project a moment before its owner does; of a deleted one nothing is', async () => {
    const target = await world();
    const process = await begin(target);
    process.remove();
    const command = { offset: 0, id: 'c', project: 'p', action: { kind: 'closeDatasets' } as const };
    const issuedAtMs = target.clock.nowMs();
    await expect(process.live.carryOut({ ...command, issuedAtMs })).rejects.toMatchObject({ code: 'unavailable' });
    target.clock.advance(10_000);
    await process.live.carryOut({ ...command, issuedAtMs });
    process.apply();
    await process.live.carryOut({ ...command, issuedAtMs });
    expect(process.spans.closing({ project: 'p', createdAtMs: 1 })?.answers).toEqual([
      { commandId: 'c', closed: 0, failure: '' },
    ]);
  });

  it('that have closed take labels that come late or are corrected, as a version of the same rows', async () => {
    const target = await world();
    let died = false;
    let process = await Process.start(target, (point) => {
      if (!died || point !== 'after announce') return;
      throw new Killed(point);
    });
    for (const id of ['a', 'b', 'c']) target.send(record(target, id, 1), 0);
    target.send(label('a', 1, 0), 0);
    await process.catchUp();
    await process.closeAll();
    expect(target.announced).toMatchObject([{ rows: 3, labelledRows: 1, source: 'stream' }]);
    const refresh = async () => {
      await process.catchUp();
      target.clock.advance(SPAN_MS);
      await process.catchUp();
    };
    target.send(label('b', 1, 1), 0);
    target.send(label('nobody', 1, 1), 0);
    // No newer than what the version has.
    target.send(label('a', 1, 1, DELAY_MS - 1), 0);
    await refresh();
    const [first, second] = target.announced;
    expect(second).toMatchObject({ parent: first?.id, ordinal: 2, rows: 3, labelledRows: 2, source: 'late labels' });
    expect(second).toMatchObject({ windowStartMs: first?.windowStartMs, offsets: first?.offsets, kind: 'live' });
    expect((await rowsOf(target, second)).map((row) => [row['@record_id'], row['@label']])).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', null],
    ]);
    expect(process.live.state('p')).toMatchObject({ lateLabels: 1 });
    await refresh();
    expect(target.announced).toHaveLength(2);

    // Dies when the version is announced and the labels are still there: they change nothing any more.
    target.send(label('b', 1, 0, 2 * DELAY_MS), 0);
    died = true;
    await refresh().catch(() => undefined);
    process.end();
    expect(target.announced).toHaveLength(3);
    process = await begin(target);
    await refresh();
    expect(target.announced).toHaveLength(3);
    expect(target.announced[2]).toMatchObject({ parent: second?.id, labelledRows: 2 });

    // Back to what the second version said: its rows, announced as the newest.
    target.send(label('b', 1, 1, 3 * DELAY_MS), 0);
    await refresh();
    expect(target.announced[3]).toMatchObject({ id: second?.id, parent: target.announced[2]?.id, ordinal: 4 });
  });

  describe('and clocks that are wrong', () => {
    const HOUR_MS = 3_600_000;
    /** In real time: a row of now, by the world's clock. */
    const now = (target: World) => target.clock.nowMs() - START_MS;

    it('stay open when one sender is hours ahead, however often it sends', async () => {
      const target = await world();
      const process = await begin(target);
      for (let i = 0; i < 20; i++) {
        target.send(record(target, `r${i}`, now(target) + i), i % PARTITIONS);
        const wrong = record(target, `w${i}`, now(target) + 6 * HOUR_MS + i);
        target.send({ ...wrong, message: { ...wrong.message, entity: 'wrong' } } as never, i % PARTITIONS);
      }
      await process.catchUp();
      expect(target.announced).toEqual([]);
      expect(process.doubted).toBe(20);
      // Time goes on: its rows are late by nobody's fault but its own, and the span closes when it is over.
      target.clock.advance(SPAN_MS + DELAY_MS + SPAN_MS);
      for (const partition of [0, 1]) target.send(record(target, `on${partition}`, now(target)), partition);
      await process.catchUp();
      expect(target.announced.length).toBeGreaterThan(0);
      expect(target.announced.reduce((rows, version) => rows + version.rows, 0)).toBe(20);
      expect(process.live.state('p')).toMatchObject({ openRows: 22 });
    });

    it('close again by a watermark that was set back, in every process, and count no row twice', async () => {
      const target = await world();
      let process = await begin(target);
      target.send(record(target, 'a', now(target)), 0);
      target.send(record(target, 'b', now(target)), 1);
      // Two that agree are believed.
      for (const partition of [0, 1])
        for (const wrong of ['x', 'y'])
          target.send(record(target, `${wrong}${partition}`, now(target) + 6 * HOUR_MS), partition);
      await process.catchUp();
      expect(target.announced).toMatchObject([{ rows: 2 }]);
      const poisonedMs = process.live.state('p').watermarkMs as number;
      expect(poisonedMs).toBeGreaterThan(target.clock.nowMs());

      target.clock.advance(SPAN_MS);
      await process.asked(() => process.live.resetWatermark('p', target.clock.nowMs()));
      await process.live.flush();
      expect(process.live.state('p').watermarkMs ?? 0).toBeLessThanOrEqual(target.clock.nowMs());
      // Also in one that takes over.
      process.end();
      process = await begin(target);
      for (const partition of [0, 1]) target.send(record(target, `c${partition}`, now(target)), partition);
      await process.catchUp();
      expect(target.announced).toHaveLength(1);
      target.clock.advance(SPAN_MS + DELAY_MS + SPAN_MS);
      for (const partition of [0, 1]) target.send(record(target, `d${partition}`, now(target)), partition);
      await process.catchUp();
      expect(target.announced.slice(1)).toMatchObject([{ rows: 2, lateRows: 0 }]);
    });

    it('make no row a second one, where a span that had closed is open again', async () => {
      const target = await world();
      const process = await begin(target);
      for (const partition of [0, 1]) target.send(record(target, `a${partition}`, 0), partition);
      await process.catchUp();
      await process.closeAll();
      await process.asked(() => process.live.resetWatermark('p', START_MS));
      await process.live.flush();
      // One is sent again.
      target.send(record(target, 'a0', 0), 0);
      target.send(record(target, 'b', 1), 0);
      await process.catchUp();
      await process.closeAll();
      expect(target.announced).toMatchObject([{ rows: 2 }, { rows: 1, windowStartMs: START_MS }]);
      // Both hold rows that no other has.
      expect(newestVersions(target.announced)).toHaveLength(2);
    });
  });
});
