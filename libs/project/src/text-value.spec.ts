import { describe, expect, it } from '@jest/globals';
import { textValue } from './text-value.js';

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
  ] as const)('%s of %j is %j', (type, field, expected) => expect(textValue(type, field)).toEqual(expected));

  it.each([
    ['1,5', 1.5],
    ['-,25', -0.25],
    ['12', 12],
    ['1.5', '1.5'],
    ['1.234,5', '1.234,5'],
  ])('with decimal commas, %j is %j', (field, expected) => expect(textValue('number', field, ',')).toEqual(expected));
});
