// Does a file's first line name its columns, or is it a row already? In a file of rows alone the "names" are values
// like those below them. A year or a number may be a name, so that only what no name is decides.

import { PlatformError } from '@millrace/domain';
import type { TableProfile } from '@millrace/project';

const FRACTION = /^[+-]?\d*[.,]\d+$/;
const WHOLE = /^[+-]?\d+$/;

/**
 * @throws PlatformError 'invalid_argument' where the names can be nothing but values
 */
export function headerWarning(path: string, { columns }: Pick<TableProfile, 'columns'>): string[] {
  const counted = columns.filter(({ type, present }) => present > 0 && (type === 'number' || type === 'integer'));
  const alike = counted.filter(({ name }) => FRACTION.test(name) || WHOLE.test(name));
  if (counted.length === 0 || alike.length < counted.length) return [];
  const shown = columns.slice(0, 6).map(({ name }) => `'${name.slice(0, 20)}'`);
  const what = `its first line looks like a row, not like names of columns: ${shown.join(', ')}`;
  if (alike.some(({ name }) => FRACTION.test(name)))
    throw new PlatformError('invalid_argument', `${path}: ${what}. Write a line with a name for each column above it`);
  return [`${what}; if it is one, write a line of names above it`];
}
