// Which dataset versions a training by hand takes when none are named.

import { PlatformError } from '@millrace/domain';

interface Dataset {
  readonly id: string;
  readonly kind: string;
}

/** Of `datasets`, newest last: the newest import, without one all live versions. */
export function usualDatasets(project: string, datasets: readonly Dataset[]): string[] {
  const imported = datasets.findLast(({ kind }) => kind === 'import');
  if (imported !== undefined) return [imported.id];
  if (datasets.length > 0) return datasets.map(({ id }) => id);
  throw new PlatformError(
    'not_found',
    `${project} has no dataset version yet: \`millrace ingest ${project} --source NAME\` loads a source of the project ` +
      'file as one; a live version closes when the event time has passed the end of its span by the label’s delay and an allowance',
  );
}
