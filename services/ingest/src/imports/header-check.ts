// Do the columns of a file fit the project? What is missing is refused with what the file has instead, the nearest
// names and the delimiter that the header looks like; what is only worth knowing is a warning.

import { PlatformError, suggest } from '@millrace/domain';
import { wrongDelimiter } from '@millrace/tabular';
import type { RecordSchema } from '../schema/record-schema.js';

/** Columns named in a message. */
const NAMED_MAX = 20;

function named(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX).map((name) => JSON.stringify(name.slice(0, 64)));
  return `${shown.join(', ')}${names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : ''}`;
}

function nearOf(missing: readonly string[], header: readonly string[]): string {
  const near = missing.flatMap((name) => {
    const found = suggest(name, header);
    return found === null ? [] : [`${name} may be ${JSON.stringify(found)}`];
  });
  return near.length === 0 ? '' : `; ${near.slice(0, NAMED_MAX).join(', ')}`;
}

/**
 * @param idColumn a column that identifies a row, where one is declared
 * @param delimiter of a CSV file
 * @throws PlatformError 'invalid_argument'
 */
export function checkHeader(
  file: string,
  header: readonly string[],
  schema: RecordSchema,
  idColumn: string | null,
  delimiter: string | null,
): void {
  const inputs = schema.columns.filter((column) => !column.outcome && column.derive === undefined);
  // A file that has nothing of it is another one, though no column is required.
  const isOther = !inputs.some(({ name }) => header.includes(name));
  const required = inputs.filter((column) => isOther || column.required).map((column) => column.name);
  const missing = [...new Set([...required, ...(idColumn === null ? [] : [idColumn])])].filter(
    (name) => !header.includes(name),
  );
  const wrong = delimiter === null || missing.length === 0 ? undefined : wrongDelimiter(file, header, delimiter);
  if (wrong !== undefined) throw new PlatformError('invalid_argument', wrong);
  const twice = header.filter((name, i) => header.indexOf(name) < i && schema.indexOf.has(name));
  if (twice.length > 0)
    throw new PlatformError(
      'invalid_argument',
      `${file} has the column ${named([...new Set(twice)])} twice; rename one`,
    );
  if (missing.length === 0) return;
  throw new PlatformError(
    'invalid_argument',
    `${file} has ${isOther ? 'none of the columns' : 'no column'} ${named(missing)}; ${delimiter === null ? 'it has' : 'its first line names'} ${named(header)}` +
      `${nearOf(missing, header)}. Rename in the file or in the project file`,
  );
}

/**
 * The same for records that each name their columns themselves: what one lacks is a missing value, so that only a file
 * whose records have nothing of the project is refused.
 *
 * @param names of all columns of its first records, none where no record can be read
 * @throws PlatformError 'invalid_argument'
 */
export function checkNames(file: string, names: readonly string[], schema: RecordSchema): string[] {
  if (names.length === 0) return [];
  const inputs = schema.columns.filter((column) => !column.outcome && column.derive === undefined);
  if (!inputs.some(({ name }) => names.includes(name))) checkHeader(file, names, schema, null, null);
  const absent = inputs.filter(({ name, required }) => required && !names.includes(name)).map(({ name }) => name);
  if (absent.length === 0) return [];
  return [
    `no record at the beginning of ${file} has ${named(absent)}; they have ${named(names)}${nearOf(absent, names)}`,
  ];
}

/** What the file leaves out without being wrong. */
export function headerWarnings(file: string, header: readonly string[], schema: RecordSchema): string[] {
  const outcome = schema.columns[schema.labelIndex];
  const unlabelled = outcome !== undefined && !header.includes(outcome.name);
  const absent = schema.columns
    .filter((column) => !column.required && !column.outcome && column.derive === undefined)
    .map((column) => column.name)
    .filter((name) => !header.includes(name));
  const others = header.filter((name) => !schema.indexOf.has(name));
  return [
    ...(unlabelled ? [`${file} has no column ${JSON.stringify(outcome.name)}: its rows carry no label`] : []),
    ...(absent.length === 0
      ? []
      : [
          `${file} has no column ${named(absent)}: none of its rows has a value there` +
            (others.length === 0 ? '' : `; columns that the project does not know: ${named(others)}`),
        ]),
  ];
}
