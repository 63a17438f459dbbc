import { describe, expect, it } from '@jest/globals';
import { textValue, writtenValue } from './text-value.js';

describe('textValue', () => {
  it.each([
    ['number', '1.5e3', 1_500],
    ['number', ' 7 ', 7],
    ['number', 'NaN', Number.NaN],
    ['number', '-Infinity', Number.NEGATIVE_INFINITY],
    ['number', '1,5', '1,5'],
    ['number', '', null],
    ['integer', '12', 12],
    ['integer', '1234567890123456', 1_234_567_890_123_456],
    ['integer', '9007199254740993', 9_007_199_254_740_993n],
    ['number', '9007199254740993', 9_007_199_254_740_992],
    ['boolean', 'TRUE', true],
    ['boolean', '0', false],
    ['boolean', 'Yes', true],
    ['boolean', ' n ', false],
    ['boolean', 't', true],
    ['boolean', 'maybe', 'maybe'],
    ['boolean', 'constructor', 'constructor'],
    ['number', 'constructor', 'constructor'],
    ['timestamp', '1000', 1_000],
    ['timestamp', '2024-01-01', '2024-01-01'],
    ['text', ' x ', ' x '],
    ['text', null, null],
    ['text', '', null],
  ] as const)('%s of %j is %j', (type, field, expected) => expect(textValue({ type }, field)).toEqual(expected));

  it.each([
    ['1,5', 1.5],
    ['-,25', -0.25],
    ['12', 12],
    ['1.5', '1.5'],
    ['1.234,5', '1.234,5'],
  ])('with decimal commas, %j is %j', (field, expected) =>
    expect(textValue({ type: 'number' }, field, ',')).toEqual(expected),
  );

  it.each([
    ['number', 'NA', null],
    ['number', ' - ', null],
    ['number', 'na', 'na'],
    ['text', 'NA', null],
    ['text', 'NAB', 'NAB'],
    ['boolean', '-', null],
    ['timestamp', 'NA', null],
  ] as const)('where NA and - are declared as missing, %s of %j is %j', (type, field, expected) => {
    const column = { type, missing: ['NA', '-'] };
    expect(textValue(column, field)).toEqual(expected);
    if (type === 'text') expect(writtenValue(column, field)).toEqual(expected);
  });
});

describe('writtenValue', () => {
  it('takes an empty text for no value in a column of texts only, as a request to a model does', () => {
    expect(writtenValue({ type: 'text' }, '')).toBeNull();
    expect(writtenValue({ type: 'text' }, ' ')).toBe(' ');
    // Refused with its reason.
    expect(writtenValue({ type: 'number' }, '')).toBe('');
  });
});

describe('a time of the column’s own form', () => {
  const column = { type: 'timestamp', format: 'DD.MM.YYYY' } as const;
  const seconds = { type: 'timestamp', format: 'epoch-s' } as const;

  it('is milliseconds, as a text of a file and as a value', () => {
    for (const read of [textValue, writtenValue] as const) {
      expect(read(column, '31.12.2026')).toBe(Date.UTC(2026, 11, 31));
      expect(read(seconds, '1700000000')).toBe(1_700_000_000_000);
    }
    expect(writtenValue(seconds, 1_700_000_000)).toBe(1_700_000_000_000);
  });

  it('of another form stays a text, and is never taken for milliseconds', () => {
    expect(textValue(column, '12/31/2026')).toBe('12/31/2026');
    expect(textValue(column, '20261231')).toBe('20261231');
    expect(writtenValue(column, 1_700_000_000)).toBe('1700000000');
  });
});
