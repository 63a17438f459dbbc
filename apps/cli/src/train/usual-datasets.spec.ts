import { describe, expect, it } from '@jest/globals';
import { usualDatasets } from './usual-datasets.js';

const live = (id: string) => ({ id, kind: 'live' });
const imported = (id: string) => ({ id, kind: 'import' });

describe('the usual datasets of a training', () => {
  it('are the newest import, also where live versions are newer', () => {
    expect(usualDatasets('loans', [imported('a'), live('b'), imported('c'), live('d')])).toEqual(['c']);
  });

  it('are all live versions where nothing was imported', () => {
    expect(usualDatasets('loans', [live('a'), live('b')])).toEqual(['a', 'b']);
  });

  it('are refused with what to do where there are none', () => {
    expect(() => usualDatasets('loans', [])).toThrow(/no dataset version yet.*millrace ingest loans --source NAME/);
  });
});
