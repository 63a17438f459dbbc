// Rows of a file of labels in JSON: one object a line, or a list. NDJSON is read in chunks, a list whole.

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { extname } from 'node:path';
import { PlatformError, parseExactJson } from '@millrace/domain';

export interface LabelRows {
  /** Of the file; of NDJSON those of the rows' own keys. */
  columns: readonly string[];
  rows: readonly Readonly<Record<string, unknown>>[];
}

const PIECE_BYTES = 262_144;

export function* jsonRows(path: string): Iterable<LabelRows> {
  const text = extname(path).toLowerCase() === '.json' ? readFileSync(path, 'utf8').trim() : '';
  if (text.startsWith('[')) {
    yield chunkOf(parsed(text, path, 1) as unknown[], path, 1);
    return;
  }
  let line = 0;
  for (const lines of linesOf(path)) {
    const rows = lines.flatMap((one) => {
      line++;
      return one.trim() === '' ? [] : [parsed(one, path, line)];
    });
    if (rows.length > 0) yield chunkOf(rows, path, line);
  }
}

/** Whole lines, a piece of the file at a time. */
function* linesOf(path: string): Iterable<string[]> {
  const file = openSync(path, 'r');
  const decoder = new TextDecoder();
  const piece = Buffer.alloc(PIECE_BYTES);
  let open = '';
  try {
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) {
      const lines = (open + decoder.decode(piece.subarray(0, read), { stream: true })).split('\n');
      open = lines.pop() ?? '';
      yield lines;
    }
    yield [open + decoder.decode()];
  } finally {
    closeSync(file);
  }
}

function parsed(text: string, path: string, line: number): unknown {
  try {
    return parseExactJson(text);
  } catch (thrown) {
    throw new PlatformError('invalid_argument', `${path} line ${line}: no JSON (${(thrown as Error).message})`);
  }
}

function chunkOf(rows: readonly unknown[], path: string, line: number): LabelRows {
  const columns = new Set<string>();
  for (const row of rows) {
    if (typeof row !== 'object' || row === null || Array.isArray(row))
      throw new PlatformError('invalid_argument', `${path}, up to line ${line}: a label is a JSON object`);
    for (const name of Object.keys(row)) columns.add(name);
  }
  return { columns: [...columns], rows: rows as Record<string, unknown>[] };
}
