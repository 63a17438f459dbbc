import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { DeadLetter, RecordBatch } from '@millrace/contracts';
import { ManualClock } from '@millrace/domain';
import { chooseRows, parseProject } from '@millrace/project';
import { compileSchema } from '../schema/record-schema.js';
import { chooseAmong } from './choose-among.js';
import { ALL_ROWS, type ImportPart, ImportRun, type RowChoice } from './import-run.js';
import type { RowSource, SourceChunk } from './row-source.js';

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const parsed = parseProject(
  `name: p
data:
  entity: who
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: who, type: text, required: true }
    - { name: x, type: number, max: 1000000 }
    - { name: y, type: number, outcome: true }
  label: { name: l, column: y, operation: gt, value: 0 }
features: [{ name: x, kind: numeric }]
`,
  'p',
);
if (parsed.kind !== 'ok') throw new Error('bad project');
const schema = compileSchema(parsed.project, sha256);

/** Rows 0..n-1 in chunks; every 100th has an x that is no number. */
class FakeSource implements RowSource {
  readonly facts = { format: 'csv', warnings: [] } as const;

  constructor(
    private readonly count: number,
    private readonly chunkRows: number,
  ) {}

  async rowsBetween() {
    return { kind: 'run' as const, first: 0, count: this.count };
  }

  async *read(first: number, last: number): AsyncIterable<SourceChunk> {
    for (let from = 0; from < this.count; from += this.chunkRows) {
      const rows = Math.min(this.chunkRows, this.count - from);
      if (from + rows <= first || from > last) continue;
      const value = (row: number, column: number) =>
        [from + row, `e${(from + row) % 7}`, (from + row) % 100 === 99 ? 'bad' : from + row, (from + row) % 3][column];
      yield {
        rows,
        value,
        fault: () => null,
        rowNumber: (row) => from + row,
        recordId: (row) => String(from + row),
        original: (row) => new TextEncoder().encode(`row ${from + row}`),
      };
    }
  }

  async close() {}
}

async function run(chunkRows: number, changes: Partial<RowChoice> = {}, besides = 0) {
  const batches: RecordBatch[] = [];
  const letters: DeadLetter[] = [];
  const clock = new ManualClock(Date.UTC(2024, 0, 1));
  const sink = {
    batch: async (batch: RecordBatch) => void batches.push(batch),
    deadLetters: async (more: readonly DeadLetter[]) => void letters.push(...more),
  };
  const settings = { rowsMax: 64, bytesMax: 1e6, inFlightMax: 2, runRows: 1_000 };
  const importRun = new ImportRun(schema, 'import', 'file:s', sink, settings, clock, sha256, clock.nowMs());
  const choice = { fromMs: 0, toMs: 1e6, rows: 500, seed: 1, ...changes };
  const parts: ImportPart[] = [{ name: 'file:s', source: new FakeSource(2_000, chunkRows), choice }];
  if (besides > 0)
    parts.push({ name: 'upload:more.csv', source: new FakeSource(besides, chunkRows), choice: ALL_ROWS });
  await importRun.run(parts);
  return { batches, letters, progress: importRun.progress, reasons: importRun.refusals.list() };
}

describe('ImportRun', () => {
  it('sends the chosen rows in order, bad ones as dead letters, the last batch marked', async () => {
    const { batches, letters, progress } = await run(100);
    const chosen = [...chooseRows(0, 2_000, 500, 1)];
    expect(batches.flatMap((batch) => batch.recordIds)).toEqual(chosen.filter((row) => row % 100 !== 99).map(String));
    expect(batches.map((batch) => batch.sequence)).toEqual(batches.map((_, i) => i));
    expect(batches.map((batch) => batch.last)).toEqual(batches.map((_, i) => i === batches.length - 1));
    expect(letters.map((letter) => letter.offset)).toEqual(chosen.filter((row) => row % 100 === 99));
    expect(letters[0]?.reasons[0]).toMatchObject({ code: 'wrong_type', field: 'x' });
    expect(progress.accepted + progress.rejected).toBe(500);
    const first = batches[0] as RecordBatch;
    expect(first.labels[0]).toBe(Number(first.recordIds[0]) % 3 > 0 ? 1 : 0);
  });

  it('makes the same batches and dead letters however the files are read, so that it can be resumed', async () => {
    const [a, b] = [await run(100, {}, 150), await run(333, {}, 150)];
    expect(b.batches).toEqual(a.batches);
    expect(b.letters).toEqual(a.letters);
    // All rows of the second file, in the same version.
    expect(a.progress).toMatchObject({ rowsChosen: 650, rowsRead: 650 });
    expect(a.letters.filter(({ partition }) => partition === 1)).toMatchObject([
      { source: 'upload:more.csv', offset: 99 },
    ]);
  });

  it('counts refusals by kind, with the first row as an example', async () => {
    const { letters, reasons } = await run(100, { rows: null });
    expect(reasons).toEqual([
      {
        code: 'wrong_type',
        column: 'x',
        count: letters.length,
        example: { file: 'file:s', row: 100, column: 'x', value: '"bad"', reason: '"bad" is not a number' },
      },
    ]);
  });

  it('takes all rows when none are counted, and closes an import without rows', async () => {
    expect((await run(500, { rows: null })).progress.accepted).toBe(1_980);
    const empty = await run(500, { rows: 0 });
    expect(empty.batches).toHaveLength(1);
    expect(empty.batches[0]).toMatchObject({ last: true, recordIds: [] });
  });
});

describe('chooseAmong', () => {
  it('agrees with chooseRows on a run of rows', () => {
    const rows = Uint32Array.from({ length: 1_000 }, (_, i) => i);
    expect([...chooseAmong(rows, 100, 9)]).toEqual([...chooseRows(0, 1_000, 100, 9)]);
  });
});
