import { expect, it } from '@jest/globals';
import { ROW_IDS, rowTexts } from './parameters.js';

const of = (value: string, rows = 2) => rowTexts({ [ROW_IDS]: value }, ROW_IDS, rows, 5);

it('are a text for each row, or not given', () => {
  expect(of('["a","ü"]')).toEqual(['a', 'ü']);
  expect(of('["",""]')).toEqual(['', '']);
  expect(of('')).toBeUndefined();
  expect(rowTexts({}, ROW_IDS, 2, 5)).toBeUndefined();
});

it.each([
  ['["a"]', "parameter 'row_ids' must be a JSON list of 2 texts, one a row"],
  ['["a",1]', 'must be a JSON list of 2 texts'],
  ['["a",null]', 'must be a JSON list of 2 texts'],
  ['{"0":"a","1":"b"}', 'must be a JSON list of 2 texts'],
  ['a,b', 'must be a JSON list of 2 texts'],
  ['["a","123456"]', "parameter 'row_ids' has a text of 6 characters, at most 5 are allowed"],
])('refuses %s', (value, reason) => {
  expect(() => of(value)).toThrow(reason);
});
