// `ingest --stream` named the first fault of the first record, without its row, its value and its other faults.

import { expect, it } from '@jest/globals';
import { refusalLines } from './stream-refusals.js';

it('a refused record is told with its row, its id, every fault and what it held there', () => {
  const records = [{ id: 1, amount: 2 }, { id: 7, zzz: [1, 2], amount: 'viel' }, { values: { id: 9, zzz: 'b' } }, 3];
  const zzz = { field: 'zzz', message: 'is no column of the project' };
  const amount = { field: 'amount', message: '"viel" is not a number' };
  const missing = { field: 'amount', message: 'is missing' };
  expect(
    refusalLines(
      [
        { index: 1, recordId: '7', reasons: [zzz, amount] },
        { index: 2, recordId: '', reasons: [zzz, missing] },
        { index: 3, recordId: '', reasons: [{ field: '', message: 'a record is a JSON object' }] },
      ],
      records,
    ),
  ).toEqual([
    '  refused row 2 (7): zzz: [1,2] is no column of the project; amount: "viel" is not a number',
    '  refused row 3: zzz: "b" is no column of the project; amount: is missing',
    '  refused row 4: a record is a JSON object',
  ]);
});

it('ten are told, and how many more there are', () => {
  const reasons = [{ field: 'x', message: 'is missing' }];
  const refused = Array.from({ length: 12 }, (_, index) => ({ index, recordId: '', reasons }));
  expect(refusalLines(refused, []).slice(9)).toEqual(['  refused row 10: x: is missing', '  and 2 more']);
});
