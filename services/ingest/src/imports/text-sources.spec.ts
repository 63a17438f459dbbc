// CSV and NDJSON files as people have them, through the sources that an import reads.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { parseProject } from '@millrace/project';
import { compileSchema } from '../schema/record-schema.js';
import { CsvSource } from './csv-source.fs.js';
import { checkHeader } from './header-check.js';
import { NdjsonSource } from './ndjson-source.fs.js';
import { rowFromPayload } from './row-payload.js';
import type { FileTerms, RowIds, RowSource } from './row-source.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-sources-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');
const parsed = parseProject(
  `name: p
data:
  entity: who
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: who, type: text, required: true }
    - { name: x, type: number }
    - { name: flag, type: boolean }
    - { name: y, type: number, outcome: true }
  label: { name: l, column: y, operation: gt, value: 0 }
features: [{ name: x, kind: numeric }]
`,
  'p',
);
if (parsed.kind !== 'ok') throw new Error('bad project');
const schema = compileSchema(parsed.project, sha256);

function written(name: string, content: string | readonly number[]) {
  const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content);
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return { path, name, sha256: sha256(bytes) };
}

interface Row {
  id: string;
  values: unknown[];
  fault: string | null;
}

async function rowsOf(source: RowSource): Promise<Row[]> {
  const range = await source.rowsBetween(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const rows: Row[] = [];
  const count = range.kind === 'run' ? range.count : range.rows.length;
  if (count === 0) return rows;
  for await (const chunk of source.read(0, count - 1)) {
    for (let i = 0; i < chunk.rows; i++) {
      const values = schema.columns.map((_, column) => chunk.value(i, column));
      rows.push({ id: chunk.recordId(i), values, fault: chunk.fault(i) });
    }
  }
  return rows;
}

const FILE: RowIds = { kind: 'file' };
const csv = (name: string, content: string | readonly number[], terms: FileTerms = {}, ids: RowIds = FILE) =>
  CsvSource.open(written(name, content), schema, ids, terms);
const latin1 = (text: string) => [...text].map((c) => c.charCodeAt(0));

describe('a CSV file', () => {
  it.each([
    ['a byte-order mark', '\uFEFFat,who,x\n2024-01-01,ann,1.5\n', {}],
    ['semicolons and decimal commas', 'at;who;x\n2024-01-01;ann;1,5\n', { csv: { decimal: ',' } }],
    ['tabs', 'at\twho\tx\n2024-01-01\tann\t1.5\n', {}],
    ['pipes that are declared', 'at|who|x\n2024-01-01|ann|1.5\n', { csv: { delimiter: '|' } }],
    ['empty lines and CRLF', '\r\nat,who,x\r\n\r\n2024-01-01,ann,1.5\r\n  \r\n', {}],
    ['CR alone', 'at,who,x\r2024-01-01,ann,1.5\r', {}],
    ['columns in another order, and more of them', 'note,x,who,at\n"a\nb",1.5,ann,2024-01-01\n', {}],
  ] as const)('with %s', async (_what, content, terms) => {
    const [row] = await rowsOf(await csv('a.csv', content, terms));
    expect(row?.values.slice(0, 3)).toEqual(['2024-01-01', 'ann', 1.5]);
  });

  it('of a project whose numbers have a decimal comma needs no option', async () => {
    const { data } = parsed.project;
    const comma = compileSchema({ ...parsed.project, data: { ...data, decimal: ',' } }, sha256);
    const file = written('c.csv', 'at;who;x\n2024-01-01;ann;1,5\n');
    const opened = await CsvSource.open(file, comma, FILE, {});
    expect((await rowsOf(opened))[0]?.values[2]).toBe(1.5);
    expect(opened.facts.csv?.decimal).toBe(',');
    const said = await CsvSource.open(file, comma, FILE, { csv: { decimal: '.' } });
    expect((await rowsOf(said))[0]?.values[2]).toBe('1,5');
  });

  it('types booleans of every spelling', async () => {
    const words = ['yes', 'N', 'TRUE', '0', 'f', ''];
    const rows = await rowsOf(await csv('b.csv', `at,who,flag\n${words.map((w) => `2024-01-01,a,${w}`).join('\n')}\n`));
    expect(rows.map(({ values }) => values[3])).toEqual([true, false, true, false, false, null]);
  });

  it('in Latin-1 is read so, with a warning; declared, without', async () => {
    const bytes = latin1('at,who\n2024-01-01,M\u00fcller\n');
    const found = await csv('l.csv', bytes);
    expect((await rowsOf(found))[0]?.values[1]).toBe('M\u00fcller');
    expect(found.facts.csv?.encoding).toBe('windows-1252');
    expect(found.facts.warnings[0]).toContain('was read as Windows-1252');
    const declared = await csv('l.csv', bytes, { csv: { encoding: 'latin1' } });
    expect((await rowsOf(declared))[0]?.values[1]).toBe('M\u00fcller');
    expect(declared.facts.warnings.filter((warning) => warning.includes('Windows'))).toEqual([]);
  });

  it('in damaged UTF-8 refuses the damaged rows alone', async () => {
    const bytes = [...Buffer.from('at,who\n2024-01-01,Müller\n2024-01-01,Ågren'), 0xff, ...Buffer.from('\n')];
    const source = await csv('d.csv', bytes);
    expect((await rowsOf(source)).map(({ fault }) => fault)).toEqual([null, 'holds bytes that are no UTF-8 text']);
    expect(source.facts.warnings[0]).toContain('no UTF-8');
  });

  it('in UTF-16, as some programs save it', async () => {
    const bytes = [0xff, 0xfe, ...Buffer.from('at\twho\n2024-01-01\t日本\n', 'utf16le')];
    expect((await rowsOf(await csv('u.csv', bytes)))[0]?.values[1]).toBe('日本');
  });

  it('gives rows ids: the file’s hash and the row, a column of ids, a declared column, or the number', async () => {
    const plain = 'at,who\n2024-01-01,a\n2024-01-01,b\n';
    const hash = sha256(plain).slice(0, 16);
    const ids = async (content: string, rule: RowIds) =>
      (await rowsOf(await csv('i.csv', content, {}, rule))).map(({ id }) => id);
    expect(await ids(plain, FILE)).toEqual([`${hash}/1`, `${hash}/2`]);
    const own = 'recordId,at,who\nr7,2024-01-01,a\n,2024-01-01,b\n';
    expect(await ids(own, FILE)).toEqual(['r7', `${sha256(own).slice(0, 16)}/2`]);
    expect(await ids(plain, { kind: 'column', name: 'who' })).toEqual(['a', 'b']);
    expect(await ids(plain, { kind: 'number' })).toEqual(['0', '1']);
  });

  it.each([
    ['nothing in it', '', {}, 'is empty: a header line'],
    ['nothing but empty lines', '\n\n', {}, 'nothing but empty lines'],
    [
      'the wrong delimiter',
      'at;who;x\n1;a;2\n',
      { csv: { delimiter: ',' } },
      "is one column, \"at;who;x\": it is written with ';', not ','; say --delimiter ';'",
    ],
    [
      'another header',
      'AT,whom,x\n1,a,2\n',
      {},
      'has no column "at", "who"; its first line names "AT", "whom", "x"; at may be "AT", who may be "whom"',
    ],
    ['a column twice', 'at,who,who\n1,a,b\n', {}, 'has the column "who" twice'],
  ] as const)('with %s is refused with what to do', async (_what, content, terms, words) => {
    await expect(csv('w.csv', content, terms)).rejects.toThrow(words);
  });

  it('with none of the columns of the project is refused, though it requires none', async () => {
    const { data } = parsed.project;
    const columns = data.columns.map((column) => ({ ...column, required: false }));
    const free = compileSchema({ ...parsed.project, data: { ...data, columns } }, sha256);
    const header = (names: readonly string[]) => () => checkHeader('f.csv', names, free, null, ',');
    expect(header(['Name', 'X', 'y'])).toThrow(
      'f.csv has none of the columns "at", "who", "x", "flag"; its first line names "Name", "X", "y"; x may be "X"',
    );
    expect(header(['x;flag'])).toThrow("it is written with ';', not ','");
    expect(header(['x', 'Name'])).not.toThrow();
  });

  it('without the outcome says that its rows carry no label', async () => {
    expect((await csv('o.csv', 'at,who\n1,a\n')).facts.warnings).toEqual([
      'o.csv has no column "y": its rows carry no label',
      'o.csv has no column "x", "flag": none of its rows has a value there',
    ]);
  });

  it('that calls a column otherwise says which it has instead', async () => {
    expect((await csv('r.csv', 'at,who,flag,betrag,y\n1,a,yes,3,1\n')).facts.warnings).toEqual([
      'r.csv has no column "x": none of its rows has a value there; columns that the project does not know: "betrag"',
    ]);
  });

  it('keeps a refused row so that it can be read again', async () => {
    const source = await csv('r.csv', 'at;who;x\n2024-01-01;ann;1,5\n', { csv: { decimal: ',' } });
    for await (const chunk of source.read(0, 0)) {
      const text = new TextDecoder().decode(chunk.original(0));
      expect(JSON.parse(text).values).toEqual({ at: '2024-01-01', who: 'ann', x: '1,5' });
      expect(rowFromPayload(schema, text, '').values).toEqual({ at: '2024-01-01', who: 'ann', x: 1.5 });
    }
  });

  it('chooses by event time, and takes along what has none', async () => {
    const source = await csv('t.csv', 'at,who\n2024-01-01,a\n2024-02-01,b\nsoon,c\n2024-03-01,d\n');
    const range = await source.rowsBetween(Date.UTC(2024, 1, 1), Date.UTC(2024, 2, 1));
    expect(range).toEqual({ kind: 'run', first: 1, count: 2 });
  });
});

describe('an NDJSON file', () => {
  const ndjson = (content: string, ids: RowIds = FILE) =>
    NdjsonSource.open(written('a.ndjson', content), schema, ids, {});

  it('has records in both forms, null for missing, and digits of large ids', async () => {
    const content = [
      '{"at":"2024-01-01","who":9007199254740993,"x":null}',
      '',
      '{"recordId":9007199254740995,"values":{"at":1,"who":"a","x":2}}',
    ].join('\n');
    const rows = await rowsOf(await ndjson(content));
    expect(rows[0]).toMatchObject({
      id: `${sha256(content).slice(0, 16)}/1`,
      values: ['2024-01-01', 9007199254740993n, null, null, null],
    });
    expect(rows[1]).toMatchObject({ id: '9007199254740995', values: [1, 'a', 2, null, null] });
  });

  it('of other records is refused as a table is: what it has, and what may be meant', async () => {
    await expect(ndjson('{"foo":1,"bar":2}\n{"foo":2,"whom":3}\n')).rejects.toThrow(
      'a.ndjson has none of the columns "at", "who", "x", "flag"; it has "foo", "bar", "whom"; ' +
        'who may be "whom". Rename in the file or in the project file',
    );
    const { facts } = await ndjson('{"at":1,"whom":"a"}\n{"at":1,"x":2}\n');
    expect(facts.warnings).toEqual([
      'no record at the beginning of a.ndjson has "who"; they have "at", "whom", "x"; who may be "whom"',
    ]);
    // One record has it: the others lack a value.
    expect((await ndjson('{"at":1}\n{"at":1,"who":"a"}\n')).facts.warnings).toEqual([]);
  });

  it('tells a broken line and goes on', async () => {
    const rows = await rowsOf(await ndjson('{"at":1,"who":"a"}\n{"at":\n[1]\n{"at":2,"who":"b"}\n'));
    expect(rows.map(({ fault }) => fault?.slice(0, 8) ?? null)).toEqual([null, 'not JSON', 'a record', null]);
  });
});
