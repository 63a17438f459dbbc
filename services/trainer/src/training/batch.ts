// Gathers rows of the encoded training data into the arrays that one step feeds: table indices (with the table's
// offsets added), numbers, labels.

import type { Network, Table } from '@millrace/models';

export interface Batch {
  wide: Int32Array;
  embeddings: Int32Array[];
  numeric: Float32Array;
  labels: Float32Array;
}

/** Encoded rows (row-major) and their labels. */
export interface EncodedRows {
  width: number;
  values: Float32Array;
  labels: Float32Array;
}

function indicesOf(table: Table, data: EncodedRows, rows: Uint32Array): Int32Array {
  const columns = table.columns;
  const indices = new Int32Array(rows.length * columns.length);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    const start = (rows[i] as number) * data.width;
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c] as (typeof columns)[number];
      indices[at++] = column.offset + (data.values[start + column.at] as number);
    }
  }
  return indices;
}

/** The batch of the given row numbers, in that order. */
export function gatherBatch(network: Network, data: EncodedRows, rows: Uint32Array): Batch {
  const numeric = new Float32Array(rows.length * network.numeric.length);
  const labels = new Float32Array(rows.length);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    labels[i] = data.labels[row] as number;
    for (let c = 0; c < network.numeric.length; c++)
      numeric[at++] = data.values[row * data.width + (network.numeric[c] as number)] as number;
  }
  return {
    wide: indicesOf(network.wide, data, rows),
    embeddings: network.embeddings.map((table) => indicesOf(table, data, rows)),
    numeric,
    labels,
  };
}
