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
    ['boolean', 'TRUE', true],
    ['boolean', '0', false],
    ['boolean', 'yes', 'yes'],
    ['timestamp', '1000', 1_000],
    ['timestamp', '2024-01-01', '2024-01-01'],
    ['text', ' x ', ' x '],
    ['text', null, null],
  ] as const)('%s of %j is %j', (type, field, expected) => expect(textValue(type, field)).toEqual(expected));
});
