// A CSV file as the commands read it: with the reader, the encodings and the faults of ingest, so that a file means the
// same to both. Looked through once for its encoding, then read in pieces. Memory: one piece and its rows.

import { basename } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { encodingWarning, inspectText, textOf, undecodable } from '@millrace/files';
import { CsvReader, type CsvRow, type CsvTerms, findDialect, wrongDelimiter } from '@millrace/tabular';

/** A row of texts, or why there is none. */
export type TextRow = Pick<CsvRow, 'line' | 'fields' | 'fault'> & {
  /** Of a table whose values have types: for each field 't' where it is a text, else 'v'. */
  readonly kinds?: string;
};

export interface TextTable {
  readonly header: readonly string[];
  /** Its rows have `kinds`. */
  readonly isTyped: boolean;
  readonly warnings: readonly string[];
  /** Rows in the order of the file, some at a time. */
  pieces(): AsyncIterable<readonly TextRow[]>;
}

export interface CsvTable extends TextTable {
  readonly delimiter: string;
  pieces(): AsyncIterable<readonly CsvRow[]>;
}

/**
 * @param known names of columns that the header may have
 * @throws PlatformError 'invalid_argument' where it has no header or cannot be read
 */
export async function openCsv(path: string, terms: CsvTerms, known: readonly string[] = []): Promise<CsvTable> {
  const file = { path, name: basename(path) };
  const facts = await inspectText(file, terms.encoding);
  const found = findDialect(facts.sample, known, facts.isWhole);
  const dialect = { ...found, delimiter: terms.delimiter ?? found.delimiter };
  const first = new CsvReader(() => undefined, dialect);
  first.push(facts.sample);
  if (first.header === null) first.end();
  if (first.header === null || first.headerFault !== null)
    throw new PlatformError(
      'invalid_argument',
      `${path}: its first line should name the columns: ${first.headerFault ?? 'it holds nothing but empty lines'}`,
    );
  const wrong = terms.delimiter === undefined ? undefined : wrongDelimiter(path, first.header, terms.delimiter);
  if (wrong !== undefined) throw new PlatformError('invalid_argument', wrong);
  return {
    header: first.header,
    isTyped: false,
    delimiter: dialect.delimiter,
    warnings: encodingWarning(file.name, terms.encoding, facts),
    pieces: async function* () {
      let rows: CsvRow[] = [];
      const reader = new CsvReader((row) => {
        const damage = facts.damaged && row.fault === null ? undecodable(row.text) : null;
        rows.push(damage === null ? row : { ...row, fault: damage });
      }, dialect);
      for await (const piece of textOf(file, facts.encoding)) {
        reader.push(piece);
        if (rows.length > 0) yield rows;
        rows = [];
      }
      reader.end();
      if (rows.length > 0) yield rows;
    },
  };
}
