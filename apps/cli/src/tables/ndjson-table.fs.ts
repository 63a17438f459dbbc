// A file of JSON objects, one a line, as a table of texts: every key that some line has is a column, in the order in
// which they are first seen, and a value is its text, beside which stands whether it was one in the file; what is
// nested is its JSON. Read twice, for the columns and for the rows. Memory: one piece and its rows.

import { basename } from 'node:path';
import { exactJson, PlatformError, parseExactJson } from '@millrace/domain';
import { encodingWarning, inspectText, type TextFacts, textOf } from '@millrace/files';
import { type CsvTerms, LineReader, type TextLine } from '@millrace/tabular';
import type { TextRow, TextTable } from './csv-table.fs.js';

interface FileOfLines {
  readonly path: string;
  readonly name: string;
}

/** @throws PlatformError 'invalid_argument' where no line is an object */
export async function openNdjson(path: string, { encoding }: CsvTerms): Promise<TextTable> {
  const file = { path, name: basename(path) };
  const facts = await inspectText(file, encoding);
  const keys = new Set<string>();
  for await (const lines of linesOf(file, facts))
    for (const line of lines) for (const key of Object.keys(objectOf(line) ?? {})) keys.add(key);
  const header = [...keys];
  if (header.length === 0) throw new PlatformError('invalid_argument', `${path}: no line of it is a JSON object`);
  return {
    header,
    isTyped: true,
    warnings: encodingWarning(file.name, encoding, facts),
    pieces: async function* () {
      for await (const lines of linesOf(file, facts)) yield lines.map((line) => rowOf(line, header));
    },
  };
}

async function* linesOf(file: FileOfLines, { encoding }: TextFacts): AsyncIterable<readonly TextLine[]> {
  let lines: TextLine[] = [];
  const reader = new LineReader((line) => lines.push(line));
  for await (const piece of textOf(file, encoding)) {
    reader.push(piece);
    yield lines;
    lines = [];
  }
  reader.end();
  yield lines;
}

/** undefined = it is none. */
export function objectOf({ text, fault }: Pick<TextLine, 'text' | 'fault'>): Record<string, unknown> | undefined {
  if (fault !== null) return undefined;
  try {
    const value = parseExactJson(text);
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isRecord ? (value as Record<string, unknown>) : undefined;
  } catch {
    // Told by the caller, with the line.
    return undefined;
  }
}

function rowOf(line: TextLine, header: readonly string[]): TextRow {
  const object = objectOf(line);
  const fault = object === undefined ? (line.fault ?? 'no JSON object') : null;
  const values = header.map((key) => object?.[key]);
  const kinds = values.map((value) => (typeof value === 'string' ? 't' : 'v')).join('');
  return { line: line.row + 1, fields: values.map(fieldOf), kinds, fault };
}

function fieldOf(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  // A number beyond the largest, which JSON has no word for.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return typeof value === 'string' ? value : exactJson(value);
}
