// Records cut into requests: by their number, and by their bytes where they are wide.

import { exactJson } from '@millrace/domain';

/** Half of what ingest takes in one request. */
const RECORDS_MAX = 2_000;
/** A quarter of what ingest takes in one request, unless it was told to take less. */
const BYTES_MAX = 4_194_304;

interface RecordSlice {
  /** Of its first record among all, from 0. */
  readonly at: number;
  readonly records: readonly unknown[];
}

/** In order. A record that is too large for a request alone stands alone, to be refused alone. */
export function* recordSlices(records: readonly unknown[]): Iterable<RecordSlice> {
  let [at, bytes] = [0, 0];
  for (let next = 0; next < records.length; next++) {
    const size = Buffer.byteLength(exactJson(records[next])) + 1;
    const isFull = next - at >= RECORDS_MAX || bytes + size > BYTES_MAX;
    if (isFull && next > at) {
      yield { at, records: records.slice(at, next) };
      [at, bytes] = [next, 0];
    }
    bytes += size;
  }
  if (at < records.length) yield { at, records: records.slice(at) };
}
