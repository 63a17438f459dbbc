import { expect, it } from '@jest/globals';
import { counted } from './counted.js';

it('one thing is no several: 1 rows, 1 labels', () => {
  expect([0, 1, 2].map((count) => counted(count, 'row'))).toEqual(['0 rows', '1 row', '2 rows']);
  expect(counted(2, 'value is', 'values are')).toBe('2 values are');
});
