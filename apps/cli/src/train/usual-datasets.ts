// Which dataset versions a training by hand takes when none are named.

import { newestVersions, PlatformError, rowsOrdinalOf } from '@millrace/domain';

type Dataset = Parameters<typeof newestVersions>[0][number] & {
  readonly id: string;
  readonly kind: string;
  /** Of an import: the file or the source of the project that it read. */
  readonly source: string;
};

/**
 * Of `datasets`, newest last: every import whose file was not imported again later, in the order in which they came;
 * without an import all live versions. Of versions with the same rows the one with the newest labels.
 */
export function usualDatasets(project: string, datasets: readonly Dataset[]): string[] {
  const newest = newestVersions(datasets);
  const imports = newest.filter(({ kind }) => kind === 'import').sort((a, b) => rowsOrdinalOf(a) - rowsOrdinalOf(b));
  const latest = new Map(imports.map(({ source, id }) => [source, id]));
  const chosen = imports.filter(({ source, id }) => latest.get(source) === id);
  if (chosen.length > 0) return [...new Set(chosen.map(({ id }) => id))];
  if (newest.length > 0) return newest.map(({ id }) => id);
  throw new PlatformError(
    'not_found',
    `${project} has no dataset version yet: \`millrace ingest ${project} --file FILE\` loads a file as one; a live ` +
      'version closes when the event time has passed the end of its span by the label’s delay and an allowance',
  );
}
