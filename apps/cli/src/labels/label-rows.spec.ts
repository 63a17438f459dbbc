import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { labelRows } from './label-rows.duckdb.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-labels-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(name: string, text: string) {
  writeFileSync(join(folder, name), text);
  const rows: unknown[] = [];
  for await (const chunk of labelRows(join(folder, name))) rows.push(...chunk.rows);
  return rows;
}

describe('a file of labels', () => {
  it.each([
    ['a.csv', 'id;value\n007;true\nü;0\n'],
    ['a.tsv', 'id\tvalue\n007\ttrue\nü\t0\n'],
  ])('%s is texts as they stand there', async (name, text) =>
    expect(await read(name, text)).toEqual([
      { id: '007', value: 'true' },
      { id: 'ü', value: '0' },
    ]),
  );

  it('in JSON keeps values and digits, as lines and as a list, however long', async () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => ({ id: `ü${i}`, value: i % 2 === 0 }));
    expect(await read('a.ndjson', `${rows.map((row) => JSON.stringify(row)).join('\n')}\n\n`)).toEqual(rows);
    expect(await read('a.json', JSON.stringify(rows.slice(0, 3)))).toEqual(rows.slice(0, 3));
    expect(await read('b.ndjson', '{"id": 9007199254740993}')).toEqual([{ id: 9_007_199_254_740_993n }]);
  });

  it.each([
    ['bad.ndjson', '{"id": 1}\n\n{id: 2}\n', 'bad.ndjson line 3: no JSON'],
    ['list.ndjson', '[1]\n', 'a label is a JSON object'],
    ['a.txt', 'id\n1\n', 'name a .csv, .tsv, .parquet, .ndjson or .json file'],
  ])('%s is refused', async (name, text, message) => await expect(read(name, text)).rejects.toThrow(message));
});
