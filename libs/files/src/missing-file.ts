// A file or folder that somebody named and that is not there: one kind of error wherever it is noticed, so that the
// command ends alike for all of them (docs/cli.md: not found).

import { existsSync } from 'node:fs';
import { PlatformError } from '@millrace/domain';

/** `advice`: what else to write, for people. */
export function missingFile(path: string, what = 'file', advice = ''): PlatformError {
  const more = advice === '' ? '' : `; ${advice}`;
  return new PlatformError('not_found', `there is no ${what} ${path}${more}`, { facts: { path } });
}

/** Before anything is asked or sent for it. Throws not_found. */
export function checkThere(path: string): void {
  if (!existsSync(path)) throw missingFile(path);
}

/** Whether what was not found is a file of the caller's, and nothing that the platform keeps. */
export function isMissingFile(error: PlatformError): boolean {
  return error.code === 'not_found' && error.facts.path !== undefined;
}
