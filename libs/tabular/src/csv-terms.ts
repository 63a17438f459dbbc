// What somebody says of a text file, as options of a command or fields of a request: delimiter, decimal sign, encoding.
// Names under which people know them are taken; what is left open is found out by whoever reads the file.

import { PlatformError } from '@millrace/domain';
import { TEXT_ENCODINGS, type TextEncoding } from './text-encoding.js';

export const DECIMALS = ['.', ','] as const;
export type Decimal = (typeof DECIMALS)[number];

export interface CsvTerms {
  readonly delimiter?: string;
  readonly decimal?: Decimal;
  readonly encoding?: TextEncoding;
}

/** Names under which people know the encodings. */
const ENCODINGS: Readonly<Record<string, TextEncoding>> = {
  utf8: 'utf-8',
  'latin-1': 'latin1',
  'iso-8859-1': 'latin1',
  cp1252: 'windows-1252',
  'utf-16': 'utf-16le',
};
const TAB = new Set(['tab', '\\t', '\t']);

/** @throws PlatformError 'invalid_argument' that says what to write */
export function csvTerms(said: { delimiter?: string; decimal?: string; encoding?: string }): CsvTerms {
  const { delimiter, decimal, encoding } = said;
  const written = delimiter !== undefined && TAB.has(delimiter) ? '\t' : delimiter;
  if (written !== undefined && (written.length !== 1 || /["\r\n]/.test(written)))
    throw new PlatformError('invalid_argument', `--delimiter ${delimiter}: write one character, such as ';', or tab`);
  if (written !== undefined && written === decimal)
    throw new PlatformError(
      'invalid_argument',
      `--delimiter and --decimal are both '${decimal}': a field would end there`,
    );
  const known = encoding === undefined ? undefined : (ENCODINGS[encoding.toLowerCase()] ?? encoding.toLowerCase());
  return {
    ...(written === undefined ? {} : { delimiter: written }),
    ...(decimal === undefined ? {} : { decimal: oneOf('--decimal', decimal, DECIMALS) }),
    ...(known === undefined ? {} : { encoding: oneOf('--encoding', known, TEXT_ENCODINGS) }),
  };
}

function oneOf<T extends string>(option: string, text: string, known: readonly T[]): T {
  const found = known.find((one) => one === text);
  if (found !== undefined) return found;
  throw new PlatformError(
    'invalid_argument',
    `${option} ${text}: write ${known.map((one) => `'${one}'`).join(' or ')}`,
  );
}
