// Values of a DuckDB vector without an object or a text for each: where the vector's memory is as this release of
// @duckdb/node-api has it, doubles and short texts are read from there; anything else by `getItem`, which gives the
// same (vector-values.duckdb.spec.ts). Memory layout: https://duckdb.org/docs/current/internals/vector (a text of up to
// 12 bytes lies in its 16-byte entry behind its length).

import type { DuckDBVector } from '@duckdb/node-api';
import type { Scalar } from '@millrace/domain';

/** The fields of DuckDBDoubleVector and DuckDBVarCharVector that hold their memory. */
interface Memory {
  items?: unknown;
  dataView?: unknown;
  validity?: { data?: unknown; offset?: unknown };
}

const ENTRY_BYTES = 16;
const INLINE_BYTES_MAX = 12;

/** Where values go. */
export interface ValueSink {
  value(value: Scalar): void;
  /** A text by its UTF-8 bytes. */
  textBytes(bytes: Uint8Array, from: number, length: number): void;
}

export class VectorValues {
  private readonly doubles: Float64Array | null;
  private readonly texts: Uint8Array | null;
  private readonly lengths: DataView | null;
  /** A bit a row, 1 = there is a value; null = all have one, undefined = only `getItem` knows. */
  private readonly valid: Uint8Array | null | undefined;

  constructor(private readonly vector: DuckDBVector) {
    const { items, dataView, validity } = vector as unknown as Memory;
    this.valid = bitsOf(validity);
    const known = this.valid !== undefined;
    this.doubles = known && items instanceof Float64Array ? items : null;
    this.lengths =
      known && dataView instanceof DataView && vector.itemCount * ENTRY_BYTES === dataView.byteLength ? dataView : null;
    this.texts =
      this.lengths === null
        ? null
        : new Uint8Array(this.lengths.buffer, this.lengths.byteOffset, this.lengths.byteLength);
  }

  item(row: number): Scalar {
    if (this.doubles === null) return this.vector.getItem(row) as Scalar;
    return this.has(row) ? (this.doubles[row] as number) : null;
  }

  give(row: number, sink: ValueSink): void {
    const { texts, lengths } = this;
    if (texts !== null && lengths !== null && this.has(row)) {
      const at = row * ENTRY_BYTES;
      const length = lengths.getUint32(at, true);
      if (length <= INLINE_BYTES_MAX) {
        sink.textBytes(texts, at + 4, length);
        return;
      }
    }
    sink.value(this.item(row));
  }

  private has(row: number): boolean {
    const { valid } = this;
    return valid === null || valid === undefined || (((valid[row >> 3] as number) >> (row & 7)) & 1) === 1;
  }
}

function bitsOf(validity: Memory['validity']): Uint8Array | null | undefined {
  if (validity === undefined || validity.offset !== 0) return undefined;
  const { data } = validity;
  if (data === null) return null;
  return data instanceof BigUint64Array ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : undefined;
}
