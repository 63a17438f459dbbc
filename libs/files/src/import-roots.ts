// Folders that a user of this machine has opened to imports: `millrace apply` writes the folder of a project file into
// the platform's home, and ingest reads sources of such folders. Who can write there owns the platform's state anyway;
// who can only call its API cannot. At most ROOTS_MAX; the one opened longest ago leaves.

import { join } from 'node:path';
import { readJson, replaceJson } from './json-file.js';

const ROOTS_MAX = 256;

const fileOf = (home: string): string => join(home, 'ingest', 'import-roots.json');

/** @param folder absolute */
export async function openImportRoot(home: string, folder: string): Promise<void> {
  const known = await openImportRoots(home);
  const roots = [...known.filter((root) => root !== folder), folder].slice(-ROOTS_MAX);
  if (known.at(-1) !== folder) await replaceJson(fileOf(home), roots);
}

/** None where the file is damaged: what is not opened for sure is closed. */
export async function openImportRoots(home: string): Promise<readonly string[]> {
  const read = await readJson(fileOf(home));
  if (read.kind !== 'ok' || !Array.isArray(read.value)) return [];
  return read.value.filter((root): root is string => typeof root === 'string' && root.startsWith('/'));
}
