import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { ENTITY_BUCKETS, entityBucket } from './entity-buckets.js';
import { EntityTurns } from './entity-turns.js';

describe('whose answers count', () => {
  it('of an entity that asks for 60 % no more than three times an even part', () => {
    const rng = seededRng(1);
    const turns = new EntityTurns();
    const taken = new Map<number, number>();
    for (let i = 0; i < 20_000; i++) {
      const bucket = rng.next() < 0.6 ? 7 : rng.below(ENTITY_BUCKETS);
      if (turns.take(bucket)) taken.set(bucket, (taken.get(bucket) ?? 0) + 1);
    }
    const all = [...taken.values()].reduce((sum, one) => sum + one, 0);
    expect((taken.get(7) ?? 0) / all).toBeLessThan(3.1 / ENTITY_BUCKETS);
    // Of the others none is left out.
    expect(all - (taken.get(7) ?? 0)).toBeGreaterThan(0.98 * 0.4 * 20_000 * (127 / 128));
  });

  it('all, where nobody asks for more than others, where one asks alone, and of requests that have no entity', () => {
    for (const entities of [1, 2, 3, 10]) {
      const turns = new EntityTurns();
      for (let i = 0; i < 1_000; i++) expect(turns.take(i % entities)).toBe(true);
    }
    const turns = new EntityTurns();
    let taken = 0;
    for (let i = 0; i < 10_000; i++) if (turns.take(entityBucket(`request-${i}`))) taken += 1;
    expect(taken).toBeGreaterThan(9_990);
  });
});
