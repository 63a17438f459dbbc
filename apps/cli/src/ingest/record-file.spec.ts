import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { recordFile } from './record-file.fs.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-records-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

describe('a file of records', () => {
  it.each([
    ['a.json', '[{"id": 9007199254740993}, {"id": 7}]'],
    ['a.ndjson', '{"id": 9007199254740993}\n\n{"id": 7}\n'],
  ])('%s keeps all digits of its integers', (name, text) =>
    expect(recordFile(file(name, text)).records).toEqual([{ id: 9_007_199_254_740_993n }, { id: 7 }]),
  );

  it.each([
    ['empty.json', ' \n', 'is empty'],
    ['bad.ndjson', '{"id": 1}\n{id: 2}\n', 'line 2 is no JSON'],
    ['bad.json', '[{"id": 1}', 'as a list is no JSON'],
  ])('%s is refused', (name, text, message) => expect(() => recordFile(file(name, text))).toThrow(message));
});
