import { describe, expect, it } from '@jest/globals';
import { defineSettings, parseDurationMs, parseSetting } from './setting.js';

describe('defineSettings', () => {
  it.each([
    ['a name that is not ours', { x: { env: 'HOEM', type: 'text', default: '', why: '' } } as const],
    [
      'a default outside its range',
      { x: { env: 'MILLRACE_INGEST_X', type: 'int', default: 5, min: 6, max: 7, why: '' } } as const,
    ],
    [
      'a secret with a default',
      { x: { env: 'MILLRACE_INGEST_X', type: 'text', default: 'p', secret: true, why: '' } } as const,
    ],
  ])('is a programmer error with %s', (_what, wrong) => {
    expect(() => defineSettings(wrong)).toThrow('assertion failed');
  });
});

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['5s', 5000],
    ['15m', 900_000],
    ['3h', 10_800_000],
    ['2d', 172_800_000],
    ['40', 40],
    ['1.5h', 5_400_000],
    ['', undefined],
    ['-5s', undefined],
    ['5 weeks', undefined],
  ])('%s', (text, expected) => {
    expect(parseDurationMs(text)).toBe(expected);
  });
});

it('a multiple is asked for where one is declared', () => {
  const offset = { env: 'MILLRACE_X', type: 'int', min: 0, max: 5_000, multipleOf: 1_000, why: '' } as const;
  expect(parseSetting(offset, '2000')).toEqual({ kind: 'ok', value: 2_000 });
  expect(parseSetting(offset, '2500')).toEqual({ kind: 'fault', fault: 'is no multiple of 1000' });
});
