// An NDJSON file (one record a line, in the JSON form of records) as a row source. Fields that the project does not
// name are not read. A line that is no record is a row with a fault.

import { fileRowIdOf, timeOf } from '@millrace/domain';
import { encodingWarning, inspectText, type TextFacts, textOf, undecodable } from '@millrace/files';
import { type ColumnSpec, ID_KEYS, writtenValue } from '@millrace/project';
import { LineReader, type TextLine } from '@millrace/tabular';
import { ownValue, type RecordInput, recordFromLine } from '../records/record-input.js';
import { idText } from '../schema/check-row.js';
import type { RecordSchema } from '../schema/record-schema.js';
import { checkNames } from './header-check.js';
import { RowList } from './row-list.js';
import { rowPayload } from './row-payload.js';
import {
  type FileTerms,
  type ImportFile,
  type RowIds,
  type RowRange,
  type RowSource,
  type SourceChunk,
  type SourceFacts,
} from './row-source.js';

interface NdjsonRow {
  line: TextLine;
  input: RecordInput;
}

export class NdjsonSource implements RowSource {
  readonly facts: SourceFacts;

  private constructor(
    private readonly file: ImportFile,
    private readonly schema: RecordSchema,
    private readonly ids: RowIds,
    private readonly text: TextFacts,
    warnings: readonly string[],
  ) {
    this.facts = { format: 'ndjson', warnings };
  }

  static async open(file: ImportFile, schema: RecordSchema, ids: RowIds, terms: FileTerms): Promise<NdjsonSource> {
    const declared = terms.csv?.encoding;
    const text = await inspectText(file, declared);
    const warnings = checkNames(file.name, namesIn(text, schema), schema);
    return new NdjsonSource(file, schema, ids, text, [...encodingWarning(file.name, declared, text), ...warnings]);
  }

  async rowsBetween(fromMs: number, toMs: number): Promise<RowRange> {
    const time = this.schema.columns[this.schema.eventTimeIndex];
    const list = new RowList(fromMs, toMs);
    for await (const rows of this.pieces()) {
      for (const { line, input } of rows) {
        list.offer(line.row, timeOf(time === undefined ? null : writtenValue(time, ownValue(input.values, time.name))));
      }
    }
    return list.range();
  }

  async *read(first: number, last: number): AsyncIterable<SourceChunk> {
    for await (const rows of this.pieces()) {
      const wanted = rows.filter(({ line }) => line.row >= first && line.row <= last);
      if (wanted.length > 0) yield this.chunk(wanted);
      if ((rows.at(-1)?.line.row ?? -1) >= last) return;
    }
  }

  async close(): Promise<void> {}

  private async *pieces(): AsyncIterable<NdjsonRow[]> {
    let rows: NdjsonRow[] = [];
    const reader = new LineReader((line) => rows.push({ line, input: recordFromLine(line.text, '', this.schema) }));
    for await (const piece of textOf(this.file, this.text.encoding)) {
      reader.push(piece);
      if (rows.length > 0) yield rows;
      rows = [];
    }
    reader.end();
    if (rows.length > 0) yield rows;
  }

  private chunk(rows: readonly NdjsonRow[]): SourceChunk {
    const { schema, ids, text } = this;
    const row = (i: number) => rows[i] as NdjsonRow;
    const given = (i: number, column: number): unknown => {
      const { input } = row(i);
      const own = ownValue(input.values, (schema.columns[column] as ColumnSpec).name) ?? null;
      // The column of the id may be left out where the id stands beside the values.
      return own === null && column === schema.recordIdIndex && input.hasOwnId ? input.recordId : own;
    };
    const value = (i: number, column: number) => writtenValue(schema.columns[column] as ColumnSpec, given(i, column));
    const recordId = (i: number): string => {
      const { line, input } = row(i);
      if (ids.kind === 'number') return String(line.row);
      if (ids.kind === 'file') return input.recordId === '' ? fileRowIdOf(text.sha256, line.row) : input.recordId;
      const own = ownValue(input.values, ids.name) ?? (ID_KEYS.some((id) => id === ids.name) ? input.recordId : null);
      const id = idText(own);
      return typeof id === 'string' ? id : '';
    };
    const fault = (i: number): string | null => {
      const { line, input } = row(i);
      if (line.fault !== null) return line.fault;
      const bytes = text.damaged ? undecodable(line.text) : null;
      return bytes ?? input.faults[0]?.message ?? null;
    };
    const original = (i: number): Uint8Array =>
      fault(i) === null
        ? rowPayload(schema, recordId(i), (column) => given(i, column))
        : new TextEncoder().encode(row(i).line.text);
    return { rows: rows.length, rowNumber: (i) => row(i).line.row, value, recordId, fault, original };
  }
}

/** Columns that the records of the sample name; a line that its end has cut is none. */
function namesIn({ sample, isWhole }: TextFacts, schema: RecordSchema): string[] {
  const names = new Set<string>();
  const idColumn = schema.columns[schema.recordIdIndex]?.name;
  const reader = new LineReader(({ text }) => {
    const { values, hasOwnId } = recordFromLine(text, '', schema);
    for (const name of Object.keys(values)) names.add(name);
    if (hasOwnId && idColumn !== undefined) names.add(idColumn);
  });
  reader.push(sample);
  if (isWhole) reader.end();
  return [...names];
}
