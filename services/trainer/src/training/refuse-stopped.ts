// The stop of a training or registration that nobody wants any more, as an error at the next step that would be seen
// outside. Knows nothing of why.

import { PlatformError } from '@millrace/domain';

/** @throws PlatformError 'cancelled' */
export function refuseStopped(isStopped: () => boolean): void {
  if (isStopped()) throw new PlatformError('cancelled', 'the training was stopped', { retry: 'never' });
}
