// A CSV or NDJSON file as a profile of its columns: read as ingest will read it, up to ROWS_MAX rows. Memory: one piece
// of the file and what TableProfiler keeps.

import { basename } from 'node:path';
import { counted, PlatformError } from '@millrace/domain';
import { encodingWarning, inspectText, textOf } from '@millrace/files';
import { TableProfiler, type TimeFormat } from '@millrace/project';
import { type CsvRow, type CsvTerms, LineReader } from '@millrace/tabular';
import { openCsv } from '../tables/csv-table.fs.js';
import { objectOf } from '../tables/ndjson-table.fs.js';
import { headerWarning } from './header-words.js';
import type { ReadTable } from './read-table.js';

/** Of a longer file the first rows are judged: they take about ten seconds, and say what the rest will be. */
export const ROWS_MAX = 1_000_000;
/** One of them becomes the example of a prediction: the first that lacks nothing. */
const FIRST_RECORDS = 100;

/** Of a line that cannot be read, in a message. */
const SHOWN_MAX = 80;

/** No name of a column holds these. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000e-\u001f]/;

/** Ingest counts rows, an editor lines. */
const placeOf = ({ row, line }: CsvRow): string => `row ${row + 1} (line ${line} of the file)`;

export async function readCsv(path: string, terms: CsvTerms, dateFormat?: TimeFormat): Promise<ReadTable> {
  const { header, delimiter, warnings, pieces } = await openCsv(path, terms);
  if (header.some((name) => CONTROL.test(name)))
    throw new PlatformError(
      'invalid_argument',
      `${path}: its first line is no text; is it a CSV, NDJSON or Parquet file?`,
    );
  const twice = new Set(header.filter((name, i) => name !== '' && header.indexOf(name) < i));
  const names = header.map((name) => (twice.has(name) ? '' : name));
  const table = new TableProfiler('text', names, { decimal: terms.decimal, dateFormat });
  const records: Record<string, unknown>[] = [];
  let left = ROWS_MAX;
  const nameless = header.flatMap((name, i) => (name === '' ? [i] : []));
  let isUnnamed = false;
  let broken: { count: number; first: CsvRow } | undefined;
  for await (const rows of pieces()) {
    for (const row of rows.slice(0, left)) {
      const { fields, fault } = row;
      if (fault !== null) broken = { count: (broken?.count ?? 0) + 1, first: broken?.first ?? row };
      else table.takeRow(fields, row.row + 1);
      isUnnamed ||= nameless.some((i) => (fields[i] ?? null) !== null);
      if (fault === null && records.length < FIRST_RECORDS)
        records.push(Object.fromEntries(header.map((name, i) => [name, fields[i]])));
    }
    left -= Math.min(left, rows.length);
    if (left === 0) break;
  }
  const profile = table.profile();
  if (broken !== undefined && profile.rows === 0)
    throw new PlatformError(
      'invalid_argument',
      `${path}: none of its rows can be read; ${placeOf(broken.first)}: ${broken.first.fault}`,
    );
  const said = [
    ...(isUnnamed ? ['a column without a name is left out'] : []),
    ...(twice.size === 0
      ? []
      : [`the header names '${[...twice].join("', '")}' twice: left out; rename one to use both`]),
    ...(broken === undefined
      ? []
      : [
          `${counted(broken.count, 'row')} cannot be read; the first is ${placeOf(broken.first)}: ${broken.first.fault}`,
        ]),
    ...headerWarning(path, profile),
  ];
  return { profile, records, warnings: [...warnings, ...said], delimiter, isAll: left > 0 };
}

export async function readNdjson(path: string, terms: CsvTerms, dateFormat?: TimeFormat): Promise<ReadTable> {
  const file = { path, name: basename(path) };
  const facts = await inspectText(file, terms.encoding);
  const warnings = encodingWarning(file.name, terms.encoding, facts);
  const table = new TableProfiler('typed', [], { dateFormat });
  const records: Record<string, unknown>[] = [];
  let left = ROWS_MAX;
  let broken: { count: number; row: number; text: string; why: string } | undefined;
  const reader = new LineReader((line) => {
    if (left === 0) return;
    left -= 1;
    const record = objectOf(line);
    if (record === undefined) {
      const { row, text, fault } = line;
      broken = broken ?? { count: 0, row: row + 1, text: text.slice(0, SHOWN_MAX), why: fault ?? faultOf(text) };
      broken.count += 1;
      return;
    }
    table.takeRecord(record, line.row + 1);
    if (records.length < FIRST_RECORDS) records.push(record);
  });
  for await (const piece of textOf(file, facts.encoding)) {
    reader.push(piece);
    if (left === 0) break;
  }
  if (left > 0) reader.end();
  if (broken !== undefined)
    warnings.push(
      `${broken.count} ${broken.count === 1 ? 'line is no JSON object' : 'lines are no JSON objects'} and left out; ` +
        `the first is row ${broken.row}: ${broken.text} (${broken.why})`,
    );
  return { profile: table.profile(), records, warnings, isAll: left > 0 };
}

/** Why a line is none. */
function faultOf(text: string): string {
  try {
    JSON.parse(text);
    return 'write {"name": value}';
  } catch (thrown) {
    return (thrown as Error).message;
  }
}
