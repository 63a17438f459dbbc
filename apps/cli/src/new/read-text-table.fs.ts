// A CSV or NDJSON file as a profile of its columns: read as ingest will read it, up to ROWS_MAX rows. Memory: one piece
// of the file and what TableProfiler keeps.

import { createReadStream } from 'node:fs';
import { PlatformError, parseExactJson } from '@millrace/domain';
import { TableProfiler } from '@millrace/project';
import { CsvReader, EncodingEvidence, findDialect, LineReader, type TextEncoding } from '@millrace/tabular';
import type { ReadTable } from './read-table.js';

/** Of a longer file the first rows are judged: they take about ten seconds, and say what the rest will be. */
export const ROWS_MAX = 1_000_000;
const PIECE_BYTES = 262_144;
/** One of them becomes the example of a prediction: the first that lacks nothing. */
const FIRST_RECORDS = 100;

export interface TextTerms {
  readonly delimiter?: string | undefined;
  readonly encoding?: TextEncoding | undefined;
}

interface Opened {
  readonly encoding: TextEncoding;
  readonly sample: string;
  readonly isWhole: boolean;
  readonly warnings: string[];
}

export async function readCsv(path: string, terms: TextTerms): Promise<ReadTable> {
  const { encoding, sample, isWhole, warnings } = await open(path, terms.encoding);
  const found = findDialect(sample, [], isWhole);
  const dialect = terms.delimiter === undefined ? found : { ...found, delimiter: terms.delimiter };
  let table: TableProfiler | undefined;
  let header: readonly string[] = [];
  let twice: ReadonlySet<string> = new Set();
  let left = ROWS_MAX;
  let broken = 0;
  const records: Record<string, unknown>[] = [];
  const reader = new CsvReader(({ fields, fault }) => {
    if (left === 0) return;
    left -= 1;
    if (table === undefined) {
      header = reader.header ?? [];
      twice = new Set(header.filter((name, i) => name !== '' && header.indexOf(name) < i));
      table = new TableProfiler(
        'text',
        header.map((name) => (twice.has(name) ? '' : name)),
      );
    }
    if (fault !== null) {
      broken += 1;
      return;
    }
    table.takeRow(fields);
    if (records.length < FIRST_RECORDS) records.push(Object.fromEntries(header.map((name, i) => [name, fields[i]])));
  }, dialect);
  for await (const piece of textOf(path, encoding)) {
    reader.push(piece);
    if (left === 0) break;
  }
  if (left > 0) reader.end();
  if (reader.headerFault !== null)
    throw new PlatformError(
      'invalid_argument',
      `${path}: its first line should name the columns: ${reader.headerFault}`,
    );
  if (header.includes('')) warnings.push('a column without a name is left out');
  if (twice.size > 0)
    warnings.push(`the header names '${[...twice].join("', '")}' twice: left out; rename one to use both`);
  if (broken > 0) warnings.push(`${broken} rows cannot be read (another number of fields, a quote that never closes)`);
  const profile = (table ?? new TableProfiler('text', reader.header ?? [])).profile();
  return { profile, records, warnings, delimiter: dialect.delimiter, isAll: left > 0 };
}

export async function readNdjson(path: string, terms: TextTerms): Promise<ReadTable> {
  const { encoding, warnings } = await open(path, terms.encoding);
  const table = new TableProfiler('typed');
  const records: Record<string, unknown>[] = [];
  let left = ROWS_MAX;
  let broken = 0;
  const reader = new LineReader(({ text, fault }) => {
    if (left === 0) return;
    left -= 1;
    const record = fault === null ? recordOf(text) : undefined;
    if (record === undefined) {
      broken += 1;
      return;
    }
    table.takeRecord(record);
    if (records.length < FIRST_RECORDS) records.push(record);
  });
  for await (const piece of textOf(path, encoding)) {
    reader.push(piece);
    if (left === 0) break;
  }
  if (left > 0) reader.end();
  if (broken > 0) warnings.push(`${broken} lines are no JSON objects`);
  return { profile: table.profile(), records, warnings, isAll: left > 0 };
}

function recordOf(line: string): Record<string, unknown> | undefined {
  try {
    const value = parseExactJson(line);
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isRecord ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Counted by the caller.
    return undefined;
  }
}

async function open(path: string, declared: TextEncoding | undefined): Promise<Opened> {
  const evidence = new EncodingEvidence();
  let first: Uint8Array | undefined;
  let bytes = 0;
  for await (const piece of bytesOf(path)) {
    first ??= piece;
    bytes += piece.length;
    evidence.take(piece);
  }
  if (first === undefined) throw new PlatformError('invalid_argument', `${path} is empty`);
  const found = evidence.end();
  const encoding = declared ?? found.encoding;
  const warnings: string[] = [];
  if (declared === undefined && found.damaged) warnings.push('some bytes are no UTF-8; --encoding says what they are');
  else if (declared === undefined && encoding === 'windows-1252')
    warnings.push('it is no UTF-8 and is read as Windows-1252 (Latin-1); --encoding says otherwise');
  const sample = new TextDecoder(encoding).decode(first, { stream: true });
  return { encoding, sample, isWhole: first.length === bytes, warnings };
}

async function* textOf(path: string, encoding: TextEncoding): AsyncIterable<string> {
  const decoder = new TextDecoder(encoding);
  for await (const piece of bytesOf(path)) yield decoder.decode(piece, { stream: true });
  yield decoder.decode();
}

async function* bytesOf(path: string): AsyncIterable<Uint8Array> {
  const stream = createReadStream(path, { highWaterMark: PIECE_BYTES });
  try {
    for await (const piece of stream) yield piece as Uint8Array;
  } finally {
    stream.destroy();
  }
}
