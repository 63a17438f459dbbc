// What `millrace ingest` says at the end of an import, and what it asks for, as the API takes it.

import type { BodyOf, ingestApi } from '@millrace/api';
import { counted, PlatformError } from '@millrace/domain';
import { csvTerms, type TableFormat } from '@millrace/tabular';
import type { ImportState } from '../client/control.http.js';
import { shownId } from '../ids.js';

/** As the command line has read them. */
export interface ImportOptions {
  source?: string;
  file?: string;
  stream?: boolean;
  format?: TableFormat;
  delimiter?: string;
  decimal?: string;
  encoding?: string;
  from?: number;
  to?: number;
  rows?: number | 'all';
  seed?: number;
}

type ImportBody = BodyOf<typeof ingestApi.endpoints.startImport>;

const REASONS_TOLD = 10;

/** Everything but where the rows come from. */
export function importTerms(options: ImportOptions): Omit<ImportBody, 'source' | 'upload'> {
  const { format, from, to, rows, seed } = options;
  const csv = csvTerms(options);
  return {
    ...given({ format, fromMs: from, toMs: to, rows, seed }),
    ...(Object.keys(csv).length === 0 ? {} : { csv }),
  };
}

/** Without the keys that nothing was said for. */
function given<T extends object>(terms: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined)) as never;
}

/** More rows of it were refused than taken: it was read in a wrong way, and what came of it is not to go on with. */
export const isMostlyRefused = ({ accepted, rejected }: Pick<ImportState, 'accepted' | 'rejected'>): boolean =>
  rejected > accepted;

/**
 * The dataset version that came of a file by which a model is to be judged.
 *
 * @throws PlatformError 'invalid_argument' where none did, or where more of its rows were refused than taken
 */
export function referenceOf(file: string, status: ImportState): string {
  const { project, state, message, accepted, rejected, datasetVersion } = status;
  if (state !== 'done' || datasetVersion === undefined)
    throw new PlatformError('invalid_argument', `${file}: ${message ?? 'no row of it was accepted'}`);
  if (!isMostlyRefused(status)) return datasetVersion;
  const rows = `${rejected} of ${accepted + rejected} rows of ${file} were refused`;
  const why = status.reasons[0]?.example.reason;
  throw new PlatformError(
    'invalid_argument',
    `${rows}${why === undefined ? '' : ` (the first: ${why})`}: that is no reference to judge by; \`millrace dlq list ${project}\` shows them`,
  );
}

/** @param what the file or source, as the caller named it */
export function importReport(what: string, status: ImportState): string {
  const { project, state, accepted, rejected, repeatedRows = 0, datasetVersion, message } = status;
  const lines =
    state === 'done'
      ? [
          `${what}: ${counted(accepted, 'row')} accepted, ${rejected} refused, dataset version ${datasetVersion === undefined ? 'none' : shownId(datasetVersion)}`,
        ]
      : [`${what} was not imported: ${message ?? 'no reason given'}`];
  if (repeatedRows > 0)
    lines.push(
      `  ${repeatedRows} accepted ${repeatedRows === 1 ? 'row repeats' : 'rows repeat'} the id of an earlier one: left out`,
    );
  lines.push(...readAs(status), ...status.warnings.map((warning) => `  warning: ${warning}`));
  for (const { count, column, example } of status.reasons.slice(0, REASONS_TOLD)) {
    const where = `row ${example.row}${column === '' ? '' : `, ${column}`}`;
    const value = example.value === null || example.reason.includes(example.value) ? '' : `${example.value} `;
    lines.push(`  refused ${count} × ${where}: ${value}${example.reason}`);
  }
  if (status.reasons.length > REASONS_TOLD) lines.push(`  and ${status.reasons.length - REASONS_TOLD} further reasons`);
  if (rejected > 0) lines.push(`  refused rows: \`millrace dlq list ${project}\``);
  return lines.join('\n');
}

/** What was found out about a file that is no plain CSV. */
function readAs({ format, csv }: ImportState): string[] {
  if (format !== 'csv' || csv === undefined) return [];
  const { delimiter, decimal, encoding } = csv;
  if (delimiter === ',' && decimal === '.' && encoding === 'utf-8') return [];
  return [`  read as CSV with ${delimiter === '\t' ? 'tabs' : `'${delimiter}'`}, decimal '${decimal}', ${encoding}`];
}
