// Seeded choice of rows for bulk imports and replay. Row r of [firstRow, firstRow + count) has the hash
// h(r) = hash32(String(r), seed); the `rows` rows with the smallest h are in, ties by row number. So the choice depends
// only on range, number and seed, never on how the file is read, and is spread evenly over the range.
// Cost O(count) time, 4 bytes per row of the range; only one of 65,536 buckets is sorted.

import { assert, hash32 } from '@millrace/domain';

const BUCKETS = 65_536;

/** Ascending row numbers; all rows of the range when `rows` is at least `count`. */
export function chooseRows(firstRow: number, count: number, rows: number, seed: number): Uint32Array {
  assert(firstRow >= 0 && firstRow + count <= 0xffffffff, 'row numbers fit in 32 bits');
  assert(count >= 0 && rows >= 0, 'counts are not negative');
  const kept = Math.min(rows, count);
  const chosen = new Uint32Array(kept);
  if (kept === count) return chosen.map((_, index) => firstRow + index);
  if (kept === 0) return chosen;

  const hashes = new Uint32Array(count);
  const histogram = new Uint32Array(BUCKETS);
  for (let index = 0; index < count; index++) {
    const hash = hash32(String(firstRow + index), seed);
    hashes[index] = hash;
    histogram[hash >>> 16]! += 1;
  }
  // The bucket in which the kept-th smallest hash lies.
  let bucket = 0;
  let below = 0;
  while (below + (histogram[bucket] as number) < kept) below += histogram[bucket++] as number;
  const edge: number[] = [];
  for (let index = 0; index < count; index++) if ((hashes[index] as number) >>> 16 === bucket) edge.push(index);
  edge.sort((a, b) => (hashes[a] as number) - (hashes[b] as number) || a - b);
  const fromEdge = new Set(edge.slice(0, kept - below));
  let next = 0;
  for (let index = 0; index < count; index++) {
    const own = (hashes[index] as number) >>> 16;
    if (own < bucket || (own === bucket && fromEdge.has(index))) chosen[next++] = firstRow + index;
  }
  return chosen;
}
