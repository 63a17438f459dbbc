import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { featuresKey, RedisConnection } from '@millrace/redis';
import { type DedicatedRedis, eventually, startRedis } from '@millrace/testing';

let redis: DedicatedRedis;

beforeAll(async () => {
  redis = await startRedis({ dedicated: true });
}, 30_000);

afterAll(() => redis.stop());

describe('RedisConnection', () => {
  it('never blocks: commands fail at once while Redis is away, and work again when it is back, empty', async () => {
    const connection = new RedisConnection({ url: redis.url });
    await eventually('connected', () => connection.isConnected());
    await connection.command((client) => client.hset(featuresKey('p'), 'a', '1'));
    expect(await connection.tryCommand((client) => client.hgetall(featuresKey('p')))).toEqual({ a: '1' });
    await redis.crash();
    await eventually('noticed', () => !connection.isConnected());
    await expect(connection.command((client) => client.get('x'))).rejects.toMatchObject({ code: 'unavailable' });
    expect(await connection.tryCommand((client) => client.get('x'))).toBeUndefined();
    await redis.restart();
    await eventually('reconnected', () => connection.isConnected());
    expect(await connection.tryCommand((client) => client.hgetall(featuresKey('p')))).toEqual({});
    await connection.close();
  }, 60_000);

  it('starts without a Redis', async () => {
    const connection = new RedisConnection({ url: 'redis://127.0.0.1:1' });
    expect(connection.isConnected()).toBe(false);
    expect(await connection.tryCommand((client) => client.get('x'))).toBeUndefined();
    await connection.close();
  });
});
