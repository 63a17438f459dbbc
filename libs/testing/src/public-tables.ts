// Public tables of yes-or-no questions, as libs/models/golden/make_tables.py wrote them, with what scikit-learn reaches
// on the rows that do not train. For tests of what learns from rows.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { cloneRoot } from './setup-state.js';

export interface PublicTable {
  name: string;
  /** The package that it comes from. */
  source: string;
  rows: number;
  /** The first so many train, the others evaluate. */
  train: number;
  numbers: readonly string[];
  /** Columns of texts. */
  labels: readonly string[];
  /** Log loss on the other rows: of the training rows' base rate, of scikit-learn's logistic regression. */
  trivial: number;
  logistic: number;
  /** Of its gradient boosting, as a mark of what there is to learn. */
  boosting: number;
}

export interface TableRows {
  columns: Record<string, (number | string | null)[]>;
  labels: Float32Array;
}

const committed = () => join(cloneRoot(), 'libs/models/golden/tables');

export function publicTables(folder = committed()): readonly PublicTable[] {
  return (JSON.parse(readFileSync(join(folder, 'tables.json'), 'utf8')) as { tables: PublicTable[] }).tables;
}

/** No cell of these tables is quoted; the last column is the label. */
export function rowsOfTable({ name, labels }: PublicTable, folder = committed()): TableRows {
  const text = gunzipSync(readFileSync(join(folder, `${name}.csv.gz`))).toString('utf8');
  const [head = [], ...rows] = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  const columns: TableRows['columns'] = {};
  head.slice(0, -1).forEach((column, k) => {
    const value = labels.includes(column) ? (cell: string) => cell : Number;
    columns[column] = rows.map((row) => (row[k] === '' ? null : value(row[k] as string)));
  });
  return { columns, labels: Float32Array.from(rows, (row) => Number(row.at(-1))) };
}
