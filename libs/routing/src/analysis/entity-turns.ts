// Whose answers count: of an entity that asks for more than all others only so many that it does not stand for the
// version. A bucket of entities (entity-buckets.ts) has at most TIMES what the buckets that asked have in the mean, and
// FEW. Nothing of the answer goes into it, so that what counts is a fair sample of each version's answers, of which no
// entity has more than TIMES its even part. Where all buckets ask alike, or there is one only, nothing is left out.
// O(1) per answer, 4 bytes a bucket.

import { ENTITY_BUCKETS } from './entity-buckets.js';

/**
 * More makes an entity's peculiarity count more; less leaves out answers of entities that ask as much as others do, and
 * meet in one bucket: of independent ones it leaves out next to none.
 */
const TIMES = 3;
/** So many of independent answers meet in one bucket by chance while there are as few as buckets. */
const FEW = 6;

export class EntityTurns {
  private readonly counts = new Uint32Array(ENTITY_BUCKETS);
  private all = 0;
  private buckets = 0;

  take(bucket: number): boolean {
    const count = this.counts[bucket] as number;
    if (count >= FEW && count * this.buckets >= TIMES * this.all) return false;
    if (count === 0) this.buckets += 1;
    this.counts[bucket] = count + 1;
    this.all += 1;
    return true;
  }
}
