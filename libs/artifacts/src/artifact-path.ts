// Which paths name an artifact, in every store. Checked before anything is asked of a file system or a bucket, so that
// no path leaves the store, and none meets a name that a store keeps for itself (those begin with a dot).

import { PlatformError } from '@millrace/domain';

/** Begins with a letter or digit: staging folders and temporary files cannot be named. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._=-]{0,200}$/;
const DEPTH_MAX = 12;
/** Files of one `putFolder`. */
const FOLDER_FILES_MAX = 1000;

export function isArtifactName(name: string): boolean {
  return NAME.test(name);
}

/** Names of a path; refuses everything that could leave the store. */
export function namesOf(path: string): string[] {
  const names = path.split('/');
  if (names.length > DEPTH_MAX || !names.every(isArtifactName))
    throw new PlatformError('invalid_argument', 'artifact path is not relative names joined by "/"', {
      facts: { path: path.slice(0, 200) },
    });
  return names;
}

/** Checks all paths of a folder that is to be written, before any of it is. */
export function checkFolder(path: string, files: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(files);
  if (names.length > FOLDER_FILES_MAX)
    throw new PlatformError('invalid_argument', `more than ${FOLDER_FILES_MAX} files in one folder`);
  namesOf(path);
  for (const name of names) namesOf(`${path}/${name}`);
}

export function notFound(path: string): PlatformError {
  return new PlatformError('not_found', `no artifact ${path}`, { facts: { path } });
}

/** Bytes that are not those that were written, or that who reads them was told of. */
export function otherBytes(path: string, expected: string, found: string): PlatformError {
  return new PlatformError(
    'corrupt',
    `artifact ${path} was cut or changed: its SHA-256 is not the one it was written with`,
    {
      facts: { path, expected, found },
    },
  );
}
