// Which dataset versions of a training have the columns that it takes. Project files change: a version that was made
// before a column was added, or when it was of another type, has no values of it. Where some versions have it the rows
// of the others are missing values, and that is told; where none has, there is nothing to learn from. Pure.

import { PlatformError } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import { ingestAgain, type VersionFacts, versionsText } from './fitting-versions.js';

/** Who takes a column: the model that is made, the version that it is compared with, the slices of the evaluation. */
export interface WantedColumn extends SignatureInput {
  readonly of: 'model' | 'champion' | 'slices';
}

export type ValueKind = 'text' | 'boolean' | 'number';

export interface VersionColumns extends Omit<VersionFacts, 'labelRule'> {
  /** Of its file. */
  readonly kinds: ReadonlyMap<string, ValueKind>;
  /** That are read: labelled ones, or all. */
  readonly rows: number;
}

const kindOf = ({ type }: SignatureInput): ValueKind => (type === 'text' || type === 'boolean' ? type : 'number');

/** Whether the version has values of the column, of its type. */
export const hasColumn = ({ kinds }: Pick<VersionColumns, 'kinds'>, column: SignatureInput): boolean =>
  kinds.get(column.name) === kindOf(column);

/**
 * A sentence for each column that some versions lack.
 *
 * @throws PlatformError 'invalid_argument' where no version has a column that the model takes
 */
export function lackedColumns(
  project: string,
  versions: readonly VersionColumns[],
  wanted: readonly WantedColumn[],
): string[] {
  return wanted.flatMap((column) => {
    const lack = versions.filter((version) => !hasColumn(version, column));
    if (lack.length === 0 || column.of === 'slices') return [];
    const why = whyLacked(column, lack);
    const mend = mendOf(project, lack);
    if (lack.length < versions.length) {
      const rows = lack.reduce((sum, version) => sum + version.rows, 0);
      return [`${why}: ${rows} rows of ${versionsText(lack)} count as missing values. To have them, ${mend}.`];
    }
    if (column.of === 'champion')
      return [`${why}: the version in place was compared with missing values there. To have them, ${mend}.`];
    throw new PlatformError(
      'invalid_argument',
      `${why}, and there is no other: ${versionsText(lack)}. To train, ${mend}`,
      {
        facts: { project, column: column.name },
      },
    );
  });
}

function whyLacked(column: WantedColumn, lack: readonly VersionColumns[]): string {
  const kinds = new Set(lack.map(({ kinds: of }) => of.get(column.name)));
  const other = [...kinds].find((kind) => kind !== undefined);
  const which = `${lack.length} dataset version${lack.length === 1 ? '' : 's'}`;
  if (other === undefined) return `column "${column.name}" is not in ${which}`;
  const absent = kinds.has(undefined) ? ', or not there,' : '';
  return `column "${column.name}" is a ${kindOf(column)} in the project file, and a ${other}${absent} in ${which}`;
}

function mendOf(project: string, lack: readonly VersionColumns[]): string {
  if (lack.some(({ kind }) => kind === 'import')) return ingestAgain(project, lack);
  return 'wait for rows of the stream that have it, or take the column out of `features` of the project file';
}
