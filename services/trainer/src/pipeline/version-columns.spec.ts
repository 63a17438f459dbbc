// Versions of earlier project files, as DuckDB reads them: columns that were added since, or were of another type.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DATASET_COLUMNS as OWN } from '@millrace/contracts';
import { readLabelledRows, type VersionFile } from './dataset.duckdb.js';
import type { WantedColumn } from './version-columns.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-columns-'));
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const write = (name: string, from: number, columns: string) =>
    connection.run(`COPY (SELECT 'r' || i AS "${OWN.recordId}", '' AS "${OWN.entity}", i AS "${OWN.eventTimeMs}",
      CASE WHEN i % 10 < 8 THEN i::DOUBLE % 2 END AS "${OWN.label}", ${columns} FROM range(${from}, ${from + 10}) t(i))
      TO '${join(folder, name)}.parquet' (FORMAT parquet)`);
  await write('old', 0, 'i::DOUBLE AS amount');
  await write('new', 10, "i::DOUBLE AS amount, i AS n, 'g' || i AS grade");
  await write('text', 20, "'x' || i AS amount, i AS n, i::DOUBLE AS grade");
  connection.closeSync();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const amount: WantedColumn = { name: 'amount', type: 'number', of: 'model' };
const n: WantedColumn = { name: 'n', type: 'integer', of: 'model' };
const grade: WantedColumn = { name: 'grade', type: 'text', of: 'model' };

function read(names: readonly string[], columns: readonly WantedColumn[], which: 'labelled' | 'all' = 'labelled') {
  const files = names.map(
    (name): VersionFile => ({
      path: join(folder, `${name}.parquet`),
      id: name,
      kind: 'import',
      source: `upload:${name}.csv`,
    }),
  );
  return readLabelledRows('shop', files, columns, null, which);
}

describe('a column that was added to the project file', () => {
  it('is missing in the rows of older versions, and that is told with the number of rows', async () => {
    const rows = await read(['old', 'new'], [amount, n, grade]);
    expect(rows.columns.amount).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17]);
    expect(rows.columns.n).toEqual([...Array(8).fill(null), 10, 11, 12, 13, 14, 15, 16, 17]);
    expect((rows.columns.grade as unknown[])[8]).toBe('g10');
    expect(rows.warnings).toEqual(
      ['n', 'grade'].map(
        (name) =>
          `column "${name}" is not in 1 dataset version: 8 rows of dataset version old (old.csv) count as missing ` +
          'values. To have them, ingest its file again (`millrace ingest shop --file old.csv`).',
      ),
    );
    expect((await read(['old', 'new'], [n], 'all')).warnings[0]).toContain(': 10 rows of dataset version old');
  });

  it('is refused where no version has it, with what to do', async () => {
    await expect(read(['old'], [amount, n])).rejects.toMatchObject({
      code: 'invalid_argument',
      reason:
        'column "n" is not in 1 dataset version, and there is no other: dataset version old (old.csv). To train, ' +
        'ingest its file again (`millrace ingest shop --file old.csv`)',
    });
  });

  it('stops no training where only a version that is compared with takes it, or a slice', async () => {
    const rows = await read(['old'], [amount, { ...n, of: 'champion' }, { ...grade, of: 'slices' }]);
    expect(rows.columns.n).toEqual(Array(8).fill(null));
    expect(rows.warnings).toEqual([
      'column "n" is not in 1 dataset version: the version in place was compared with missing values there. To have ' +
        'them, ingest its file again (`millrace ingest shop --file old.csv`).',
    ]);
  });
});

describe('rows that are not read', () => {
  it('are counted: "8000 rows", and then "trained on 3200"', async () => {
    const { rows, leftOut } = await read(['old', 'old', 'new'], [amount]);
    expect([rows, leftOut]).toEqual([16, { withoutLabel: 6, repeats: 8 }]);
    expect((await read(['old', 'old'], [amount], 'all')).leftOut).toEqual({ withoutLabel: 0, repeats: 10 });
  });
});

describe('a column that has another type now', () => {
  it('is missing where it was of the other one: a text is no number', async () => {
    const rows = await read(['new', 'text'], [amount]);
    expect(rows.columns.amount).toEqual([10, 11, 12, 13, 14, 15, 16, 17, ...Array(8).fill(null)]);
    expect(rows.warnings[0]).toContain(
      'column "amount" is a number in the project file, and a text in 1 dataset version: 8 rows of',
    );
  });

  it('is refused where every version has it as the other one', async () => {
    await expect(read(['text'], [amount])).rejects.toThrow(
      /"amount" is a number .* a text .*ingest shop --file text\.csv/,
    );
    await expect(read(['text'], [grade])).rejects.toThrow(
      'column "grade" is a text in the project file, and a number in 1',
    );
  });
});
