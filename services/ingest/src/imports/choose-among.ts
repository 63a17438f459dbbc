// The seeded choice of @millrace/project's chooseRows for rows that do not follow one another: those with the smallest
// hash32(String(row), seed), ties by row number. Cost O(n log n).

import { hash32 } from '@millrace/domain';

export function chooseAmong(rows: Uint32Array, count: number, seed: number): Uint32Array {
  if (count >= rows.length) return rows;
  const order = Array.from(rows, (row) => ({ row, hash: hash32(String(row), seed) }));
  order.sort((a, b) => a.hash - b.hash || a.row - b.row);
  return Uint32Array.from(order.slice(0, count), ({ row }) => row).sort();
}
