// Files of imports: where a source's path leads, extra rows, and the list of unfinished imports (one small file each,
// so that a process that was killed finds them again).

import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { readJsonFolderSync, removeFile, replaceJson } from '@millrace/files';
import { recordFromLine } from '../records/record-input.js';
import type { ExtraRow } from './import-run.js';
import type { StoredImport } from './import-runner.js';

/** An extra file is a handful of rows beside a source, not a source. */
const EXTRA_BYTES_MAX = 16_777_216;
const EXTRA_ROWS_MAX = 10_000;

/** "npm:<package>/<path>" is looked up in the installed packages; anything else must be absolute. */
export function resolveSourcePath(path: string): string {
  if (!path.startsWith('npm:')) {
    if (path.startsWith('/')) return path;
    throw new PlatformError(
      'invalid_argument',
      `the path ${path} is relative; apply the project with its folder, or write an absolute path`,
    );
  }
  const [, name, rest] = /^npm:((?:@[^/]+\/)?[^/]+)\/(.+)$/.exec(path) ?? [];
  if (name === undefined || rest === undefined || rest.split('/').includes('..')) {
    throw new PlatformError('invalid_argument', `${path} is not npm:<package>/<path>`);
  }
  const require = createRequire(import.meta.url);
  for (const base of require.resolve.paths(name) ?? []) {
    const folder = join(base, name);
    try {
      require.resolve(join(folder, 'package.json'));
      return join(folder, rest);
    } catch {
      // Not in this folder of packages; the next one.
    }
  }
  throw new PlatformError('not_found', `the package ${name} is not installed`);
}

/** NDJSON, one raw row a line; a line without an id of its own gets one from the import and its line number. */
export async function readExtraRows(path: string, scope: string): Promise<ExtraRow[]> {
  if (!path.startsWith('/')) throw new PlatformError('invalid_argument', 'extraFile is an absolute path');
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isFile()) throw new PlatformError('not_found', `no file ${path}`);
  if (found.size > EXTRA_BYTES_MAX)
    throw new PlatformError('invalid_argument', `${path} has ${found.size} bytes, at most ${EXTRA_BYTES_MAX}`);
  const rows: ExtraRow[] = [];
  const bytes = await readFile(path);
  let line = 0;
  for (let start = 0; start < bytes.length; line++) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline;
    const part = bytes.subarray(start, end);
    start = end + 1;
    const text = part.toString('utf8');
    if (text.trim() === '') continue;
    if (rows.length >= EXTRA_ROWS_MAX)
      throw new PlatformError('invalid_argument', `${path} has more than ${EXTRA_ROWS_MAX} rows`);
    rows.push({ input: recordFromLine(text, `extra/${scope}/${line}`), bytes: part });
  }
  return rows;
}

/** Unfinished imports, one JSON file each. */
export class UnfinishedImports {
  constructor(private readonly folder: string) {}

  /** Durable when it resolves. */
  begin(stored: StoredImport): Promise<void> {
    return replaceJson(this.path(stored.importId), stored);
  }

  finish(importId: string): Promise<void> {
    return removeFile(this.path(importId));
  }

  /** @throws PlatformError 'corrupt' where one is damaged: its rows would be missing without a word */
  unfinished(): StoredImport[] {
    return readJsonFolderSync(this.folder).map(({ read }) => {
      if (read.kind === 'corrupt') throw read.error;
      return (read as { value: unknown }).value as StoredImport;
    });
  }

  private path(importId: string): string {
    return join(this.folder, `${importId}.json`);
  }
}
