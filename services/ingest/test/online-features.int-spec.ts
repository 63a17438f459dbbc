// Online features with real Kafka and Redis: the latest record of each entity is in Redis within moments, a Redis that
// died is filled again from the topic, ingest accepts records meanwhile.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OnlineFeatureStore, RedisConnection } from '@millrace/redis';
import { type DedicatedRedis, eventually, startRedis } from '@millrace/testing';
import { buildServices, IngestProcess, PROJECT, START_MS } from './ingest-process.js';

const ONLINE = 'serving: { onlineFeatures: { columns: [amount], maxAge: 1h } }\n';

describe('online features', () => {
  let redis: DedicatedRedis;
  let ingest: IngestProcess;
  let connection: RedisConnection;
  let store: OnlineFeatureStore;
  let records = 0;

  const send = async (rows: { customer: string; amount: number; atMs: number; kind?: string }[]) => {
    const body = rows.map(({ customer, amount, atMs, kind }) => ({
      recordId: `r${records++}`,
      values: { at: new Date(atMs).toISOString(), customer, amount, ...(kind === undefined ? {} : { kind }) },
    }));
    const answer = await ingest.post('/v1/projects/loans/records', body);
    expect(answer).toMatchObject({ status: 200, body: { accepted: rows.length } });
  };
  const amount = async (customer: string) => (await store.read('loans', [customer]).catch(() => []))[0]?.values.amount;

  beforeAll(async () => {
    await buildServices();
    redis = await startRedis({ dedicated: true });
    ingest = await IngestProcess.create({ MILLRACE_REDIS_URL: redis.url });
    connection = new RedisConnection({ url: redis.url, commandMs: 2_000 });
    store = new OnlineFeatureStore(connection);
    await ingest.apply(PROJECT);
    await send([{ customer: 'early', amount: 1, atMs: START_MS }]);
  }, 120_000);

  afterAll(async () => {
    await connection?.close();
    await ingest?.remove();
    await redis?.stop();
  }, 60_000);

  it('are kept from the oldest record on once the project asks for them, newest event time first', async () => {
    expect((await ingest.apply(PROJECT + ONLINE)).status).toBe(200);
    await eventually('the record from before', async () => (await amount('early')) === 1);
    await send([
      { customer: 'a', amount: 10, atMs: START_MS + 2_000, kind: 'car' },
      { customer: 'a', amount: 20, atMs: START_MS + 1_000 },
    ]);
    await send([{ customer: 'b', amount: 30, atMs: START_MS }]);
    await eventually('b', async () => (await amount('b')) === 30);
    expect(await store.read('loans', ['a'])).toEqual([{ eventTimeMs: START_MS + 2_000, values: { amount: 10 } }]);
  }, 60_000);

  it('are built anew when Redis comes back empty; records are taken while it is away', async () => {
    await redis.crash();
    await send([{ customer: 'c', amount: 40, atMs: START_MS }]);
    await redis.restart();
    for (const [customer, value] of Object.entries({ early: 1, a: 10, b: 30, c: 40 }))
      await eventually(customer, async () => (await amount(customer)) === value, 20_000);
  }, 60_000);

  it('go on after a restart of ingest, from where Redis says', async () => {
    await ingest.kill();
    await ingest.start();
    await send([{ customer: 'a', amount: 50, atMs: START_MS + 3_000 }]);
    await eventually('a', async () => (await amount('a')) === 50, 30_000);
    expect(await amount('early')).toBe(1);
    const metrics = String((await ingest.get('/metrics')).body);
    expect(metrics).toContain('millrace_ingest_online_entities');
    expect(await ingest.stop()).toBe(0);
  }, 60_000);
});
