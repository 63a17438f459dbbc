// What tells predictions of one id apart, without keeping them: a client may use its request id for several.

import type { PredictionMessage } from '@millrace/contracts';

/**
 * Never 0, the same for a message that came again. Two that were answered in the same millisecond after the same
 * microseconds with the same score count as one; others differ but for 1 in 4 billion.
 */
export function markOf({ answeredAtMs, latencyUs, modelVersion }: PredictionMessage, score: number): number {
  let mark = 0;
  for (const part of [answeredAtMs, answeredAtMs / 4_294_967_296, latencyUs, modelVersion, score * 4_294_967_295])
    mark = Math.imul(mark ^ part, 0x9e3779b1) ^ (mark >>> 15);
  return mark >>> 0 || 1;
}
