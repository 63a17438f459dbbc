// What a command says that fails after a part of a file was taken: how much that was.

import { PlatformError } from '@millrace/domain';

/** @param accepted rows before the failure @param what "records" */
export function partlySent(thrown: unknown, accepted: number, what: string): PlatformError {
  const error = PlatformError.from(thrown);
  if (accepted === 0) return error;
  const { code, reason, retry, facts } = error;
  return new PlatformError(code, `${reason}; ${accepted} ${what} before it were accepted`, {
    cause: thrown,
    retry,
    facts: { ...facts, accepted },
  });
}
