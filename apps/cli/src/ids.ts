// Ids as people copy them: tables show the first characters of a hash, and every command takes those back.

import { PlatformError, suggest } from '@millrace/domain';

/** Characters that a table shows. */
const SHOWN_ID_LENGTH = 12;
/** Fewer name something by chance too easily. */
const PREFIX_LENGTH_MIN = 6;
/** Matches named in a message. */
const NAMED_MAX = 5;

export const shownId = (id: string): string => id.slice(0, SHOWN_ID_LENGTH);

/** The one id that is `given` or begins with it. `what`: "dataset version". `list`: the command that lists them. */
export function idOf(given: string, ids: readonly string[], what: string, list: string): string {
  if (ids.includes(given)) return given;
  const matches = given.length < PREFIX_LENGTH_MIN ? [] : ids.filter((id) => id.startsWith(given));
  if (matches.length === 1) return matches[0] as string;
  if (matches.length > 1) {
    const named = matches.slice(0, NAMED_MAX).join(', ');
    throw new PlatformError(
      'invalid_argument',
      `${what} ${given} may be ${matches.length} of them: write more of ${named}${matches.length > NAMED_MAX ? ' …' : ''}`,
    );
  }
  const short = ids.some((id) => id.startsWith(given)) && given.length < PREFIX_LENGTH_MIN;
  if (short)
    throw new PlatformError('invalid_argument', `${what} ${given}: write at least ${PREFIX_LENGTH_MIN} characters`);
  const near = suggest(
    given,
    ids.map((id) => id.slice(0, given.length)),
  );
  const meant = near === null ? '' : ` Did you mean '${near}'?`;
  throw new PlatformError('not_found', `there is no ${what} ${given}; \`${list}\` lists them.${meant}`);
}
