import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readTable } from './read-any-table.fs.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-new-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function read(name: string, contents: string | Uint8Array, options = {}) {
  const path = join(folder, name);
  writeFileSync(path, contents);
  const { profile, ...rest } = await readTable(path, options);
  return {
    ...rest,
    rows: profile.rows,
    types: Object.fromEntries(profile.columns.map(({ name, type }) => [name, type])),
  };
}

describe('a file for millrace new', () => {
  it('may be CSV with semicolons, quotes and a mark, as Excel writes it', async () => {
    const text = '\uFEFFid;"a;b";at\r\n1;"x\r\ny";2024-01-01\r\n2;z;2024-01-02\r\n';
    expect(await read('excel.csv', text)).toMatchObject({
      rows: 2,
      delimiter: ';',
      types: { id: 'integer', 'a;b': 'text', at: 'timestamp' },
      records: [{ id: '1', 'a;b': 'x\r\ny' }, {}],
      warnings: [],
    });
  });

  it('may be in Latin-1, which is said', async () => {
    const { types, warnings } = await read('latin.csv', Buffer.from('größe,n\n1,2\n', 'latin1'));
    expect(types).toEqual({ größe: 'integer', n: 'integer' });
    expect(warnings).toEqual([expect.stringContaining('Windows-1252')]);
  });

  it('may have a column without a name, names that come twice, and rows that are none', async () => {
    const { types, rows, warnings } = await read('odd.csv', ',a,b,b\n0,1,2,3\n1,4\n');
    expect(types).toEqual({ a: 'integer' });
    expect(rows).toBe(1);
    expect(warnings.join('\n')).toMatch(/without a name[\s\S]*'b' twice[\s\S]*1 row cannot be read/);
  });

  it('may be NDJSON, whose long numbers keep their digits', async () => {
    const text = '{"id":9007199254740993,"x":1.5,"ok":true}\n\n{"id":1,"y":[1],"ok":false}\nnothing\n';
    expect(await read('rows.ndjson', text)).toMatchObject({
      rows: 2,
      types: { id: 'integer', x: 'number', ok: 'boolean', y: 'text' },
      warnings: [expect.stringMatching(/^1 line is no JSON object and left out; the first is row 3: nothing \(/)],
    });
  });

  it('may be Parquet', async () => {
    const path = join(folder, 'rows.parquet');
    const instance = await DuckDBInstance.create();
    const connection = await instance.connect();
    await connection.run(`COPY (SELECT i::INTEGER AS i, i / 2.0 AS x, i % 2 = 0 AS ok, 'k' || i AS k,
      9007199254740993::BIGINT + i AS big, TIMESTAMP '2024-01-01 05:00:00' + INTERVAL (i) DAY AS at, [i] AS list
      FROM range(3000) t(i)) TO '${path}' (FORMAT parquet)`);
    connection.closeSync();
    instance.closeSync();
    const { profile, records } = await readTable(path, {});
    expect(profile.rows).toBe(3_000);
    expect(profile.columns.map(({ type }) => type)).toEqual([
      'integer',
      'number',
      'boolean',
      'text',
      'integer',
      'timestamp',
      'text',
    ]);
    expect(profile.columns.at(-1)?.isNested).toBe(true);
    expect(records[0]).toMatchObject({ i: 0, ok: true, k: 'k0', big: 9007199254740993n });
    expect(String(records[0]?.at)).toMatch(/^2024-01-01T05:00:00/);
  });

  it.each([
    ['empty.csv', '', {}, 'is empty'],
    ['list.json', '[{"a":1}]', {}, 'JSON list'],
    ['zip.csv', 'PK\u0003\u0004rest', {}, 'Excel workbook'],
    ['x.csv', 'a\n1\n', { encoding: 'ebcdic' }, "--encoding ebcdic: write 'utf-8' or"],
    ['x.csv', 'a\n1\n', { delimiter: '||' }, '--delimiter ||: write one character'],
  ])('%s is refused with what to do', async (name, contents, options, message) => {
    await expect(read(name, contents, options)).rejects.toThrow(message);
  });

  it('has to be there', async () => {
    await expect(readTable(join(folder, 'none.csv'), {})).rejects.toThrow('there is no file');
  });
});
