// Labels that come to the records of imports: which versions are made of them, when, and which label wins.

import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { DatasetVersion } from '@millrace/contracts';
import { newestVersions, rowsOrdinalOf, seededRng } from '@millrace/domain';
import {
  DELAY_MS,
  entryOf,
  type ImportedRow,
  Killed,
  label,
  PARTITIONS,
  Process,
  record,
  SPAN_MS,
  TEXT,
  type World,
  world,
} from './live-process.js';

/** As `data.label.refresh` is, where nothing is said: the larger of `versionEvery` and the label's delay. */
const REFRESH_MS = SPAN_MS;

describe('labels of imported records', () => {
  const started: Process[] = [];
  async function begin(target: World): Promise<Process> {
    const process = await Process.start(target);
    started.push(process);
    return process;
  }
  afterEach(() => {
    for (const process of started.splice(0)) process.end();
  });

  async function refresh(target: World, process: Process): Promise<void> {
    await process.catchUp();
    target.clock.advance(REFRESH_MS);
    await process.catchUp();
    expect(process.failures).toEqual([]);
  }

  async function labelsOf(target: World, version: DatasetVersion | undefined): Promise<Record<string, number | null>> {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const file = join(target.home, 'artifacts', version?.parquetPath ?? '');
    const reader = await connection.runAndReadAll(`SELECT "@record_id", "@label" FROM read_parquet('${file}')`);
    connection.closeSync();
    return Object.fromEntries(reader.getRows() as [string, number | null][]);
  }

  const rows = (...ids: string[]): ImportedRow[] => ids.map((id, index) => ({ id, atMs: index * 1_000 }));

  it('make a version with them, in the place of the import, at the declared time and not before', async () => {
    const target = await world();
    let process = await begin(target);
    await process.load('jan.csv', [{ id: 'a', atMs: 1, label: 0 }, ...rows('b', '0123456789abcdef/1')]);
    target.send(label('b', 0, 1), 0);
    target.send(label('0123456789abcdef/1', 1_000, 0), 1);
    target.send(label('nobody', 1_000, 1), 1);
    await process.catchUp();
    expect(target.announced).toHaveLength(1);
    await refresh(target, process);
    const [first, second] = target.announced;
    expect(second).toMatchObject({ kind: 'import', source: 'jan.csv', ordinal: 2, parent: first?.id, rowsOf: 1 });
    expect(second).toMatchObject({ rows: 3, labelledRows: 3, offsets: first?.offsets });
    expect(await labelsOf(target, second)).toEqual({ a: 0, b: 1, '0123456789abcdef/1': 0 });
    expect(newestVersions(target.announced)).toEqual([second]);
    expect(process.live.state('p')).toMatchObject({ openLabels: 0, lateLabels: 1 });

    // Nothing new, also in a process that takes over.
    process.end();
    process = await begin(target);
    await refresh(target, process);
    expect(target.announced).toHaveLength(2);

    // What the file says was known when the project says that labels are: an older one loses, a newer one corrects.
    target.send(label('a', 1, 1, DELAY_MS), 0);
    await refresh(target, process);
    expect(target.announced).toHaveLength(2);
    target.send(label('a', 1, 1, DELAY_MS + 2), 0);
    await refresh(target, process);
    expect(target.announced).toHaveLength(3);
    expect(target.announced[2]).toMatchObject({ parent: second?.id, rowsOf: 1, labelledRows: 3 });
    expect((await labelsOf(target, target.announced[2])).a).toBe(1);

    // The record of the one that waited comes with another file.
    await process.load('feb.csv', [{ id: 'nobody', atMs: 1_000 }]);
    await refresh(target, process);
    expect(target.announced.slice(3)).toMatchObject([
      { source: 'feb.csv', labelledRows: 0 },
      { source: 'feb.csv', labelledRows: 1, rowsOf: 4 },
    ]);
    expect(process.live.state('p')).toMatchObject({ openLabels: 0, lateLabels: 0 });
  });

  it('stand alone where the label rule has changed: what was labelled by another one is none beside them', async () => {
    const target = await world();
    const process = await begin(target);
    await process.load('jan.csv', [{ id: 'a', atMs: 0, label: 1 }, { id: 'b', atMs: 1_000, label: 0 }, ...rows('c')]);
    // It came under the old rule, and is joined to nothing any more.
    target.send(label('c', 0, 1), 1);
    const text = TEXT.replace('operation: ge, value: 1', 'operation: lt, value: 1');
    const sinceMs = target.clock.nowMs() + 1;
    target.clock.advance(1);
    target.entry = { ...entryOf(text, 2), labelRuleSinceMs: sinceMs };
    process.apply();
    await refresh(target, process);
    expect(target.announced).toHaveLength(1);
    expect(target.announced[0]?.labelRule).toBe('paid >= 1');
    const later = label('b', 1_000, 1);
    target.send({ ...later, message: { ...later.message, ingestedAtMs: sinceMs } } as typeof later, 0);
    await refresh(target, process);
    const [, second] = target.announced;
    expect(second).toMatchObject({ labelRule: 'paid < 1', rowsOf: 1, labelledRows: 1 });
    expect(second?.nulled).toEqual([{ column: 'paid', values: 2 }]);
    expect(await labelsOf(target, second)).toEqual({ a: null, b: 1, c: null });
    // A file that is loaded again takes labels of its own rule only.
    await process.load('jan.csv', [{ id: 'a', atMs: 0, label: 0 }, ...rows('b')]);
    await refresh(target, process);
    expect(target.announced.slice(2)).toMatchObject([
      { labelRule: 'paid < 1', labelledRows: 1 },
      { labelRule: 'paid < 1', labelledRows: 2 },
    ]);
  });

  it('of a span that was open when the rule changed are those of the new one, and the others are counted', async () => {
    const target = await world();
    const process = await begin(target);
    for (const [id, atMs] of [
      ['a', 0],
      ['b', 1_000],
    ] as const)
      target.send(record(target, id, atMs), 0);
    target.send(label('a', 0, 1), 0);
    await process.catchUp();
    const sinceMs = target.clock.nowMs() + 1;
    target.clock.advance(1);
    const text = TEXT.replace('operation: ge, value: 1', 'operation: lt, value: 1');
    target.entry = { ...entryOf(text, 2), labelRuleSinceMs: sinceMs };
    process.apply();
    const later = label('b', 1_000, 1);
    target.send({ ...later, message: { ...later.message, ingestedAtMs: sinceMs } } as typeof later, 0);
    await process.catchUp();
    await process.closeAll();
    expect(process.failures).toEqual([]);
    const [version] = target.announced;
    expect(version).toMatchObject({ kind: 'live', labelRule: 'paid < 1', rows: 2, labelledRows: 1 });
    expect(version?.nulled).toEqual([{ column: 'paid', values: 1 }]);
    expect(await labelsOf(target, version)).toEqual({ a: null, b: 1 });
  });

  it('go to every file that has the record, and to one that is loaded again when they are used up', async () => {
    const target = await world();
    const process = await begin(target);
    await process.load('jan.csv', rows('a', 'b'));
    await process.load('feb.csv', rows('a', 'b', 'c'));
    target.send(label('a', 0, 1), 0);
    await refresh(target, process);
    expect(target.announced.slice(2)).toMatchObject([
      { source: 'jan.csv', rowsOf: 1, labelledRows: 1 },
      { source: 'feb.csv', rowsOf: 2, labelledRows: 1 },
    ]);
    expect(process.live.state('p')).toMatchObject({ openLabels: 0, lateLabels: 0 });
    // Without the label, as the file was.
    await process.load('jan.csv', rows('a', 'b', 'c', 'd'));
    await refresh(target, process);
    expect(target.announced.slice(4)).toMatchObject([
      { source: 'jan.csv', labelledRows: 0, rowsOf: 0 },
      { source: 'jan.csv', labelledRows: 1, rowsOf: 5 },
    ]);
  });

  it('make versions of more imports than are looked at together, and are joined once, however it is disturbed', async () => {
    const FILES = 120;
    const target = await world();
    const transactions: number[] = [];
    let dies = 0;
    let before = 0;
    const passing = (point: string): void => {
      if (point === 'before announce') before = target.announced.length;
      if (point !== 'after announce') return;
      transactions.push(target.announced.length - before);
      // Between two parts.
      if (dies > 0 && target.announced.length > FILES && --dies === 0) throw new Killed(point);
    };
    let process = await Process.start(target, passing);
    started.push(process);
    for (let file = 0; file < FILES; file++) await process.load(`${file}.csv`, rows(`r${file}`, 'all'));
    target.send(label('all', 1_000, 1), 0);
    target.send(label('r7', 0, 0), 0);
    await process.catchUp();
    transactions.length = 0;
    dies = 1;
    target.clock.advance(REFRESH_MS);
    await expect(process.catchUp()).rejects.toThrow(Killed);
    // What comes while some have been looked at is for the next time.
    target.send(label('r3', 0, 1), 1);
    process = await Process.start(target, passing);
    started.push(process);
    await process.catchUp();
    const children = () => target.announced.slice(FILES);
    expect(children()).toHaveLength(FILES);
    expect(new Set(children().map(({ rowsOf }) => rowsOf)).size).toBe(FILES);
    expect(Math.max(...transactions)).toBeLessThanOrEqual(50);
    expect(children().map(({ labelledRows }) => labelledRows)).toEqual(
      Array.from({ length: FILES }, (_, file) => (file === 7 ? 2 : 1)),
    );
    await refresh(target, process);
    expect(children()).toHaveLength(FILES + 1);
    expect(children().at(-1)).toMatchObject({ rowsOf: 4, labelledRows: 2 });
    expect(process.live.state('p')).toMatchObject({ openLabels: 0, lateLabels: 0 });
  });

  it('find them where the project has no event time', async () => {
    const target = await world();
    target.entry = entryOf(TEXT.replace('  eventTime: at\n', ''));
    const process = await begin(target);
    await process.load('jan.csv', rows('a', 'b'));
    target.send(label('b', 7 * SPAN_MS, 1), 0);
    await refresh(target, process);
    expect(target.announced).toMatchObject([{ labelledRows: 0 }, { labelledRows: 1, rowsOf: 1, source: 'jan.csv' }]);
    expect(Object.keys(await labelsOf(target, target.announced[1]))).toEqual(['a', 'b']);
  });

  it('are also those of open records of the stream with their ids', async () => {
    const target = await world();
    const process = await begin(target);
    await process.load('jan.csv', rows('a', 'b'));
    target.send(record(target, 'a', 0), 0);
    target.send(label('a', 0, 1), 0);
    await refresh(target, process);
    expect(target.announced.slice(1)).toMatchObject([{ kind: 'import', labelledRows: 1 }]);
    expect(process.live.state('p')).toMatchObject({ openRows: 1, openLabels: 1 });
    await process.closeAll();
    expect(target.announced.slice(2)).toMatchObject([{ kind: 'live', rows: 1, labelledRows: 1 }]);
  });

  it.each([1, 2, 3, 4])('win by the same rule in whatever order all comes (seed %i)', async (seed) => {
    const rng = seededRng(seed);
    const pick = (below: number) => rng.below(below);
    const target = await world();
    let process = await begin(target);
    const ids = Array.from({ length: 12 }, (_, index) => `r${index}`);
    const atMs = (id: string) => ids.indexOf(id) * 20_000;
    const sent: { id: string; value: number; knownAtMs: number }[] = [];
    const files: ImportedRow[][] = [];
    for (let step = 0; step < 24; step++) {
      const what = pick(8);
      if (what === 0) {
        const chosen = ids.filter(() => pick(2) === 0);
        files.push(chosen.map((id) => ({ id, atMs: atMs(id), ...(pick(2) === 0 ? { label: pick(2) } : {}) })));
        // A name that says which one it is.
        if (chosen.length > 0) await process.load(`${files.length - 1}`, files.at(-1) as ImportedRow[]);
      } else if (what === 1) await refresh(target, process);
      else if (what === 2) {
        process.end();
        process = await begin(target);
      } else if (what === 3) await process.catchUp();
      else {
        const id = ids[pick(ids.length)] as string;
        const said = { id, value: pick(2), knownAtMs: atMs(id) + DELAY_MS + pick(5) - 2 };
        sent.push(said);
        target.send(label(id, atMs(id), said.value, said.knownAtMs), pick(PARTITIONS));
      }
    }
    await refresh(target, process);
    // Labels that were used up by one file come to another when its turn is.
    await refresh(target, process);
    const wins = (id: string, own: number | undefined): number | null => {
      const all = sent.filter((each) => each.id === id).map(({ value, knownAtMs }) => ({ value, knownAtMs }));
      if (own !== undefined) all.push({ value: own, knownAtMs: atMs(id) + DELAY_MS });
      all.sort((a, b) => b.knownAtMs - a.knownAtMs || b.value - a.value);
      return all[0]?.value ?? null;
    };
    // As the compacted topic tells: the last of each id.
    const told = [...new Map(target.announced.map((version) => [version.id, version])).values()];
    const inPlace = newestVersions(told);
    expect(new Set(inPlace.map(rowsOrdinalOf)).size).toBe(inPlace.length);
    for (const version of inPlace) {
      const file = files[Number(version.source)] as ImportedRow[];
      const wanted = Object.fromEntries(file.map(({ id, label: own }) => [id, wins(id, own)]));
      expect({ source: version.source, ...(await labelsOf(target, version)) }).toEqual({
        source: version.source,
        ...wanted,
      });
      expect(version.labelledRows).toBe(Object.values(wanted).filter((value) => value !== null).length);
    }
  });
});
