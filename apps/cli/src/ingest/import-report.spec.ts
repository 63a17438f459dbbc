import { describe, expect, it } from '@jest/globals';
import type { ImportState } from '../client/control.http.js';
import { importReport, importTerms, isMostlyRefused, referenceOf } from './import-report.js';

describe('importTerms', () => {
  it.each([
    [{}, {}],
    [{ file: 'a.csv', delimiter: '\t' }, { csv: { delimiter: '\t' } }],
    [{ decimal: ',' as const, encoding: 'latin1' as const }, { csv: { decimal: ',', encoding: 'latin1' } }],
    [
      { format: 'ndjson' as const, rows: 'all' as const, seed: 3 },
      { format: 'ndjson', rows: 'all', seed: 3 },
    ],
    [
      { from: 0, to: 77, rows: 5 },
      { fromMs: 0, toMs: 77, rows: 5 },
    ],
  ])('of %j are %j', (options, terms) => expect(importTerms(options)).toEqual(terms));
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

  it('says how many rows are left out because they repeat an id', () => {
    const report = importReport('a.csv', { ...status, accepted: 10_000, repeatedRows: 9_200 });
    expect(report.split('\n')[1]).toBe('  9200 accepted rows repeat the id of an earlier one: left out');
    expect(importReport('a.csv', { ...status, repeatedRows: 0 })).not.toContain('repeat');
  });

  it('names refused rows and where they are', () => {
    expect(importReport('a.csv', { ...status, rejected: 2, reasons: [refusal] }).split('\n')).toEqual([
      'a.csv: 3 rows accepted, 2 refused, dataset version abcdef012345',
      '  refused 2 × row 7, amount: is missing',
      '  refused rows: `millrace dlq list loans`',
    ]);
  });

  it('a file of which most rows are refused is no data to train on', () => {
    expect(isMostlyRefused({ accepted: 41, rejected: 1459 })).toBe(true);
    expect(isMostlyRefused({ accepted: 1500, rejected: 3 })).toBe(false);
    expect(isMostlyRefused({ accepted: 0, rejected: 0 })).toBe(false);
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

  it('of a reference is a version only where not most rows were refused', () => {
    expect(referenceOf('a.csv', status)).toBe(status.datasetVersion);
    expect(referenceOf('a.csv', { ...status, accepted: 5_000, rejected: 5_000 })).toBe(status.datasetVersion);
    expect(() => referenceOf('a.csv', { ...status, accepted: 1, rejected: 9_999, reasons: [refusal] })).toThrow(
      '9999 of 10000 rows of a.csv were refused (the first: is missing): that is no reference',
    );
    const failed = { ...status, state: 'failed' as const, message: 'no header', datasetVersion: undefined };
    expect(() => referenceOf('a.csv', failed)).toThrow('a.csv: no header');
  });
});
