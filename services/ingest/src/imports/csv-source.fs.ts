// A CSV file (UTF-8, header line) as a row source: read as a stream in pieces of 256 KiB, twice when only a range of
// event time is wanted. Columns of the file that the project does not name are not read.

import { createReadStream } from 'node:fs';
import { PlatformError, timeOf } from '@millrace/domain';
import { type ColumnSpec, textValue } from '@millrace/project';
import type { RecordSchema } from '../schema/record-schema.js';
import { CsvReader, type CsvRow } from './csv.js';
import type { RowRange, RowSource, SourceChunk } from './row-source.js';

const PIECE_BYTES = 262_144;

export class CsvSource implements RowSource {
  constructor(
    private readonly path: string,
    private readonly schema: RecordSchema,
    private readonly recordIdColumn: string,
  ) {}

  async rowsBetween(fromMs: number, toMs: number): Promise<RowRange> {
    const { columns, eventTimeIndex } = this.schema;
    // Without an event time every row is in the range.
    const name = columns[eventTimeIndex]?.name;
    let rows = new Uint32Array(65_536);
    let count = 0;
    for await (const { header, rows: found } of this.pieces()) {
      const place = name === undefined ? -1 : header.indexOf(name);
      for (const row of found) {
        const ms = timeOf(textValue('timestamp', row.fields[place] ?? null));
        // A broken row belongs to no range; it is taken along, so that it is told as bad instead of passed over.
        if (row.fault === null && !Number.isNaN(ms) && (ms < fromMs || ms >= toMs)) continue;
        if (count === rows.length) {
          const larger = new Uint32Array(rows.length * 2);
          larger.set(rows);
          rows = larger;
        }
        rows[count++] = row.row;
      }
    }
    const list = rows.slice(0, count);
    const first = list[0] ?? 0;
    const isRun = count === 0 || (list[count - 1] as number) - first + 1 === count;
    return isRun ? { kind: 'run', first, count } : { kind: 'list', rows: list };
  }

  async *read(first: number, last: number): AsyncIterable<SourceChunk> {
    for await (const { header, rows } of this.pieces()) {
      const wanted = rows.filter((row) => row.row >= first && row.row <= last);
      if (wanted.length > 0) yield new CsvChunk(this.schema, header, wanted, this.recordIdColumn);
      if ((rows.at(-1)?.row ?? -1) >= last) return;
    }
  }

  async close(): Promise<void> {}

  private async *pieces(): AsyncIterable<{ header: readonly string[]; rows: CsvRow[] }> {
    let rows: CsvRow[] = [];
    const reader = new CsvReader((row) => rows.push(row));
    let checked = false;
    const flush = () => {
      const { header } = reader;
      if (header === null) return null;
      if (!checked) this.checkHeader(header);
      checked = true;
      const piece = { header, rows };
      rows = [];
      return piece;
    };
    const stream = createReadStream(this.path, { encoding: 'utf8', highWaterMark: PIECE_BYTES });
    try {
      for await (const piece of stream) {
        reader.push(piece as string);
        const done = flush();
        if (done !== null) yield done;
      }
    } catch (thrown) {
      if (thrown instanceof PlatformError) throw thrown;
      throw new PlatformError('invalid_argument', `cannot read ${this.path}: ${(thrown as Error).message}`, {
        cause: thrown,
      });
    } finally {
      stream.destroy();
    }
    reader.end();
    const rest = flush();
    if (rest === null) throw new PlatformError('invalid_argument', `${this.path} has no header line`);
    yield rest;
  }

  private checkHeader(header: readonly string[]): void {
    const missing = this.schema.columns
      .filter((column) => column.required && !header.includes(column.name))
      .map((column) => column.name);
    if (this.recordIdColumn !== 'row-number' && !header.includes(this.recordIdColumn))
      missing.push(this.recordIdColumn);
    if (missing.length > 0) throw new PlatformError('invalid_argument', `the file has no column ${missing.join(', ')}`);
  }
}

class CsvChunk implements SourceChunk {
  readonly rows: number;
  private readonly places: readonly number[];
  private readonly idPlace: number;

  constructor(
    private readonly schema: RecordSchema,
    header: readonly string[],
    private readonly found: readonly CsvRow[],
    recordIdColumn: string,
  ) {
    this.rows = found.length;
    this.places = schema.columns.map((column) => header.indexOf(column.name));
    this.idPlace = recordIdColumn === 'row-number' ? -1 : header.indexOf(recordIdColumn);
  }

  rowNumber(row: number): number {
    return (this.found[row] as CsvRow).row;
  }

  value(row: number, column: number): unknown {
    const place = this.places[column] as number;
    if (place < 0) return null;
    return textValue(
      (this.schema.columns[column] as ColumnSpec).type,
      (this.found[row] as CsvRow).fields[place] ?? null,
    );
  }

  recordId(row: number): string {
    return this.idPlace < 0 ? String(this.rowNumber(row)) : ((this.found[row] as CsvRow).fields[this.idPlace] ?? '');
  }

  fault(row: number): string | null {
    return (this.found[row] as CsvRow).fault;
  }

  original(row: number): Uint8Array {
    return new TextEncoder().encode((this.found[row] as CsvRow).text);
  }
}
