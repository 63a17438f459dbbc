// What a new project file meets: the project file of the folder, which `ingest` and `train` hand to the platform, and
// the project of its name that is applied. Either may be what the next commands would go on with in its place; then it
// is said, and the step that comes first is told.

import { PlatformError } from '@millrace/domain';
import { canonicalJson } from '@millrace/project';
import { shellWord } from '../new/found.js';
import { PROJECT_FILE } from '../project-file.fs.js';
import { mustBeOneProject } from './another-project.js';

export interface Beside {
  /** The new file as it was named, and whether that is the project file of the folder. */
  readonly output: string;
  readonly isHere: boolean;
  /** Of which project the folder's file is. */
  readonly here: string | undefined;
  /** The document of the project of this name that is applied; undefined = there is none, or nobody answers. */
  readonly applied: unknown;
}

interface Steps {
  readonly warnings: readonly string[];
  /** Before `ingest`. */
  readonly first: readonly string[];
}

/** @param document canonical JSON of the new file @param columns that it names */
export function stepsBeside(name: string, document: string, columns: readonly string[], beside: Beside): Steps {
  const { output, isHere, here, applied } = beside;
  const takesPlace = !isHere && here === name;
  const first = isHere
    ? []
    : takesPlace
      ? [`mv ${shellWord(output)} ${PROJECT_FILE}`]
      : [`millrace apply ${shellWord(output)}`];
  const warnings = takesPlace
    ? [
        `${PROJECT_FILE} here is of project '${name}', too, and \`millrace ingest\` and \`millrace train\` take that ` +
          `one: put this one in its place, or give it a name of its own with --name`,
      ]
    : [];
  const other = applied === undefined ? undefined : otherApplied(name, output, columns, document, applied);
  return { warnings: other === undefined ? warnings : [...warnings, other], first };
}

function otherApplied(
  name: string,
  output: string,
  columns: readonly string[],
  document: string,
  applied: unknown,
): string | undefined {
  if (canonicalJson(applied) === document) return undefined;
  try {
    mustBeOneProject(name, output, columns, applied);
  } catch (thrown) {
    return PlatformError.from(thrown).reason;
  }
  return (
    `project '${name}' is applied already, with another content: ${output} takes its place when it is applied, by ` +
    `\`millrace apply\` or, as the ${PROJECT_FILE} of the folder, by \`millrace ingest\` and \`millrace train\``
  );
}
