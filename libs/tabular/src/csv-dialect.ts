// How a CSV file is written, found out from its beginning: line ends, and the delimiter among comma, semicolon, tab and
// pipe. The delimiter is the one under which the header names most of the columns that are looked for; between equals
// the one whose rows agree best in their number of fields, then the one that makes more fields, then the order above.
// Excel's first line "sep=;" decides before all that. Quotes are double, unless all names of the header stand in single
// ones, as some exports write them; one name without says that a single quote is an apostrophe.

import { type CsvQuote, CsvReader, type CsvRow } from './csv-reader.js';

export interface CsvDialect {
  delimiter: string;
  quote: CsvQuote;
  lineEnd: '\n' | '\r';
}

const DELIMITERS = [',', ';', '\t', '|'] as const;
const DELIMITER_NAMES: Readonly<Record<string, string>> = { '\t': "tab (say 'tab')" };
/** Of a header in a message, in characters. */
const SHOWN_MAX = 64;
/** Rows looked at. */
const ROWS_MAX = 200;
/** The header stands in one of them, behind empty ones and Excel's. */
const HEADER_LINES_MAX = 20;
const SEPARATOR_LINE = /^\uFEFF?sep=(.)\r?$/i;

/** `known`: names of columns that the header may have; `isWhole`: the sample is all of the file. */
export function findDialect(sample: string, known: readonly string[], isWhole: boolean): CsvDialect {
  const lineEnd = sample.includes('\n') || !sample.includes('\r') ? '\n' : '\r';
  const declared = SEPARATOR_LINE.exec(sample.slice(0, sample.indexOf(lineEnd)))?.[1];
  if (declared !== undefined) {
    const dialect = { delimiter: declared, lineEnd } as const;
    return { ...dialect, quote: isSingleQuoted(sample, dialect) ? "'" : '"' };
  }
  const wanted = new Set(known);
  let best: { dialect: CsvDialect; score: readonly number[] } | null = null;
  for (const delimiter of DELIMITERS) {
    const dialect: CsvDialect = { delimiter, lineEnd, quote: '"' };
    if (isSingleQuoted(sample, dialect)) dialect.quote = "'";
    const score = scoreOf(sample, dialect, wanted, isWhole);
    if (best === null || isHigher(score, best.score)) best = { dialect, score };
  }
  return best?.dialect ?? { delimiter: ',', lineEnd, quote: '"' };
}

export const delimiterName = (delimiter: string): string => DELIMITER_NAMES[delimiter] ?? `'${delimiter}'`;

/** What is wrong with the delimiter of a file, where its header says so: it is one name that holds another. */
export function wrongDelimiter(file: string, header: readonly string[], delimiter: string): string | undefined {
  const [lone = ''] = header.length === 1 ? header : [];
  const other = DELIMITERS.find((one) => one !== delimiter && lone.includes(one));
  if (other === undefined) return undefined;
  return (
    `the header of ${file} is one column, ${JSON.stringify(lone.slice(0, SHOWN_MAX))}: it is written with ` +
    `${delimiterName(other)}, not ${delimiterName(delimiter)}; say --delimiter ${other === '\t' ? 'tab' : `'${other}'`}`
  );
}

/** Whether every name of the header stands in single quotes: written so, its names are the line again. */
function isSingleQuoted(sample: string, { delimiter, lineEnd }: Omit<CsvDialect, 'quote'>): boolean {
  const lines = sample.replace(/^\uFEFF/, '').split(lineEnd, HEADER_LINES_MAX);
  const line = lines.map((one) => one.trim()).find((one) => one !== '' && !SEPARATOR_LINE.test(one)) ?? '';
  if (!line.startsWith("'")) return false;
  const reader = new CsvReader(() => undefined, { delimiter, lineEnd, quote: "'" });
  reader.push(line);
  reader.end();
  const written = (reader.header ?? []).map((name) => `'${name.replaceAll("'", "''")}'`);
  return reader.headerFault === null && written.join(delimiter) === line;
}

/** Names found, share of rows as wide as the header (0 for a single column), fields of the header. */
function scoreOf(sample: string, dialect: CsvDialect, wanted: ReadonlySet<string>, isWhole: boolean): number[] {
  const rows: CsvRow[] = [];
  const reader = new CsvReader((row) => {
    if (rows.length < ROWS_MAX) rows.push(row);
  }, dialect);
  reader.push(sample);
  if (isWhole || reader.header === null) reader.end();
  if (reader.headerFault !== null) return [0, 0, 0];
  const header = reader.header ?? [];
  const found = new Set(header.filter((name) => wanted.has(name))).size;
  const fitting = rows.filter(({ fault }) => fault === null).length;
  const share = header.length < 2 ? 0 : rows.length === 0 ? 1 : fitting / rows.length;
  return [found, share, header.length];
}

function isHigher(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return (a[i] as number) > (b[i] as number);
  }
  return false;
}
