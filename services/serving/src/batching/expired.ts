// Why a request left the queue unserved: its call's own deadline passed, or the time that queue policy or the parameter
// `timeout` gave it. Both are deadline_exceeded, and REJECTED in statistics; the V2 endpoints tell the second as Triton
// does, UNAVAILABLE.

import { PlatformError } from '@millrace/domain';

export function expired(callDeadlinePassed: boolean): PlatformError {
  return callDeadlinePassed
    ? new PlatformError('deadline_exceeded', 'the deadline passed while the request was queued')
    : new PlatformError('deadline_exceeded', 'the request timeout expired while the request was queued', {
        facts: { queueTimeout: true },
      });
}

export function isQueueTimeout({ facts }: PlatformError): boolean {
  return facts.queueTimeout === true;
}
