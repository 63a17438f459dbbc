import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { TensorSpec } from '@millrace/inference';
import { type Project, parseProject } from '@millrace/project';
import { type RowBlock, withBeside } from './row-block.js';
import { TableFiles } from './table-files.duckdb.js';

const spec = (name: string, datatype: TensorSpec['datatype'], shape: number[] = [-1]): TensorSpec => ({
  name,
  datatype,
  shape,
});

const parsed = parseProject(
  `name: loans
data:
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: day, type: integer, derive: { from: at, part: day } }
    - { name: amount, type: number, required: true }
    - { name: kind, type: text, required: true }
    - { name: note, type: text }
    - { name: bad, type: boolean, outcome: true }
  label: { name: bad, column: bad, operation: eq, value: true, delay: 1d }
features: [{ name: amount, kind: numeric }]
`,
  'project.yaml',
);
if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
const LOANS = parsed.project;

describe('TableFiles', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-table-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What comes out of a file for the inputs, row by row; faults by row. */
  async function readAll(files: TableFiles, inputs: readonly TensorSpec[], project?: Project) {
    const sources = files.sources(inputs, project);
    const values: unknown[][] = sources.map(() => []);
    const bad = new Map<number, string>();
    let rows = 0;
    for await (const block of files.read(sources)) {
      for (const [c, column] of block.columns.entries()) values[c]?.push(...column);
      for (const [row, error] of block.bad) bad.set(rows + row, error);
      rows += block.rows;
    }
    return { rows, values, bad };
  }

  function file(name: string, lines: readonly string[]): string {
    const path = join(folder, name);
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
  }

  it('derives what a row of a column lacks, by the rule by which ingest fills it in training data', async () => {
    const lines = ['at,day,amount', '2024-03-05T00:00:00Z,,1', '2024-03-06T00:00:00Z,20,1', 'soon,,1', 'soon,3,1'];
    const files = await TableFiles.open(file('days.csv', lines));
    const { values, bad } = await readAll(files, [spec('day', 'INT64'), spec('amount', 'FP64')], LOANS);
    expect(values[0]?.map((day) => (day === null ? null : Number(day)))).toEqual([5, 20, null, 3]);
    expect([...bad]).toEqual([[2, "'at' is no time"]]);
    files.close();
  });

  it('keeps a row whose value does not fit, however far down, and counts every line that is no row', async () => {
    const lines = Array.from({ length: 40_000 }, (_, i) => (i === 30_000 ? 'high,1' : `${i},1`));
    for (let i = 0; i < 1_500; i++) lines.splice(35_000, 0, '1,2,3');
    const files = await TableFiles.open(file('late.csv', ['x,y', ...lines]));
    const { rows, values, bad } = await readAll(files, [spec('x', 'FP64')]);
    expect([rows, files.rowsTotal]).toEqual([40_000, 40_000]);
    expect([...bad]).toEqual([[30_000, `'x' is not of FP64 (a number): "high"`]]);
    expect(values[0]?.[39_999]).toBe(39_999);
    const { unreadable } = files;
    expect(unreadable.count).toBe(1_500);
    expect(unreadable.lines).toHaveLength(1_000);
    expect(unreadable.lines[0]?.line).toBe(35_002);
    const results = await files.results([spec('z', 'FP64')], false);
    for (let row = 0; row < rows; row++)
      results.append([{ values: [row], predictionId: null, error: bad.get(row) ?? null }]);
    results.close();
    const out = join(folder, 'late-out.csv');
    await files.write(out);
    files.close();
    const written = readFileSync(out, 'utf8').trim().split('\n');
    expect(written).toHaveLength(40_001);
    expect(written[30_001]).toBe(`high,1,30000.0,"'x' is not of FP64 (a number): ""high"""`);
    expect(written[40_000]).toBe('39999,1,39999.0,');
  });

  it('makes a list of the wrong size or type its row’s fault', async () => {
    const lines = ['v,t', '"[1,2]",2026-01-01', '"[1,x]",2026-01-02', '"[1]",never', 'none,2026-01-04', ',2026-01-05'];
    const files = await TableFiles.open(file('lists.csv', lines));
    const { values, bad } = await readAll(files, [spec('v', 'FP32', [-1, 2]), spec('t', 'INT64')]);
    expect(values[0]?.[0]).toEqual([1, 2]);
    expect([...bad.keys()]).toEqual([1, 2, 3, 4]);
    expect(bad.get(1)).toBe("'v' needs 2 values of FP32");
    expect(bad.get(2)).toContain("'t' is not of INT64");
    expect(values[1]?.[1]).toBe(1_767_312_000_000);
    expect(() => files.sources([spec('t', 'FP32', [-1, 2])], undefined)).not.toThrow();
    files.close();
    const numbers = await TableFiles.open(file('numbers.csv', ['v', '1']));
    const single = await readAll(numbers, [spec('v', 'FP32', [-1, 2])]);
    expect([...single.bad]).toEqual([[0, "'v' needs 2 values of FP32"]]);
    numbers.close();
  });

  it('reads what the model takes, whatever a column looks like, and writes the texts of the file as they came', async () => {
    const lines = [
      'kind,ok,amount,count,note',
      'yes,true,007,1,"a ""b"", c"',
      'no,0,1.50,9007199254740993,',
      'true,,,,"two\nlines"',
      '1,FALSE,1e3,+5,ünïcode',
    ];
    const files = await TableFiles.open(file('mixed.csv', lines));
    const inputs = [spec('kind', 'BYTES'), spec('ok', 'BOOL'), spec('amount', 'FP64'), spec('count', 'INT64')];
    const { values, bad, rows } = await readAll(files, [...inputs, spec('note', 'BYTES')]);
    expect([...bad]).toEqual([]);
    expect(values).toEqual([
      ['yes', 'no', 'true', '1'],
      [true, false, null, false],
      [7, 1.5, null, 1_000],
      [1, 9_007_199_254_740_993n, null, 5],
      ['a "b", c', null, 'two\nlines', 'ünïcode'],
    ]);
    const results = await files.results([spec('y', 'FP64')], false);
    results.append(
      Array.from({ length: rows }, (_, row) => ({ values: [row], predictionId: `q/${row}`, error: null })),
    );
    results.close();
    const out = join(folder, 'mixed-out.csv');
    await files.write(out);
    files.close();
    const written = readFileSync(out, 'utf8');
    expect(written).toBe(
      `kind,ok,amount,count,note,y,prediction_error\n${lines
        .slice(1)
        .map((line, row) => `${line},${row}.0,\n`)
        .join('')}`,
    );
  });

  it('reads JSON objects, one a line: their keys are the columns, and a line that is none is told', async () => {
    const lines = ['{"x":1.5,"name":"a, b"}', '{"name":null,"on":true,"deep":{"k":[1]}}', '[1]', '{"x":"high"}'];
    const files = await TableFiles.open(file('rows.ndjson', lines));
    const inputs = [spec('x', 'FP64'), spec('name', 'BYTES'), spec('on', 'BOOL')];
    const { rows, values, bad } = await readAll(files, inputs);
    expect([rows, values]).toEqual([
      3,
      [
        [1.5, null, null],
        ['a, b', null, null],
        [null, true, null],
      ],
    ]);
    expect([...bad]).toEqual([[2, `'x' is not of FP64 (a number): "high"`]]);
    expect(files.unreadable).toEqual({ count: 1, lines: [{ line: 3, error: 'no JSON object' }] });
    expect([...files.columns.keys()]).toEqual(['x', 'name', 'on', 'deep']);
    files.close();
    await expect(TableFiles.open(file('none.ndjson', ['1', '2']))).rejects.toThrow('no line of it is a JSON object');
  });

  it('takes a JSON text for no number, as REST does, and writes every value as its text', async () => {
    const lines = [
      '{"x":"5","on":"yes","id":9007199254740993,"kinds":"7","v":[1,2]}',
      '{"x":5,"on":true,"id":"1","kinds":7,"v":["1",2]}',
      '{"x":1e999,"on":1,"id":1.5,"kinds":null,"v":null}',
      '{"x":{"a":1},"on":0,"id":1}',
    ];
    const files = await TableFiles.open(file('typed.ndjson', lines));
    const inputs = [spec('x', 'FP64'), spec('on', 'BOOL'), spec('id', 'INT64'), spec('kinds', 'BYTES')];
    const { values, bad, rows } = await readAll(files, inputs);
    expect(values).toEqual([
      [null, 5, null, null],
      [null, true, true, false],
      [9_007_199_254_740_993n, null, null, 1],
      ['7', null, null, null],
    ]);
    expect([...bad].sort()).toEqual([
      [0, `'x' is not of FP64 (a number): "5"; 'on' is not of BOOL (true or false): "yes"`],
      [1, `'id' is not of INT64 (a whole number): "1"; 'kinds' is not of BYTES (a text): 7`],
      [2, "'x' is not of FP64 (a number): Infinity; 'id' is not of INT64 (a whole number): 1.5"],
      [3, `'x' is not of FP64 (a number): {"a":1}`],
    ]);
    expect([...files.columns.keys()]).toEqual(['x', 'on', 'id', 'kinds', 'v']);
    const results = await files.results([spec('y', 'FP64')], true);
    results.append(
      Array.from({ length: rows }, (_, row) => ({ values: [row], predictionId: `q/${row}`, error: null })),
    );
    results.close();
    const out = join(folder, 'typed-out.csv');
    await files.write(out);
    files.close();
    expect(readFileSync(out, 'utf8').split('\n').slice(0, 3)).toEqual([
      'x,on,id,kinds,v,y,prediction_id,prediction_error',
      '5,yes,9007199254740993,7,"[1,2]",0.0,q/0,',
      '5,true,1,7,"[""1"",2]",1.0,q/1,',
    ]);
  });

  it('reads of a Parquet file what ingest reads there', async () => {
    const path = join(folder, 'types.parquet');
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const columns = [
      "unnest([5.0, 1.5, NULL]) AS note, unnest([5, 9007199254740993, 7]) AS kind, '5' AS amount",
      "TIMESTAMP '2026-01-02 00:00:00' AS at, 3::DOUBLE AS day",
    ];
    await connection.run(`COPY (SELECT ${columns.join(', ')}) TO '${path}' (FORMAT parquet)`);
    const inputs = [spec('note', 'BYTES'), spec('kind', 'BYTES'), spec('amount', 'FP64'), spec('at', 'INT64')];
    const files = await TableFiles.open(path);
    const { values, bad } = await readAll(files, [...inputs, spec('day', 'INT64')], LOANS);
    expect(values).toEqual([
      ['5', null, null],
      ['5', '9007199254740993', '7'],
      [null, null, null],
      [1_767_312_000_000, 1_767_312_000_000, 1_767_312_000_000],
      [3, 3, 3],
    ]);
    const noNumber = `'amount' is not of FP64 (a number): "5"`;
    expect([...bad].sort()).toEqual([
      [0, noNumber],
      [1, `'note' is not of BYTES (a text): 1.5; ${noNumber}`],
      [2, noNumber],
    ]);
    files.close();
    const odd = join(folder, 'odd.parquet');
    await connection.run(`COPY (SELECT true AS kind, DATE '2026-01-02' AS note) TO '${odd}' (FORMAT parquet)`);
    const texts = await TableFiles.open(odd);
    const read = await readAll(texts, [spec('kind', 'BYTES'), spec('note', 'BYTES')], LOANS);
    expect(read.values[1]).toEqual(['1767312000000']);
    expect([...read.bad]).toEqual([[0, "'kind' is not of BYTES (a text): true"]]);
    texts.close();
    connection.closeSync();
    instance.closeSync();
  });

  it('reads the ids of rows as ingest does, also whole numbers beyond 2^53, and takes what is none for no id', async () => {
    const columns = LOANS.data.columns.map((column) =>
      column.name === 'day' ? { ...column, derive: undefined } : column,
    );
    const project = { ...LOANS, data: { ...LOANS.data, columns } } as Project;
    const lines = ['day,note,amount', '9007199254740993,007,1', 'x,,2', ',a b,3'];
    const twice = await TableFiles.open(file('twice.csv', ['day,note', '1,a', '2,a', '1,b', '1,c']));
    expect(await twice.repeats('day')).toBe(2);
    twice.close();
    const asJson = lines.slice(1).map((line) => {
      const [day, note, amount] = line.split(',');
      return `{"day":${/^\d+$/.test(day ?? '') ? day : JSON.stringify(day)},"note":"${note}","amount":${amount}}`;
    });
    for (const path of [file('ids.csv', lines), file('ids.ndjson', asJson)]) {
      const files = await TableFiles.open(path);
      const sources = ['day', 'note'].flatMap((name) => files.nameSource(name, project) ?? []);
      const blocks: RowBlock[] = [];
      for await (const block of files.read(sources)) blocks.push(withBeside(block, ['ids', 'entities']));
      expect([await files.repeats('day'), await files.repeats('nobody')]).toEqual([0, 0]);
      files.close();
      expect(blocks).toMatchObject([{ columns: [], ids: ['9007199254740993', '', ''], entities: ['007', '', 'a b'] }]);
      expect([...(blocks[0]?.bad ?? [])]).toEqual([]);
    }
  });

  it('tells columns apart whose names differ in the case of letters only', async () => {
    const inputs = [spec('x', 'FP64'), spec('X', 'FP64'), spec('x_2', 'FP64')];
    const csv = await TableFiles.open(file('cases.csv', ['X,x,,x_2', '1,2,3,4']));
    expect([...csv.columns.keys()]).toEqual(['X', 'x', 'column_3', 'x_2']);
    expect((await readAll(csv, inputs)).values).toEqual([[2], [1], [4]]);
    const results = await csv.results([spec('y', 'FP64')], false);
    results.append([{ values: [0.5], predictionId: null, error: null }]);
    results.close();
    const out = join(folder, 'cases-out.csv');
    await csv.write(out);
    csv.close();
    expect(readFileSync(out, 'utf8').split('\n')[1]).toBe('1,2,3,4,0.5,');
    const json = await TableFiles.open(file('cases.ndjson', ['{"X":1,"x":2,"x_2":4}']));
    expect((await readAll(json, inputs)).values).toEqual([[2], [1], [4]]);
    json.close();
  });

  it('reads the Parquet file of that name, not those that it would be a pattern of', async () => {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const names = ["it's [1].parquet", "it's 1.parquet", 'a*.parquet', 'ab.parquet', 'q?.parquet', 'q1.parquet'];
    for (const [i, name] of names.entries())
      await connection.run(`COPY (SELECT ${i} AS x) TO '${join(folder, name).replaceAll("'", "''")}' (FORMAT parquet)`);
    for (const [i, name] of names.entries()) {
      const files = await TableFiles.open(join(folder, name));
      expect([name, (await readAll(files, [spec('x', 'FP64')])).values]).toEqual([name, [[i]]]);
      files.close();
    }
    connection.closeSync();
    instance.closeSync();
  });

  it('takes columns that the file lacks for missing in every row, and refuses to lack a required one', async () => {
    const files = await TableFiles.open(file('narrow.csv', ['amount', '5', '6']));
    const inputs = [spec('note', 'BYTES'), spec('amount', 'FP64'), spec('day', 'INT64')];
    const { values } = await readAll(files, inputs, LOANS);
    expect(values).toEqual([
      [null, null],
      [5, 6],
    ]);
    const sources = files.sources(inputs, LOANS);
    expect(sources.map(({ input, isAbsent }) => [input.spec.name, isAbsent])).toEqual([
      ['note', true],
      ['amount', undefined],
    ]);
    const kind = spec('kind', 'BYTES');
    expect(() => files.sources([...inputs, kind], LOANS)).toThrow("no column 'kind', which the project requires");
    // What is no project's may do without.
    expect(files.sources([...inputs, kind], undefined)).toHaveLength(1);
    files.close();
  });

  it('carries unsigned integers of 64 bits both ways', async () => {
    const most = 2n ** 64n - 1n;
    const files = await TableFiles.open(file('unsigned.csv', ['u', String(most), 'none']));
    const { values, bad } = await readAll(files, [spec('u', 'UINT64')]);
    expect(values[0]?.[0]).toBe(most);
    expect([...bad]).toEqual([[1, `'u' is not of UINT64 (a whole number): "none"`]]);
    const results = await files.results([spec('n', 'UINT64')], false);
    results.append([
      { values: [most], predictionId: null, error: null },
      { values: [null], predictionId: null, error: 'bad' },
    ]);
    results.close();
    const out = join(folder, 'unsigned-out.csv');
    await files.write(out);
    files.close();
    expect(readFileSync(out, 'utf8')).toContain(`,${most},`);
  });
});
