// What a request is told that nothing has been done for: its model is not ready here, or the process ends. Another
// serving may take it; a full queue or a died process is told otherwise.

import { PlatformError } from '@millrace/domain';

export function notTaken(reason: string): PlatformError {
  return new PlatformError('unavailable', reason, { facts: { notTaken: true } });
}

export const isNotTaken = ({ code, facts }: PlatformError): boolean => code === 'not_found' || facts.notTaken === true;
