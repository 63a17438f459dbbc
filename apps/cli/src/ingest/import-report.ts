// What `millrace ingest` says at the end of an import, and its options as the API takes them.

import type { BodyOf, ingestApi } from '@millrace/api';
import { PlatformError, timeOf } from '@millrace/domain';
import { csvTerms, TABLE_FORMATS, type TableFormat } from '@millrace/tabular';
import type { ImportState } from '../client/control.http.js';
import { shownId } from '../ids.js';

export interface ImportOptions {
  source?: string;
  file?: string;
  stream?: boolean;
  format?: string;
  delimiter?: string;
  decimal?: string;
  encoding?: string;
  from?: string;
  to?: string;
  rows?: string;
  seed?: string;
}

type ImportBody = BodyOf<typeof ingestApi.endpoints.startImport>;

const REASONS_TOLD = 10;

/** Everything but where the rows come from. @throws PlatformError 'invalid_argument' that says what to write */
export function importTerms(options: ImportOptions): Omit<ImportBody, 'source' | 'upload'> {
  const { format, from, to, rows, seed } = options;
  const csv = csvTerms(options);
  return {
    ...(format === undefined ? {} : { format: oneOf('--format', format, TABLE_FORMATS) as TableFormat }),
    ...(Object.keys(csv).length === 0 ? {} : { csv }),
    ...(from === undefined ? {} : { fromMs: dateOf('--from', from) }),
    ...(to === undefined ? {} : { toMs: dateOf('--to', to) }),
    ...(rows === undefined ? {} : { rows: rows === 'all' ? 'all' : wholeOf('--rows', rows, 1, ', or all') }),
    ...(seed === undefined ? {} : { seed: wholeOf('--seed', seed, 0, '') }),
  };
}

function oneOf(option: string, text: string, known: readonly string[]): string {
  if (known.includes(text)) return text;
  throw new PlatformError('invalid_argument', `${option} ${text}: write one of ${known.join('  ')}`);
}

function dateOf(option: string, text: string): number {
  const ms = timeOf(text);
  if (!Number.isNaN(ms)) return ms;
  throw new PlatformError(
    'invalid_argument',
    `${option} ${text}: write a date such as 2024-02-15 or 2024-02-15T06:00Z`,
  );
}

function wholeOf(option: string, text: string, min: number, or: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
  throw new PlatformError('invalid_argument', `${option} ${text}: write a whole number from ${min} on${or}`);
}

/** @param what the file or source, as the caller named it */
export function importReport(what: string, status: ImportState): string {
  const { project, state, accepted, rejected, datasetVersion, message } = status;
  const lines =
    state === 'done'
      ? [
          `${what}: ${accepted} rows accepted, ${rejected} refused, dataset version ${datasetVersion === undefined ? 'none' : shownId(datasetVersion)}`,
        ]
      : [`${what} was not imported: ${message ?? 'no reason given'}`];
  lines.push(...readAs(status), ...status.warnings.map((warning) => `  warning: ${warning}`));
  for (const { count, column, example } of status.reasons.slice(0, REASONS_TOLD)) {
    const where = `row ${example.row}${column === '' ? '' : `, ${column}`}`;
    const value = example.value === null || example.reason.includes(example.value) ? '' : `${example.value} `;
    lines.push(`  refused ${count} × ${where}: ${value}${example.reason}`);
  }
  if (status.reasons.length > REASONS_TOLD) lines.push(`  and ${status.reasons.length - REASONS_TOLD} further reasons`);
  if (rejected > 0) lines.push(`  refused rows: millrace dlq list ${project}`);
  return lines.join('\n');
}

/** What was found out about a file that is no plain CSV. */
function readAs({ format, csv }: ImportState): string[] {
  if (format !== 'csv' || csv === undefined) return [];
  const { delimiter, decimal, encoding } = csv;
  if (delimiter === ',' && decimal === '.' && encoding === 'utf-8') return [];
  return [`  read as CSV with ${delimiter === '\t' ? 'tabs' : `'${delimiter}'`}, decimal '${decimal}', ${encoding}`];
}
