// Answers shared through a real Redis: found by another process's cache, gone after their time, none while Redis is
// away.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Tensor } from '@millrace/inference';
import { type DedicatedRedis, eventually, startRedis } from '@millrace/testing';
import { contentHash } from '../src/cache/content-hash.fs.js';
import { ModelCache } from '../src/cache/model-cache.js';
import { ResponseCache } from '../src/cache/response-cache.js';
import { RedisResponses } from '../src/cache/shared-responses.redis.js';

let redis: DedicatedRedis;

beforeAll(async () => {
  redis = await startRedis({ dedicated: true });
}, 30_000);

afterAll(() => redis.stop());

function processOf(keptMs: number) {
  const shared = new RedisResponses(redis.url, keptMs);
  const cache = new ModelCache('m', 1, {
    responses: new ResponseCache(100_000),
    digest: contentHash,
    shared,
    identity: 'content',
  });
  return { shared, cache };
}

const inputs = [Tensor.of('x', 'FP32', [2], [1, 2])];
const request = { modelName: 'm', modelVersion: '', id: '', parameters: {}, inputs, outputs: [] };

describe('answers shared through Redis', () => {
  it('are found by another process, live as long as they may, and are not missed while Redis is away', async () => {
    const one = processOf(60_000);
    const other = processOf(60_000);
    const key = one.cache.keyOf(request, inputs);
    expect(other.cache.keyOf(request, inputs)).toBe(key);
    // The first call connects.
    expect(await one.cache.getShared(key)).toBeUndefined();
    await eventually('the other finds the answer', async () => {
      one.cache.keep(key, [Tensor.of('y', 'BYTES', [1], ['answer'])]);
      return (await other.cache.getShared(key))?.[0]?.texts()[0] === 'answer';
    });
    const brief = processOf(50);
    await eventually('an answer that is kept briefly goes', async () => {
      await brief.cache.getShared('k');
      brief.cache.keep('k', [Tensor.of('y', 'FP32', [1], [1])]);
      return (await other.shared.get('k')) !== undefined;
    });
    await eventually('it is gone', async () => (await other.shared.get('k')) === undefined);
    await redis.crash();
    await eventually('nothing is found', async () => (await other.shared.get(key)) === undefined);
    other.shared.put(key, new Uint8Array(1));
    await Promise.all([one, other, brief].map(({ shared }) => shared.close()));
  }, 20_000);
});
