import { describe, expect, it } from '@jest/globals';
import { formatOf } from './table-format.js';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('formatOf', () => {
  it.each([
    ['a.csv', 'a,b', undefined, 'csv'],
    ['a.tsv', 'a\tb', undefined, 'csv'],
    ['a.ndjson', '{"a":1}', undefined, 'ndjson'],
    ['a.jsonl', '{"a":1}', undefined, 'ndjson'],
    ['data', '{"a":1}', undefined, 'ndjson'],
    ['data', 'a,b', undefined, 'csv'],
    ['wrong.csv', 'PAR1…', undefined, 'parquet'],
    ['a.dat', '{"a"', 'csv', 'csv'],
    ['a.csv', '\uFEFFa,b', undefined, 'csv'],
    ['hive.csv', 'a\u0001b', undefined, 'csv'],
  ] as const)('%s with %j, declared %s, is %s', (name, text, declared, format) =>
    expect(formatOf(name, bytes(text), declared)).toBe(format),
  );

  it.each([
    ['a.csv.gz', '\u001f', [0x1f, 0x8b, 8], 'unpack it'],
    ['a.xlsx', 'PK', [0x50, 0x4b, 3, 4], 'save the sheet as CSV'],
    ['a.parquet', 'a,b', undefined, 'does not begin with PAR1'],
    ['a.json', '[{"a":1}]', undefined, 'one object a line'],
    ['m.onnx', '', [8, 7, 18, 7, 0x73], 'is a model (ONNX), no table'],
    ['m.pkl', '', [0x80, 4, 0x95, 1], 'holds binary data, no text'],
  ])('refuses %s and says what to do', (name, text, exact, words) => {
    expect(() => formatOf(name, exact === undefined ? bytes(text) : Uint8Array.from(exact))).toThrow(words);
  });

  it('refuses a Parquet file that is said to be CSV', () => {
    expect(() => formatOf('x', bytes('PAR1'), 'csv')).toThrow('is a Parquet file, not csv');
  });
});
