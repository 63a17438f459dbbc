// Rows come out of DuckDB as they went in, whatever their texts are and however many there are.

import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { type StagedColumn, stageRows } from './staged-rows.duckdb.js';

interface Row {
  at: number;
  one: string;
  other: string;
}

const columnsOf = (rows: readonly Row[]): StagedColumn[] => [
  { name: 'place', kind: 'number', values: rows.map(({ at }) => at) },
  { name: 'one', kind: 'text', values: rows.map(({ one }) => one) },
  { name: 'other', kind: 'text', values: rows.map(({ other }) => other) },
];

describe('rows staged for DuckDB', () => {
  let instance: DuckDBInstance;
  let connection: DuckDBConnection;

  beforeAll(async () => {
    instance = await DuckDBInstance.create(':memory:');
    connection = await instance.connect();
  });

  afterAll(() => {
    connection.closeSync();
    instance.closeSync();
  });

  async function through(rows: readonly Row[], table: string): Promise<Row[]> {
    const query = await stageRows(connection, table, columnsOf(rows));
    const reader = await connection.runAndReadAll(`SELECT place, one, other FROM (${query}) ORDER BY place`);
    return reader.getRows().map(([at, one, other]) => ({ at: Number(at), one: String(one), other: String(other) }));
  }

  const ODD = [
    '',
    '\u001f',
    '\u001f1\u001e',
    'a\u001f',
    '\u001eb',
    '\u0000',
    'ü',
    '漢字',
    '\u{1f600}',
    "'",
    '"',
    'x,y',
    '\n',
  ];

  it.each([1, 2, 2_047, 2_048, 2_049, 5_000])('gives back %i rows', async (count) => {
    const rng = seededRng(count);
    const odd = () => Array.from({ length: rng.below(4) }, () => ODD[rng.below(ODD.length)]).join('');
    const rows = Array.from({ length: count }, (_, at) => ({ at, one: odd(), other: at % 3 === 0 ? '' : `t${at}` }));
    expect(await through(rows, `many_${count}`)).toEqual(rows);
  });

  it('tells texts apart that hold what would stand between them', async () => {
    const separators = ['\u001f', ...Array.from({ length: 20 }, (_, k) => `\u001f${k + 1}\u001e`)];
    const rows = separators.map((one, at) => ({ at, one, other: `${one}\u001f` }));
    expect(await through(rows, 'separators')).toEqual(rows);
  });

  it('has no rows of none', async () => {
    expect(await through([], 'none')).toEqual([]);
  });
});
