import { describe, expect, it } from '@jest/globals';
import { usualDatasets } from './usual-datasets.js';

const live = (id: string, hour = id.charCodeAt(0), ordinal = 1) =>
  ({ id, kind: 'live', source: 'stream', ordinal, windowStartMs: hour, windowEndMs: hour + 1 }) as const;
const imported = (id: string, source = `file:${id}`) =>
  ({ id, kind: 'import', source, ordinal: 1, windowStartMs: 0, windowEndMs: 0 }) as const;

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
    expect(usualDatasets('loans', [live('a', 7), live('b', 8, 2), live('c', 7, 3)])).toEqual(['b', 'c']);
  });

  it('are refused with what to do where there are none', () => {
    expect(() => usualDatasets('loans', [])).toThrow(/no dataset version yet.*millrace ingest loans --file FILE/);
  });
});
