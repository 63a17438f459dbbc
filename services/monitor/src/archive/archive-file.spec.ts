import { describe, expect, it } from '@jest/globals';
import {
  type ArchiveFile,
  byLog,
  dayOf,
  fileOf,
  folderOf,
  mergedName,
  needed,
  nextMerge,
  pathOf,
} from './archive-file.js';

const TODAY = '2026-11-29';

function aFile(first: number, next: number, part: Partial<ArchiveFile> = {}): ArchiveFile {
  return {
    ...{ project: 'p', createdAtMs: 5, kind: 'predictions', partition: 2, log: 0, day: TODAY, first, next, level: 0 },
    ...{ rows: next - first, fromMs: -7, toMs: 9, writtenFromMs: first, writtenToMs: next, bytes: 100, ...part },
  };
}

describe('a file of the archive', () => {
  it('says in its name what it holds', () => {
    const file = aFile(10, 30, { level: 1, log: 3 });
    const path = pathOf(file);
    expect(path).toBe('archive/p/5/predictions/day=2026-11-29/2.3_10_30_1_20_-7_9_10_30_100.parquet');
    expect(fileOf({ project: 'p', createdAtMs: 5 }, path.slice(folderOf(file).length + 1))).toEqual(file);
    expect(dayOf(Date.UTC(2026, 10, 29, 23, 59))).toBe(TODAY);
  });

  it.each([
    'cut.json',
    'predictions/day=2026-11-29/notes.txt',
    'others/day=2026-11-29/2.3_10_30_1_20_-7_9_10_30_100.parquet',
  ])('is none of another name: %s', (path) => {
    expect(fileOf({ project: 'p', createdAtMs: 5 }, path)).toBeUndefined();
  });

  it('is not needed where its offsets lie in those of another one', () => {
    const files = [aFile(0, 10), aFile(10, 20), aFile(0, 20, { level: 1 }), aFile(20, 30), aFile(20, 25)];
    const [log = []] = byLog(files);
    const { kept, superseded } = needed(log);
    expect(kept.map(({ first, next }) => [first, next])).toEqual([
      [0, 20],
      [20, 30],
    ]);
    expect(superseded).toHaveLength(3);
  });

  it('is of one log: partitions, kinds and topics that were created again do not mix', () => {
    const files = [
      aFile(0, 10),
      aFile(0, 10, { log: 1 }),
      aFile(0, 10, { partition: 1 }),
      aFile(0, 10, { kind: 'labels' }),
    ];
    expect(byLog(files)).toHaveLength(4);
  });
});

describe('files that become one', () => {
  const row = (count: number, part: Partial<ArchiveFile> = {}) =>
    Array.from({ length: count }, (_, i) => aFile(10 * i, 10 * i + 10, part));

  it('are sixteen of a level, or all of a day that is over', () => {
    expect(nextMerge(row(15), TODAY)).toBeUndefined();
    expect(nextMerge(row(40), TODAY)).toHaveLength(16);
    expect(nextMerge(row(3, { day: '2026-11-28' }), TODAY)).toHaveLength(3);
    expect(nextMerge(row(1, { day: '2026-11-28' }), TODAY)).toBeUndefined();
  });

  it('are of one day, and no larger than is good to merge', () => {
    const days = [...row(2, { day: '2026-11-27' }), aFile(20, 30, { day: '2026-11-28' })];
    expect(nextMerge(days, TODAY)).toHaveLength(2);
    expect(nextMerge(row(3, { day: '2026-11-28', bytes: 200 * 1_048_576 }), TODAY)).toBeUndefined();
  });

  it('are two that share offsets, as a process that was replaced may leave them', () => {
    expect(nextMerge([aFile(0, 10), aFile(5, 15)], TODAY)).toHaveLength(2);
  });

  it('are called by what all of them hold', () => {
    const merged = mergedName([aFile(0, 10), aFile(10, 30, { toMs: 20 })]);
    expect(merged).toMatchObject({ first: 0, next: 30, level: 1, fromMs: -7, toMs: 20, writtenToMs: 30 });
  });
});
