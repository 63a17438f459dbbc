import { describe, expect, it } from '@jest/globals';
import { usualDatasets } from './usual-datasets.js';

const live = (id: string, ordinal = id.charCodeAt(0), rowsOf = 0) =>
  ({ id, kind: 'live', source: 'stream', ordinal, rowsOf }) as const;
const imported = (id: string, source = `file:${id}`, ordinal = id.charCodeAt(0), rowsOf = 0) =>
  ({ id, kind: 'import', source, ordinal, rowsOf }) as const;

describe('the usual datasets of a training', () => {
  it('are all imports, also where live versions are newer', () => {
    expect(usualDatasets('loans', [imported('a'), live('b'), imported('c'), live('d')])).toEqual(['a', 'c']);
  });

  it('are of a file that was imported again only the newest', () => {
    const datasets = [imported('a', 'file:jan'), imported('b', 'file:feb'), imported('c', 'file:jan')];
    expect(usualDatasets('loans', datasets)).toEqual(['b', 'c']);
  });

  it('are all live versions where nothing was imported', () => {
    expect(usualDatasets('loans', [live('a'), live('b')])).toEqual(['a', 'b']);
  });

  it('are of a span the version with the newest labels', () => {
    expect(usualDatasets('loans', [live('a', 1), live('b', 2), live('c', 3, 1)])).toEqual(['b', 'c']);
  });

  it('are of an import the version with the newest labels, in the place of the import', () => {
    const jan = imported('a', 'file:jan', 1);
    const feb = imported('b', 'file:feb', 2);
    expect(usualDatasets('loans', [jan, feb, imported('c', 'file:jan', 3, 1)])).toEqual(['c', 'b']);
    // Labels of the older file do not put it before the one that replaced it.
    const again = imported('d', 'file:jan', 4);
    expect(usualDatasets('loans', [jan, feb, again, imported('e', 'file:jan', 5, 1)])).toEqual(['b', 'd']);
    // Its first labels again: announced anew, as the newest.
    const back = imported('a', 'file:jan', 5, 1);
    expect(usualDatasets('loans', [back, feb, imported('c', 'file:jan', 3, 1), again])).toEqual(['b', 'd']);
  });

  it('are refused with what to do where there are none', () => {
    expect(() => usualDatasets('loans', [])).toThrow(/no dataset version yet.*millrace ingest loans --file FILE/);
  });
});
