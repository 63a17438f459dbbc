// Rows of a file of labels in JSON: one object a line, or a list. Bytes are read as ingest reads them: the encoding is
// found out or said. NDJSON is read in pieces, a list whole. What is no JSON object is a broken row among the others.

import { basename, extname } from 'node:path';
import { PlatformError, parseExactJson } from '@millrace/domain';
import { encodingWarning, inspectText, type TextFacts, textOf, undecodable } from '@millrace/files';
import { type CsvTerms, LineReader, type TextLine } from '@millrace/tabular';
import { BrokenRow } from './broken-row.js';

type LabelRow = Readonly<Record<string, unknown>> | BrokenRow;

export interface LabelRows {
  /** Of the file; of NDJSON those of the rows' own keys. */
  columns: readonly string[];
  /** Every row of the file that is not empty, so that their numbers are right. */
  rows: readonly LabelRow[];
}

export async function* jsonRows(
  path: string,
  { encoding }: CsvTerms,
  warn: (text: string) => void,
): AsyncIterable<LabelRows> {
  const file = { path, name: basename(path) };
  const facts = await inspectText(file, encoding);
  for (const warning of encodingWarning(file.name, encoding, facts)) warn(warning);
  const isList = extname(path).toLowerCase() === '.json' && /^\s*\[/.test(facts.sample);
  if (isList) yield chunkOf(await listOf(file, facts));
  else
    for await (const lines of linesOf(file, facts)) {
      const rows = lines.map((line) => rowOf(line, facts));
      if (rows.length > 0) yield chunkOf(rows);
    }
}

/** @throws PlatformError 'invalid_argument' where the whole is no JSON: nothing has been sent by then */
async function listOf(file: { path: string; name: string }, { encoding }: TextFacts): Promise<LabelRow[]> {
  let text = '';
  for await (const piece of textOf(file, encoding)) text += piece;
  try {
    return (parseExactJson(text) as unknown[]).map(objectOr);
  } catch (thrown) {
    throw new PlatformError('invalid_argument', `${file.path} is no JSON list (${(thrown as Error).message})`);
  }
}

async function* linesOf(file: { path: string; name: string }, { encoding }: TextFacts): AsyncIterable<TextLine[]> {
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

function rowOf({ text, fault }: TextLine, { damaged }: TextFacts): LabelRow {
  const unread = fault ?? (damaged ? undecodable(text) : null);
  if (unread !== null) return new BrokenRow(unread);
  try {
    return objectOr(parseExactJson(text));
  } catch (thrown) {
    return new BrokenRow(`no JSON (${(thrown as Error).message})`);
  }
}

const objectOr = (row: unknown): LabelRow =>
  typeof row === 'object' && row !== null && !Array.isArray(row)
    ? (row as Record<string, unknown>)
    : new BrokenRow('a label is a JSON object');

function chunkOf(rows: readonly LabelRow[]): LabelRows {
  const columns = new Set<string>();
  for (const row of rows) if (!(row instanceof BrokenRow)) for (const name of Object.keys(row)) columns.add(name);
  return { columns: [...columns], rows };
}
