import { describe, expect, it } from '@jest/globals';
import { ManualTurns } from '../../test/manual-turns.js';
import { type Found, OnlineLookups, type StoredFeatures } from './online-lookups.js';

const stored = (eventTimeMs: number): StoredFeatures => ({ eventTimeMs, values: { x: eventTimeMs } });

/** A Redis that answers, fails or hangs as told. */
function harness(limits: Partial<ConstructorParameters<typeof OnlineLookups>[0]> = {}) {
  const turns = new ManualTurns(1_000);
  const { clock, soon } = turns;
  const reads: string[][] = [];
  const redis = { mode: 'up' as 'up' | 'fails' | 'hangs', connected: true };
  const held = new Map<string, StoredFeatures>([
    ['a', stored(1)],
    ['b', stored(2)],
  ]);
  const lookups = new OnlineLookups(
    { deadlineMs: 5, cacheMs: 100, cacheEntitiesMax: 3, waitingMax: 100, ...limits },
    {
      clock,
      prepare: () => undefined,
      connected: () => redis.connected,
      read: async (_project, entities) => {
        reads.push([...entities]);
        if (redis.mode === 'fails') throw new Error('no');
        if (redis.mode === 'hangs') await new Promise(() => undefined);
        return entities.map((entity) => held.get(entity));
      },
      soon,
      later: turns.after,
      readTook: () => undefined,
    },
  );
  const turn = async () => {
    turns.turn();
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  const pass = async (ms: number) => {
    turns.pass(ms);
    await turn();
  };
  const find = (...entities: string[]) => {
    const result: { found: readonly Found[] | undefined } = { found: undefined };
    lookups.find('p', entities, (found) => {
      result.found = found;
    });
    return result;
  };
  return { lookups, redis, reads, find, turn, pass };
}

describe('OnlineLookups', () => {
  it('reads what came together in one go, each entity once, and answers each caller in its order', async () => {
    const { find, turn, reads } = harness();
    const first = find('a', 'nobody');
    const second = find('b', 'a');
    expect(first.found).toBeUndefined();
    await turn();
    expect(reads).toEqual([['a', 'nobody', 'b']]);
    expect(first.found).toEqual([stored(1), 'absent']);
    expect(second.found).toEqual([stored(2), stored(1)]);
  });

  it('keeps what it read for its time, and no more entities than allowed', async () => {
    const { find, turn, pass, reads } = harness();
    find('a', 'b', 'c');
    await turn();
    expect(find('a', 'c').found).toEqual([stored(1), 'absent']);
    find('d');
    await turn();
    // b was the longest unused.
    find('a', 'b');
    await turn();
    expect(reads.slice(1)).toEqual([['d'], ['b']]);
    await pass(101);
    find('a');
    await turn();
    expect(reads.at(-1)).toEqual(['a']);
  });

  it('waits for its deadline at most, and answers at once while Redis is not connected', async () => {
    const { find, turn, pass, redis, reads } = harness();
    redis.mode = 'hangs';
    const late = find('a');
    await turn();
    await pass(4);
    expect(late.found).toBeUndefined();
    await pass(1);
    expect(late.found).toEqual(['away']);
    redis.connected = false;
    expect(find('a').found).toEqual(['away']);
    expect(reads).toHaveLength(1);
  });

  it('leaves a failing Redis alone, asks with one read after a pause, and doubles the pause', async () => {
    const { lookups, find, turn, pass, redis, reads } = harness();
    redis.mode = 'fails';
    for (let i = 0; i < 3; i++) {
      find('a');
      await turn();
    }
    expect(lookups.circuitOpen).toBe(true);
    expect(find('a').found).toEqual(['away']);
    await pass(250);
    const probe = find('a');
    await turn();
    expect(probe.found).toEqual(['away']);
    expect(reads).toHaveLength(4);
    await pass(499);
    expect(find('a').found).toEqual(['away']);
    await pass(1);
    redis.mode = 'up';
    const good = find('a', 'b');
    await turn();
    expect(good.found).toEqual([stored(1), stored(2)]);
    expect(lookups.circuitOpen).toBe(false);
  });

  it('doubles the pause once for each probe, however many reads fail at the same time', async () => {
    const { find, turn, pass, redis, reads } = harness({ waitingMax: 10_000 });
    redis.mode = 'hangs';
    for (let i = 0; i < 20; i++) {
      find(`e${i}`);
      await turn();
    }
    expect(reads).toHaveLength(20);
    await pass(5);
    // All twenty have failed: the first pause is still the shortest.
    await pass(249);
    find('a');
    await turn();
    expect(reads).toHaveLength(20);
    await pass(1);
    // One probe, three reads.
    find(...Array.from({ length: 1_100 }, (_, i) => `many${i}`));
    await turn();
    expect(reads).toHaveLength(23);
    await pass(5);
    redis.mode = 'up';
    await pass(499);
    expect(find('a').found).toEqual(['away']);
    await pass(1);
    const good = find('a');
    await turn();
    expect(good.found).toEqual([stored(1)]);
  });

  it('answers a question about nobody at once', () => {
    expect(harness().find().found).toEqual([]);
  });

  it('takes no more at a time than it may', async () => {
    const { find, turn, pass, redis } = harness({ waitingMax: 2 });
    redis.mode = 'hangs';
    const many = find('a', 'b', 'c');
    await turn();
    await pass(5);
    expect(many.found).toEqual(['away', 'away', 'away']);
    redis.mode = 'up';
    const again = find('a');
    await turn();
    expect(again.found).toEqual([stored(1)]);
  });
});
