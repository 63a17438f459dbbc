import { expect, it } from '@jest/globals';
import { versionSource } from './version-source.js';

it.each([
  [
    'an import is its file',
    { kind: 'import', source: 'upload:hist.ndjson', ordinal: 1, rowsOf: 0 },
    'upload:hist.ndjson',
  ],
  [
    'late labels of it are no second import of the file',
    { kind: 'import', source: 'upload:hist.ndjson', ordinal: 3, rowsOf: 1 },
    'upload:hist.ndjson, late labels of #1',
  ],
  ['of the stream ingest says it', { kind: 'live', source: 'late labels', ordinal: 4, rowsOf: 2 }, 'late labels'],
])('%s', (_, version, text) => {
  expect(versionSource(version)).toBe(text);
});
