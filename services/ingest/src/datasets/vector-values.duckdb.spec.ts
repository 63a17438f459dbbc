// Read from memory or item by item: the same, and what this release of DuckDB's client has is read from memory.

import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from '@jest/globals';
import type { Scalar } from '@millrace/domain';
import { VectorValues } from './vector-values.duckdb.js';

const SQL = `SELECT CASE WHEN i % 7 = 3 THEN NULL ELSE i / 3 END::DOUBLE, i::DOUBLE,
  CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN 'größe' WHEN 3 THEN repeat('x', i % 30) ELSE 'AAA' || i END,
  'id' || i, i % 3 = 0, CASE WHEN i % 4 = 0 THEN NULL ELSE i % 3 = 0 END FROM range(5000) r(i)`;

describe('values of a vector', () => {
  it('are those that the vector gives', async () => {
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const result = await connection.stream(SQL);
    let texts = 0;
    let rows = 0;
    for (
      let chunk = await result.fetchChunk();
      chunk !== null && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      for (let column = 0; column < chunk.columnCount; column++) {
        const vector = chunk.getColumnVector(column);
        const values = new VectorValues(vector);
        for (let row = 0; row < chunk.rowCount; row++) {
          const given: Scalar[] = [];
          values.give(row, {
            value: (value) => void given.push(value),
            textBytes: (bytes, from, length) => {
              texts += 1;
              given.push(Buffer.from(bytes.subarray(from, from + length)).toString());
            },
          });
          expect(given).toEqual([vector.getItem(row)]);
          if (column < 2) expect(values.item(row)).toBe(vector.getItem(row));
        }
      }
      rows += chunk.rowCount;
    }
    expect(rows).toBe(5000);
    // 0 where another release keeps its memory otherwise: then it is only slow.
    expect(texts).toBeGreaterThan(7_000);
    connection.closeSync();
    instance.closeSync();
  });
});
