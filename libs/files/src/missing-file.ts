// A file or folder that somebody named and that is not there: one kind of error wherever it is noticed, so that the
// command ends alike for all of them (docs/cli.md: not found).

import { statSync } from 'node:fs';
import { PlatformError } from '@millrace/domain';

/** `advice`: what else to write, for people. */
export function missingFile(path: string, what = 'file', advice = ''): PlatformError {
  const more = advice === '' ? '' : `; ${advice}`;
  return new PlatformError('not_found', `there is no ${what} ${path}${more}`, { facts: { path } });
}

/**
 * Before anything is asked or sent for it. Files are read more than once (what they are, their hash, their rows), which
 * nothing but a file bears. Throws not_found, or invalid_argument for a pipe or a device.
 */
export function checkFile(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw missingFile(path);
  if (found.isFile() || found.isDirectory()) return;
  const why = 'is no file but a pipe or a device, which can be read once only: save what it gives to a file first';
  throw new PlatformError('invalid_argument', `${path} ${why}`);
}

/** Whether what was not found is a file of the caller's, and nothing that the platform keeps. */
export function isMissingFile(error: PlatformError): boolean {
  return error.code === 'not_found' && error.facts.path !== undefined;
}
