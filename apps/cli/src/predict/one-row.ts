// One row from the command line: its values and time as they were written.

import { type Clock, PlatformError, type Scalar } from '@millrace/domain';

/** Feature values by name. Throws invalid_argument where the text is something else. */
export function rowOf(text: string): Record<string, Scalar> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw new PlatformError(
      'invalid_argument',
      `--row is no JSON (${(thrown as Error).message}): write '{"name": value}'`,
    );
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new PlatformError('invalid_argument', `--row is no JSON object of features: write '{"name": value}'`);
  for (const [name, value] of Object.entries(json)) {
    if (typeof value === 'object' && value !== null)
      throw new PlatformError('invalid_argument', `--row: '${name}' is no number, text, boolean or null`);
  }
  return json as Record<string, Scalar>;
}

/** Now where none is given. */
export function rowTimeOf(text: string | undefined, clock: Clock): number {
  const ms = text === undefined ? clock.nowMs() : Date.parse(text);
  if (Number.isNaN(ms))
    throw new PlatformError('invalid_argument', `--event-time ${text}: write a date like 2026-01-31T12:00Z`);
  return ms;
}
