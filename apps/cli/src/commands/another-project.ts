// Whether the project file of a folder is another project than the one that is applied under its name: files of other
// folders may be called alike (2024.csv, or a name without Latin letters), and the second would take the place of the
// first.

import { PlatformError } from '@millrace/domain';

/** Columns of the applied project in the message. */
const NAMED_MAX = 5;

/**
 * A file of the same project has a column of it left, however much it has changed.
 *
 * @param document of the applied project
 * @throws PlatformError 'conflict'
 */
export function mustBeOneProject(name: string, file: string, columns: readonly string[], document: unknown): void {
  const applied = columnsOf(document);
  if (applied.length === 0 || applied.some((column) => columns.includes(column))) return;
  const named = applied.slice(0, NAMED_MAX).map((column) => `'${column}'`);
  const more = applied.length > NAMED_MAX ? ` and ${applied.length - NAMED_MAX} more` : '';
  throw new PlatformError(
    'conflict',
    `another project '${name}' is applied, with the columns ${named.join(', ')}${more}, none of which ${file} has: ` +
      `give this one a name of its own (\`name:\` in ${file}, or \`millrace new FILE --name NAME\`), or ` +
      `\`millrace apply\` it in place of that one`,
    { retry: 'never' },
  );
}

function columnsOf(document: unknown): string[] {
  const { data } = document as { data?: { columns?: readonly { name: string }[] } };
  return (data?.columns ?? []).map((column) => column.name);
}
