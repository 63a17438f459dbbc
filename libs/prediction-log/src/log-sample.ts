// Which predictions are logged: all, or a share of the request ids. The choice depends on the id alone, so that every
// replica, every restart and whoever counts later choose the same requests, and all rows of one stay together.

import { hash32 } from '@millrace/domain';

/** Apart from other choices by the same ids (sticky routing, sampling of traces). */
const SEED = 0x10c5a3b1;

/** `share` in [0, 1]; 1 = complete, without a look at the id. */
export function logSample(share: number): (requestId: string) => boolean {
  if (share >= 1) return () => true;
  const bound = share * 4_294_967_296;
  return (requestId) => hash32(requestId, SEED) < bound;
}
