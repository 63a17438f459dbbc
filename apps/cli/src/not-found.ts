// Why something of a project was not found, for people: most often the project's name is misspelt, or nothing of it is
// in service yet. Services tell of what they keep; only together they know.

import { PlatformError, suggest } from '@millrace/domain';
import { type KnownProject, versionCommand } from './overview/version-command.js';

interface KnownVersion {
  version: number;
  blessed: boolean;
  /** undefined: nobody judged it. */
  evaluation?: unknown;
}

export interface Known {
  projects(): Promise<readonly KnownProject[]>;
  models(project: string): Promise<readonly KnownVersion[]>;
  routeOrNone(project: string): Promise<unknown>;
}

/** Told of a version or of what routes them; other things that were not found are told well where they are missed. */
const OF_VERSIONS = /\b(?:route|model|version)\b/;

/**
 * The error as it was where nothing better is known. `name`: what the command was given as project or model; `here`:
 * of which project the folder's project file is.
 */
export async function explained(
  error: PlatformError,
  name: string,
  known: Known,
  here?: string,
): Promise<PlatformError> {
  if (error.code !== 'not_found') return error;
  const projects = await known.projects().catch(() => undefined);
  if (projects === undefined) return error;
  const names = projects.map((one) => one.name);
  const because = (reason: string) => new PlatformError('not_found', reason, { cause: error });
  if (!names.includes(name)) {
    const near = suggest(name, names);
    const meant = near === null ? '' : ` Did you mean '${near}'?`;
    const other = here === undefined || here === name ? '' : ` project.yaml here is of project '${here}'.`;
    return because(`there is no project '${name}'; \`millrace projects list\` lists them.${meant}${other}`);
  }
  if (!OF_VERSIONS.test(error.reason)) return error;
  try {
    const versions = await known.models(name);
    if (versions.length === 0)
      return because(`${name} has no model version yet: \`${await versionCommand(known, name)}\` makes one`);
    if ((await known.routeOrNone(name)) === undefined) {
      const fit = versions.filter(({ blessed, evaluation }) => blessed || evaluation === undefined).at(-1);
      return because(
        fit === undefined
          ? `no version of ${name} is in service, and none is blessed: \`millrace models ${name}\` says why`
          : `no version of ${name} is in service yet: \`millrace rollout start ${name} ${fit.version}\` brings one there`,
      );
    }
    return because(`${error.reason}; \`millrace models ${name}\` lists the versions of ${name}`);
  } catch {
    // A service is away: what the first one said is all that is known.
    return error;
  }
}
