// A CSV file (header line first) as a row source: looked through once for its hash and encoding, then read as a stream
// in pieces of 256 KiB, once for the rows of a range and once for their values. Columns of the file that the project
// does not name are not read.

import { fileRowIdOf, PlatformError, timeOf } from '@millrace/domain';
import { encodingWarning, inspectText, textOf, undecodable } from '@millrace/files';
import { type ColumnSpec, textValue } from '@millrace/project';
import {
  type CsvDialect,
  CsvReader,
  type CsvRow,
  delimiterName,
  findDialect,
  type TextEncoding,
} from '@millrace/tabular';
import type { RecordSchema } from '../schema/record-schema.js';
import { checkHeader, headerWarnings } from './header-check.js';
import { RowList } from './row-list.js';
import { textRowPayload } from './row-payload.js';
import {
  type FileTerms,
  type ImportFile,
  ownIdColumns,
  type RowIds,
  type RowRange,
  type RowSource,
  type SourceChunk,
  type SourceFacts,
} from './row-source.js';

type Decimal = '.' | ',';

/** How the file is read; the same for all its rows. */
interface Reading {
  dialect: CsvDialect;
  decimal: Decimal;
  encoding: TextEncoding;
  /** Rows may hold bytes that are no text. */
  damaged: boolean;
  sha256: string;
}

export class CsvSource implements RowSource {
  private constructor(
    private readonly file: ImportFile,
    private readonly schema: RecordSchema,
    private readonly ids: RowIds,
    private readonly reading: Reading,
    readonly facts: SourceFacts,
  ) {}

  /** @throws PlatformError 'invalid_argument' that says why the file cannot be one of the project's */
  static async open(file: ImportFile, schema: RecordSchema, ids: RowIds, terms: FileTerms): Promise<CsvSource> {
    const { delimiter, decimal = schema.project.data.decimal ?? '.', encoding: declared } = terms.csv ?? {};
    const text = await inspectText(file, declared);
    const found = findDialect(
      text.sample,
      schema.columns.map(({ name }) => name),
      text.isWhole,
    );
    const dialect = { ...found, delimiter: delimiter ?? found.delimiter };
    const header = headerOf(file, text.sample, dialect);
    const idColumn = ids.kind === 'column' ? ids.name : null;
    checkHeader(file.name, header, schema, idColumn, dialect.delimiter);
    const { encoding, damaged, sha256 } = text;
    return new CsvSource(
      file,
      schema,
      ids,
      { dialect, decimal, encoding, damaged, sha256 },
      {
        format: 'csv',
        csv: { delimiter: dialect.delimiter, decimal, encoding },
        warnings: [...encodingWarning(file.name, declared, text), ...headerWarnings(file.name, header, schema)],
      },
    );
  }

  async rowsBetween(fromMs: number, toMs: number): Promise<RowRange> {
    const { columns, eventTimeIndex } = this.schema;
    const time = columns[eventTimeIndex];
    const list = new RowList(fromMs, toMs);
    for await (const { header, rows } of this.pieces()) {
      const place = time === undefined ? -1 : header.indexOf(time.name);
      for (const row of rows) {
        const field = time === undefined || row.fault !== null ? null : textValue(time, row.fields[place] ?? null);
        list.offer(row.row, timeOf(field));
      }
    }
    return list.range();
  }

  async *read(first: number, last: number): AsyncIterable<SourceChunk> {
    for await (const { header, rows } of this.pieces()) {
      const wanted = rows.filter((row) => row.row >= first && row.row <= last);
      if (wanted.length > 0) yield new CsvChunk(this.schema, header, wanted, this.ids, this.reading);
      if ((rows.at(-1)?.row ?? -1) >= last) return;
    }
  }

  async close(): Promise<void> {}

  private async *pieces(): AsyncIterable<{ header: readonly string[]; rows: CsvRow[] }> {
    let rows: CsvRow[] = [];
    const reader = new CsvReader((row) => rows.push(row), this.reading.dialect);
    for await (const piece of textOf(this.file, this.reading.encoding)) {
      reader.push(piece);
      if (reader.header !== null && rows.length > 0) yield { header: reader.header, rows };
      rows = [];
    }
    reader.end();
    if (reader.header !== null && rows.length > 0) yield { header: reader.header, rows };
  }
}

function headerOf(file: ImportFile, sample: string, dialect: CsvDialect): readonly string[] {
  const reader = new CsvReader(() => undefined, dialect);
  reader.push(sample);
  if (reader.header === null) reader.end();
  if (reader.header === null)
    throw new PlatformError('invalid_argument', `${file.name} has no header line: it holds nothing but empty lines`);
  if (reader.headerFault !== null)
    throw new PlatformError(
      'invalid_argument',
      `the header of ${file.name}, read with the delimiter ${delimiterName(dialect.delimiter)}: ${reader.headerFault}`,
    );
  return reader.header;
}

class CsvChunk implements SourceChunk {
  readonly rows: number;
  private readonly places: readonly number[];
  private readonly idPlace: number;

  constructor(
    private readonly schema: RecordSchema,
    header: readonly string[],
    private readonly found: readonly CsvRow[],
    private readonly ids: RowIds,
    private readonly reading: Reading,
  ) {
    this.rows = found.length;
    this.places = schema.columns.map((column) => header.indexOf(column.name));
    this.idPlace = ids.kind === 'column' ? header.indexOf(ids.name) : ownIdPlace(header, schema, ids);
  }

  rowNumber(row: number): number {
    return (this.found[row] as CsvRow).row;
  }

  value(row: number, column: number): unknown {
    const spec = this.schema.columns[column] as ColumnSpec;
    return textValue(spec, this.field(row, this.places[column] as number), this.reading.decimal);
  }

  recordId(row: number): string {
    const number = this.rowNumber(row);
    if (this.ids.kind === 'number') return String(number);
    const own = this.field(row, this.idPlace) ?? '';
    return own === '' && this.ids.kind === 'file' ? fileRowIdOf(this.reading.sha256, number) : own;
  }

  fault(row: number): string | null {
    const { fault, text } = this.found[row] as CsvRow;
    return fault ?? (this.reading.damaged ? undecodable(text) : null);
  }

  original(row: number): Uint8Array {
    const { text } = this.found[row] as CsvRow;
    if (this.fault(row) !== null) return new TextEncoder().encode(text);
    const texts = (column: number) => this.field(row, this.places[column] as number);
    return textRowPayload(this.schema, this.recordId(row), texts, this.reading.decimal);
  }

  private field(row: number, place: number): string | null {
    return place < 0 ? null : ((this.found[row] as CsvRow).fields[place] ?? null);
  }
}

function ownIdPlace(header: readonly string[], schema: RecordSchema, ids: RowIds): number {
  const own = ids.kind === 'file' ? ownIdColumns(schema).find((name) => header.includes(name)) : undefined;
  return own === undefined ? -1 : header.indexOf(own);
}
