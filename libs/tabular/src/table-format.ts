// What kind of table a file is: by its first bytes where they say it, else by the ending of its name, else by the first
// character. What is none is refused with what to do about it.

import { PlatformError } from '@millrace/domain';

export const TABLE_FORMATS = ['csv', 'ndjson', 'parquet'] as const;
export type TableFormat = (typeof TABLE_FORMATS)[number];

const ENDINGS: readonly (readonly [RegExp, TableFormat])[] = [
  [/\.(csv|tsv|tab|psv|txt)$/i, 'csv'],
  [/\.(ndjson|jsonl)$/i, 'ndjson'],
  [/\.(parquet|pq)$/i, 'parquet'],
];

/** First bytes of what is often given instead. */
const OTHERS: readonly (readonly [readonly number[], string])[] = [
  [[0x1f, 0x8b], 'is compressed (gzip): unpack it first'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'is compressed (zstd): unpack it first'],
  [[0x50, 0x4b, 0x03, 0x04], 'is a ZIP file or an Excel workbook: save the sheet as CSV, or unpack it first'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'is an old Excel workbook: save the sheet as CSV'],
  [[0x89, 0x50, 0x4e, 0x47], 'is a picture (PNG), no table'],
  [[0xff, 0xd8, 0xff], 'is a picture (JPEG), no table'],
  [[0x25, 0x50, 0x44, 0x46], 'is a PDF: export its table as CSV'],
  [[0x53, 0x51, 0x4c, 0x69], 'is an SQLite database: export the table as CSV'],
];
/** Bytes of no text but UTF-16 without its mark, which is seldom; 0x01 and 0x1c to 0x1f may part fields. */
const isBinary = (byte: number): boolean => (byte >= 0x02 && byte <= 0x08) || (byte >= 0x0e && byte <= 0x1a);
const UTF_16_MARKS = [
  [0xff, 0xfe],
  [0xfe, 0xff],
];
const FIRST = 64;
const PARQUET = [0x50, 0x41, 0x52, 0x31];

const beginsWith = (bytes: Uint8Array, first: readonly number[]): boolean =>
  first.every((byte, i) => bytes[i] === byte);

/**
 * @param declared what the caller says it is
 * @throws PlatformError 'invalid_argument' where the bytes are no such table
 */
export function formatOf(name: string, firstBytes: Uint8Array, declared?: TableFormat): TableFormat {
  for (const [bytes, what] of OTHERS) {
    if (beginsWith(firstBytes, bytes)) throw new PlatformError('invalid_argument', `${name} ${what}`);
  }
  const isParquet = beginsWith(firstBytes, PARQUET);
  const isMarked = UTF_16_MARKS.some((mark) => beginsWith(firstBytes, mark));
  if (!isParquet && !isMarked && firstBytes.subarray(0, FIRST).some(isBinary)) throw binary(name);
  if (isParquet && (declared ?? 'parquet') === 'parquet') return 'parquet';
  if (isParquet) throw new PlatformError('invalid_argument', `${name} is a Parquet file, not ${declared}`);
  const format = declared ?? ENDINGS.find(([ending]) => ending.test(name))?.[1] ?? byFirstCharacter(firstBytes);
  if (format === 'parquet')
    throw new PlatformError('invalid_argument', `${name} is no Parquet file: it does not begin with PAR1`);
  if (format === 'ndjson' && firstCharacter(firstBytes) === '[') {
    throw new PlatformError(
      'invalid_argument',
      `${name} holds a JSON list: write one object a line (NDJSON), as \`jq -c '.[]' ${name}\` does`,
    );
  }
  return format;
}

function binary(name: string): PlatformError {
  const what = /\.onnx$/i.test(name)
    ? 'is a model (ONNX), no table: `millrace models register` makes a version of it'
    : 'holds binary data, no text; is it a CSV, NDJSON or Parquet file?';
  return new PlatformError('invalid_argument', `${name} ${what}`);
}

function byFirstCharacter(bytes: Uint8Array): TableFormat {
  const first = firstCharacter(bytes);
  return first === '{' || first === '[' ? 'ndjson' : 'csv';
}

function firstCharacter(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.subarray(0, FIRST)).trimStart().charAt(0);
}
