import { expect, it } from '@jest/globals';
import type { DatasetVersion } from '@millrace/contracts';
import { DatasetIndex } from './dataset-index.js';

const version = (id: string, ordinal: number, closedAtMs: number, kind: 'live' | 'import' = 'live') =>
  ({ project: 'p', id, ordinal, closedAtMs, kind, rows: 5, rowsOf: 0, windowEndMs: 1_000 * ordinal }) as DatasetVersion;

it('tells nobody of the versions of a deleted project, and takes the same rows again as new', () => {
  let createdAtMs: number | undefined = 0;
  const index = new DatasetIndex(() => createdAtMs);
  index.add(version('a', 1, 100));
  index.add(version('b', 2, 200, 'import'));
  index.add(version('a', 1, 100));
  expect(index.list('p').map(({ id }) => id)).toEqual(['a', 'b']);
  expect([index.newest('p')?.id, index.sums('p').importedRows, index.closedThroughMs('p')]).toEqual(['b', 5, 1_000]);
  createdAtMs = 300;
  expect([index.list('p'), index.find('p', 'a'), index.newest('p'), index.sums('p').importedRows]).toEqual([
    [],
    null,
    null,
    0,
  ]);
  expect(index.closedThroughMs('p')).toBe(Number.NEGATIVE_INFINITY);
  index.add(version('a', 1, 310));
  expect(index.list('p')).toMatchObject([{ id: 'a', ordinal: 1, closedAtMs: 310 }]);
});

it('gives versions by pages from the newest on, also where retention has taken some away', () => {
  const index = new DatasetIndex(() => 0);
  for (let ordinal = 1; ordinal <= 10; ordinal++) index.add(version(`v${ordinal}`, ordinal, ordinal));
  for (const gone of ['v2', 'v8']) index.remove('p', gone);
  const page = (limit: number, before?: number) => {
    const { versions, ...rest } = index.page('p', limit, before);
    return { ...rest, ordinals: versions.map(({ ordinal }) => ordinal) };
  };
  expect(page(3)).toEqual({ ordinals: [7, 9, 10], total: 8, before: 7 });
  expect(page(3, 7)).toEqual({ ordinals: [4, 5, 6], total: 8, before: 4 });
  expect(page(3, 4)).toEqual({ ordinals: [1, 3], total: 8, before: null });
  expect(page(8)).toMatchObject({ before: null });
  expect(page(3, 1)).toEqual({ ordinals: [], total: 8, before: null });
  expect(index.page('q', 3)).toEqual({ versions: [], total: 0, before: null });
});
