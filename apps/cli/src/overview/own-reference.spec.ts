import { expect, it } from '@jest/globals';
import { collectingOf, collectingText } from './own-reference.js';

it('tells of each version whose reference is not complete', () => {
  const of = (rows: number, complete: boolean) => ({ rows, of: 1_000, complete });
  const models = [
    { version: 1, reference: of(1_000, true) },
    { version: 2, reference: null },
    { version: 3, reference: of(812, false) },
  ];
  expect(collectingOf(models)).toEqual([{ version: 3, rows: 812, of: 1_000 }]);
  expect(collectingOf(models).map(collectingText)).toEqual([
    'version 3, reference: 812 of 1,000 rows; until it is complete windows are counted, not judged',
  ]);
});
