import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { CsvTerms } from '@millrace/tabular';
import { BrokenRow } from './broken-row.js';
import { labelRows } from './label-rows.duckdb.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-labels-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function read(name: string, text: string | Uint8Array, terms: CsvTerms = {}) {
  writeFileSync(join(folder, name), text);
  const rows: unknown[] = [];
  for await (const chunk of labelRows(join(folder, name), terms)) rows.push(...chunk.rows);
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

  it('in Parquet is the file of that name, not those that it would be a pattern of', async () => {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    for (const name of ['l[1].parquet', 'l1.parquet'])
      await connection.run(`COPY (SELECT '${name}' AS id) TO '${join(folder, name)}' (FORMAT parquet)`);
    connection.closeSync();
    instance.closeSync();
    const rows: unknown[] = [];
    for await (const chunk of labelRows(join(folder, 'l[1].parquet'))) rows.push(...chunk.rows);
    expect(rows).toEqual([{ id: 'l[1].parquet' }]);
  });

  it('in JSON is read in its encoding, found out or said', async () => {
    const latin = Buffer.from('{"id": "ü"}\n', 'latin1');
    for (const terms of [{}, { encoding: 'latin1' }] as const)
      expect(await read('latin.ndjson', latin, terms)).toEqual([{ id: 'ü' }]);
    expect(await read('latin.json', Buffer.from('[{"id": "ü"}]', 'latin1'))).toEqual([{ id: 'ü' }]);
    const utf = '{"id": "ü"}\n';
    expect(await read('said.ndjson', utf, { encoding: 'latin1' })).toEqual([{ id: 'Ã¼' }]);
    expect(await read('said.ndjson', latin, { encoding: 'utf-8' })).toEqual([
      { fault: 'holds bytes that are no UTF-8 text' },
    ]);
  });

  it.each([
    ['bad.ndjson', '{"id": 1}\n\n{id: 2}\n[3]\n{"id": 4}\n', [/^no JSON \(/, /^a label is a JSON object$/]],
    ['bad.json', '[{"id": 1}, 3, {"id": 4}]', [/^a label is a JSON object$/]],
    ['bad.csv', 'id,value\n1,1\n2,1,3\n4,0\n', [/^line 3: /]],
  ])('%s has broken rows among the others', async (name, text, faults) => {
    const rows = await read(name, text);
    const broken = rows.filter((row) => row instanceof BrokenRow);
    expect(broken).toEqual(faults.map((fault) => ({ fault: expect.stringMatching(fault) as unknown })));
    expect(rows.filter((row) => !(row instanceof BrokenRow))).toHaveLength(2);
    expect(rows.at(-1)).not.toBeInstanceOf(BrokenRow);
  });

  it.each([
    ['cut.json', '[{"id": 1}', {}, 'is no JSON list'],
    ['a.txt', 'id\n1\n', {}, 'name a .csv, .tsv, .parquet, .ndjson or .json file'],
    ['a.ndjson', '{"id": 1}', { delimiter: ';' }, '--delimiter does not go with a .ndjson file'],
    ['a.parquet', 'PAR1', { encoding: 'latin1' }, '--encoding does not go with a .parquet file'],
  ] as const)('%s is refused', async (name, text, terms, message) => {
    await expect(read(name, text, terms)).rejects.toThrow(message);
  });
});
