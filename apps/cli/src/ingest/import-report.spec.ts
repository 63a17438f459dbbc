import { describe, expect, it } from '@jest/globals';
import type { ImportState } from '../client/control.http.js';
import { importReport, importTerms } from './import-report.js';

describe('importTerms', () => {
  it.each([
    [{}, {}],
    [{ delimiter: 'tab' }, { csv: { delimiter: '\t' } }],
    [{ delimiter: '\\t', decimal: ',' }, { csv: { delimiter: '\t', decimal: ',' } }],
    [{ encoding: 'ISO-8859-1' }, { csv: { encoding: 'latin1' } }],
    [
      { format: 'ndjson', rows: 'all', seed: '3' },
      { format: 'ndjson', rows: 'all', seed: 3 },
    ],
    [
      { from: '2024-01-01', to: '2024-02-01T06:00Z', rows: '5' },
      { fromMs: Date.UTC(2024, 0, 1), toMs: Date.UTC(2024, 1, 1, 6), rows: 5 },
    ],
  ])('of %j are %j', (options, terms) => expect(importTerms(options)).toEqual(terms));

  it.each([
    [{ delimiter: '"' }, '--delimiter "'],
    [{ decimal: 'comma' }, '--decimal comma: write one of .  ,'],
    [{ format: 'xls' }, '--format xls: write one of csv  ndjson  parquet'],
    [{ rows: '0' }, '--rows 0: write a whole number from 1 on, or all'],
    [{ seed: 'abc' }, '--seed abc: write a whole number from 0 on'],
    [{ to: 'tomorrow' }, '--to tomorrow: write a date'],
  ])('of %j are refused: %s', (options, words) => expect(() => importTerms(options)).toThrow(words));
});

describe('importReport', () => {
  const status: ImportState = {
    importId: 'i',
    project: 'loans',
    source: 'upload:a.csv',
    state: 'done',
    warnings: [],
    reasons: [],
    rowsRead: 3,
    rowsChosen: 3,
    accepted: 3,
    rejected: 0,
    datasetVersion: 'abcdef0123456789',
    startedAtMs: 0,
  };
  const refusal = {
    code: 'missing_field',
    column: 'amount',
    count: 2,
    example: { file: 'upload:a.csv', row: 7, column: 'amount', value: null, reason: 'is missing' },
  };

  it('is one line where nothing is to be said', () => {
    expect(importReport('a.csv', status)).toBe('a.csv: 3 rows accepted, 0 refused, dataset version abcdef012345');
  });

  it('names refused rows and where they are', () => {
    expect(importReport('a.csv', { ...status, rejected: 2, reasons: [refusal] }).split('\n')).toEqual([
      'a.csv: 3 rows accepted, 2 refused, dataset version abcdef012345',
      '  refused 2 × row 7, amount: is missing',
      '  refused rows: millrace dlq list loans',
    ]);
  });

  it('says why there is no version', () => {
    const failed = { ...status, state: 'failed' as const, message: 'because', datasetVersion: undefined };
    expect(importReport('a.csv', failed)).toBe('a.csv was not imported: because');
  });

  it('tells ten kinds of refusals and that there are more', () => {
    const reasons = Array.from({ length: 12 }, (_, i) => ({ ...refusal, column: `c${i}` }));
    const lines = importReport('a.csv', { ...status, rejected: 24, reasons }).split('\n');
    expect(lines.filter((line) => line.startsWith('  refused 2'))).toHaveLength(10);
    expect(lines).toContain('  and 2 further reasons');
  });
});
