// Files and folders that a user of this machine has opened to imports: `millrace apply` writes the files that a project
// file names into the platform's home, and ingest reads those. Who can write there owns the platform's state anyway;
// who can only call its API cannot. At most ROOTS_MAX; the one opened longest ago leaves.

import { join } from 'node:path';
import { readJson, replaceJson } from './json-file.js';

const ROOTS_MAX = 256;

const fileOf = (home: string): string => join(home, 'ingest', 'import-roots.json');

/** @param paths absolute */
export async function openToImports(home: string, paths: readonly string[]): Promise<void> {
  const known = await openImportRoots(home);
  const roots = [...known.filter((root) => !paths.includes(root)), ...paths].slice(-ROOTS_MAX);
  if (roots.some((root, i) => root !== known[i])) await replaceJson(fileOf(home), roots);
}

/** None where the file is damaged: what is not opened for sure is closed. */
export async function openImportRoots(home: string): Promise<readonly string[]> {
  const read = await readJson(fileOf(home));
  if (read.kind !== 'ok' || !Array.isArray(read.value)) return [];
  return read.value.filter((root): root is string => typeof root === 'string' && root.startsWith('/'));
}
