// What a failed engine call means for its requests, for packages and models of a repository alike.

import { PlatformError } from '@millrace/domain';

const REASON_CHARACTERS_MAX = 512;

/** The engine itself is away: another try would meet the same. */
const NOT_THE_REQUEST: ReadonlySet<string> = new Set(['unavailable', 'deadline_exceeded', 'cancelled', 'overloaded']);

/** What the engine says is passed on: users bring their own models and must see why they fail. */
export function backendError(thrown: unknown): PlatformError {
  if (thrown instanceof PlatformError) return thrown;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new PlatformError('internal', `the model failed: ${reason.slice(0, REASON_CHARACTERS_MAX)}`, {
    cause: thrown,
  });
}

/** The process that computed ended at it. */
export const diedOf = ({ facts }: PlatformError): boolean => facts.died === true;

/** Whether one of several requests that ran together may be to blame: then each of them runs alone once. */
export function mayBeOneRequest(error: PlatformError): boolean {
  return diedOf(error) || !NOT_THE_REQUEST.has(error.code);
}

/** The error of requests that ran together and not alone: where their engine died, any of them may be to blame. */
export function sharedError(error: PlatformError, requests: number): PlatformError {
  if (!diedOf(error) || requests === 1) return error;
  const { code, reason, retry, facts } = error;
  return new PlatformError(code, `${reason}; ${requests} requests were computed as one batch`, {
    retry,
    facts,
    cause: error,
  });
}
