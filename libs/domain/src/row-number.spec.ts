import { expect, it } from '@jest/globals';
import { indexNamed, rowNumber, rowOfWhole, withoutRow } from './row-number.js';

it('counts rows from 1', () => expect([0, 41].map(rowNumber)).toEqual([1, 42]));

it.each([
  ["row 3: column 'a' is missing", "row 1027: column 'a' is missing", "column 'a' is missing"],
  ["input 'a' row 3 is 1.5", "input 'a' row 1027 is 1.5", "input 'a' is 1.5"],
  ['the answer is refused: row 3: NaN', 'the answer is refused: row 1027: NaN', 'the answer is refused: NaN'],
  ["no model 'row'", "no model 'row'", "no model 'row'"],
])('%s, as a fault of a part', (fault, whole, without) => {
  expect(indexNamed(fault)).toBe(fault.includes('3') ? 2 : undefined);
  expect([rowOfWhole(fault, 1_024), withoutRow(fault)]).toEqual([whole, without]);
});
