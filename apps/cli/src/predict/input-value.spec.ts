import { describe, expect, it } from '@jest/globals';
import type { Datatype } from '@millrace/inference';
import type { WrittenColumn } from '@millrace/project';
import { typedValue, Unfit, valueOfJson, valueOfText } from './input-value.js';

describe('a text of a file', () => {
  it.each<[Datatype, string | null, unknown]>([
    ['BYTES', 'yes', 'yes'],
    ['BYTES', ' 007 ', ' 007 '],
    ['BYTES', '', ''],
    ['BYTES', null, null],
    ['FP64', ' 1.5e3 ', 1_500],
    ['FP64', '9007199254740993', 9_007_199_254_740_992],
    ['FP64', '', null],
    ['FP64', 'nan', null],
    ['INT64', '9007199254740993', 9_007_199_254_740_993n],
    ['INT64', '+7', 7],
    ['INT64', '1e3', 1_000],
    ['INT64', '2026-01-02 00:00', 1_767_312_000_000],
    ['UINT64', '18446744073709551615', 18_446_744_073_709_551_615n],
    ['BOOL', 'TRUE', true],
    ['BOOL', '0', false],
    ['BOOL', 'Yes', true],
    ['BOOL', '', null],
  ])('for %s: %j is %j', (datatype, text, value) => expect(valueOfText(datatype, text)).toEqual(value));

  it.each<[Datatype, string]>([
    ['FP64', 'high'],
    ['FP64', '1,5'],
    ['FP64', 'Infinity'],
    ['FP64', '2026-01-02'],
    ['UINT64', '2026-01-02'],
    ['INT64', '1.5'],
    ['INT64', '9223372036854775808'],
    ['INT8', '128'],
    ['UINT64', '-1'],
    ['BOOL', 'maybe'],
    ['BOOL', '2'],
  ])('for %s: %j does not fit, and is shown', (datatype, text) => {
    const read = valueOfText(datatype, text);
    expect(read).toBeInstanceOf(Unfit);
    expect((read as Unfit).why).toContain(`is not of ${datatype}`);
    expect((read as Unfit).why).toContain(JSON.stringify(text));
  });
});

describe('a time in a file', () => {
  const time = { type: 'timestamp' } as const;
  it.each<[Datatype, string, WrittenColumn, unknown]>([
    ['INT64', '2026-01-02', time, 1_767_312_000_000],
    ['FP32', '2026-01-02', time, 1_767_312_000_000],
    ['INT64', '02.01.2026', { type: 'timestamp', format: 'DD.MM.YYYY' }, 1_767_312_000_000],
  ])('for %s: %j of %j is %j', (datatype, text, column, value) =>
    expect(valueOfText(datatype, text, { column })).toEqual(value),
  );

  it.each<[Datatype, WrittenColumn]>([
    ['FP64', { type: 'number' }],
    ['INT64', { type: 'integer' }],
  ])('is none for %s of %j, as ingest refuses it', (datatype, column) =>
    expect(valueOfText(datatype, '2026-01-02', { column })).toBeInstanceOf(Unfit),
  );
});

describe('a value with a type of its own', () => {
  it.each<[Datatype, number | bigint | boolean | string, unknown]>([
    ['FP64', 5n, 5],
    ['FP64', Number.NaN, null],
    ['INT64', 5, 5],
    ['INT64', 9_007_199_254_740_993n, 9_007_199_254_740_993n],
    ['BOOL', true, true],
    ['BOOL', 0, false],
    ['BYTES', 'x', 'x'],
  ])('for %s: %p is %p', (datatype, value, expected) => expect(typedValue(datatype, value)).toEqual(expected));

  it.each<[Datatype, number | boolean | string]>([
    ['FP64', '5'],
    ['FP64', true],
    ['INT64', 1.5],
    ['BOOL', 2],
    ['BYTES', 1],
  ])('for %s: %p does not fit', (datatype, value) => expect(typedValue(datatype, value)).toBeInstanceOf(Unfit));
});

describe('a value of a JSON record', () => {
  const time = { type: 'timestamp' } as const;
  it.each<[Datatype, unknown, Parameters<typeof valueOfJson>[2], unknown]>([
    ['FP64', 5, undefined, 5],
    ['FP64', null, undefined, null],
    ['FP64', 'NA', { type: 'number', missing: ['NA'] }, null],
    ['INT64', '2026-01-02', time, 1_767_312_000_000],
    ['INT64', 1_767_312_000_000, time, 1_767_312_000_000],
    ['INT64', '02.01.2026', { type: 'timestamp', format: 'DD.MM.YYYY' }, 1_767_312_000_000],
    ['BYTES', 10_115, { type: 'text' }, '10115'],
    ['BYTES', 9_007_199_254_740_993n, { type: 'text' }, '9007199254740993'],
    ['BYTES', '10115', undefined, '10115'],
  ])('for %s: %p of %j is %p', (datatype, value, column, expected) =>
    expect(valueOfJson(datatype, value, column)).toEqual(expected),
  );

  it.each<[Datatype, unknown, Parameters<typeof valueOfJson>[2]]>([
    ['FP64', '5', undefined],
    ['FP64', '5', { type: 'number' }],
    ['FP64', true, { type: 'number' }],
    ['BOOL', 'yes', { type: 'boolean' }],
    ['INT64', '2026-01-02', undefined],
    ['INT64', 'never', time],
    ['BYTES', 10_115, undefined],
    ['BYTES', 1.5, { type: 'text' }],
    ['BYTES', { a: 1 }, { type: 'text' }],
  ])('for %s: %p of %j does not fit', (datatype, value, column) =>
    expect(valueOfJson(datatype, value, column)).toBeInstanceOf(Unfit),
  );
});
