import { describe, expect, it } from '@jest/globals';
import { wrongDelimiter } from '@millrace/tabular';
import type { ImportState } from '../client/control.http.js';
import { toMend } from './mend-hints.js';

const status: ImportState = {
  importId: 'i',
  project: 'loans',
  source: 'upload:a.csv',
  state: 'done',
  warnings: [],
  reasons: [],
  rowsRead: 3,
  rowsChosen: 3,
  accepted: 0,
  rejected: 3,
  startedAtMs: 0,
};
const file = "bob's a.csv";
const named = `--file 'bob'\\''s a.csv'`;

describe('the command that mends an import', () => {
  it('has every option that was given', () => {
    const options = { file, format: 'csv', delimiter: '\t', encoding: 'latin1', rows: 50, seed: 3 } as const;
    const terms = '--format csv --delimiter tab --encoding latin1';
    expect(toMend(options, status).at(-1)).toBe(`millrace ingest loans ${named} ${terms} --rows 50 --seed 3`);
    const commas = { ...status, warnings: ["numbers have commas; `--decimal ','` reads them"] };
    expect(toMend({ file, delimiter: ';', from: 0, to: 1_500 }, commas).at(-1)).toBe(
      `millrace ingest loans ${named} --delimiter ';' --decimal , --from 1970-01-01T00:00:00Z --to 1970-01-01T00:00:01.500Z`,
    );
    expect(toMend({ source: 'jan', rows: 'all' }, { ...status, rejected: 0 })).toEqual([
      'millrace ingest loans --source jan --rows all',
    ]);
  });

  it.each([
    [';', ',', "--delimiter ';'"],
    ['\t', ',', '--delimiter tab'],
    [',', ';', '--delimiter ,'],
  ])('repeats no delimiter that was wrong: written with %j, said %j', (written, delimiter, option) => {
    const message = wrongDelimiter('a.csv', [`a${written}b`], delimiter) as string;
    const failed: ImportState = { ...status, state: 'failed', rejected: 0, rowsChosen: 0, message };
    expect(toMend({ file: 'a.csv', delimiter }, failed)).toEqual([`millrace ingest loans --file a.csv ${option}`]);
  });

  it('is without the range that no row was of', () => {
    const none = { ...status, rejected: 0, rowsChosen: 0 };
    expect(toMend({ file: 'a.csv', encoding: 'latin1', from: 0 }, none)).toEqual([
      'millrace ingest loans --file a.csv --encoding latin1',
    ]);
    expect(toMend({ file: 'a.csv' }, none)).toEqual([
      'millrace ingest loans --file a.csv   # when the file is mended, or the project file, and that applied',
    ]);
  });
});
