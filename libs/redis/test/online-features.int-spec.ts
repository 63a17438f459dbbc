import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OnlineFeatureStore, type OnlineProjectionStep, RedisConnection } from '@millrace/redis';
import { eventually, startRedis } from '@millrace/testing';

const KEEP_MS = 60_000;
const NOW_MS = 1_700_000_000_000;

let redis: RedisConnection;
let store: OnlineFeatureStore;
let projects = 0;

beforeAll(async () => {
  const { url } = await startRedis();
  redis = new RedisConnection({ url, keyPrefix: `t${process.pid}-${process.hrtime.bigint()}:`, commandMs: 2_000 });
  store = new OnlineFeatureStore(redis);
  await eventually('connected', () => redis.isConnected());
}, 30_000);

afterAll(() => redis.close());

const entity = (name: string, eventTimeMs: number, value: number, ingestedAtMs = NOW_MS) => ({
  entity: name,
  eventTimeMs,
  ingestedAtMs,
  values: { amount: value },
});

/** A project of its own, and steps on it. */
function fresh(part: Partial<OnlineProjectionStep> = {}) {
  const project = `p${projects++}`;
  const step = (more: Partial<OnlineProjectionStep>) =>
    store.write({
      project,
      topic: 'records.v1',
      columns: 'amount',
      partition: 0,
      stored: undefined,
      next: 1,
      nowMs: NOW_MS,
      keepMs: KEEP_MS,
      entitiesMax: 100,
      entities: [],
      ...part,
      ...more,
    });
  const amount = async (name: string) => (await store.read(project, [name]))[0]?.values.amount;
  return { project, step, amount };
}

describe('OnlineFeatureStore', () => {
  it('keeps the newest event time, the later one of two equal ones, and the offset beside', async () => {
    const { project, step, amount } = fresh();
    expect(await step({ next: 3, entities: [entity('a', 100, 1), entity('b', 5, 9)] })).toEqual({
      kind: 'written',
      entities: 2,
    });
    await step({ stored: 3, next: 4, entities: [entity('a', 99, 2)] });
    expect(await amount('a')).toBe(1);
    await step({ stored: 4, next: 5, entities: [entity('a', 100, 3)] });
    expect(await amount('a')).toBe(3);
    expect(await store.read(project, ['nobody', 'b'])).toEqual([undefined, { eventTimeMs: 5, values: { amount: 9 } }]);
    expect(await store.positions(project, 'records.v1', 'amount', NOW_MS)).toEqual(new Map([[0, 5]]));
  });

  it('changes nothing where it stands elsewhere, and says where', async () => {
    const { step, amount } = fresh();
    await step({ next: 10, entities: [entity('a', 1, 1)] });
    expect(await step({ next: 20, entities: [entity('a', 2, 2)] })).toEqual({ kind: 'moved', stored: 10 });
    expect(await step({ stored: 7, next: 20, entities: [entity('a', 2, 2)] })).toEqual({ kind: 'moved', stored: 10 });
    expect(await step({ partition: 1, stored: 7, next: 20 })).toEqual({ kind: 'moved', stored: undefined });
    expect(await amount('a')).toBe(1);
  });

  it('begins anew for other columns', async () => {
    const { project, step, amount } = fresh();
    await step({ next: 10, entities: [entity('a', 1, 1)] });
    expect(await store.positions(project, 'records.v1', 'amount,kind', NOW_MS)).toBeUndefined();
    expect(await step({ columns: 'amount,kind', stored: 10, next: 20 })).toEqual({ kind: 'moved', stored: undefined });
    expect(await step({ columns: 'amount,kind', next: 5, entities: [entity('b', 1, 1)] })).toMatchObject({
      entities: 1,
    });
    expect(await amount('a')).toBeUndefined();
    await store.remove(project, 'records.v1');
    expect(await amount('b')).toBeUndefined();
  });

  it('lets go of what had no record for too long, and of the longest silent ones beyond the maximum', async () => {
    const { project, step, amount } = fresh({ entitiesMax: 3 });
    await step({ next: 1, entities: [entity('old', 1, 1, NOW_MS - KEEP_MS - 1), entity('a', 1, 1, NOW_MS - 500)] });
    expect(await amount('old')).toBeUndefined();
    await step({
      stored: 1,
      next: 2,
      entities: ['b', 'c', 'd'].map((name, i) => entity(name, 1, 1, NOW_MS - 100 + i)),
    });
    expect(await store.read(project, ['a', 'b', 'c', 'd'])).toMatchObject([undefined, {}, {}, {}]);
    expect(await step({ stored: 2, next: 3, nowMs: NOW_MS + KEEP_MS - 99 })).toEqual({ kind: 'written', entities: 1 });
    expect(await amount('d')).toBe(1);
  });

  it('notices that a full Redis threw the values away', async () => {
    const { project, step } = fresh();
    const stands = (nowMs: number) => store.positions(project, 'records.v1', 'amount', nowMs);
    await step({ next: 7, entities: [entity('a', 1, 1)] });
    expect(await stands(NOW_MS)).toEqual(new Map([[0, 7]]));
    await redis.client.unlink(`features:{${project}}`);
    // Gone because their time was over: nothing is missing.
    expect(await stands(NOW_MS + KEEP_MS)).toEqual(new Map([[0, 7]]));
    expect(await stands(NOW_MS)).toBeUndefined();
    expect(await step({ next: 1, entities: [entity('a', 1, 1)] })).toMatchObject({ kind: 'written' });
  });

  it('takes a value that is not its own for none', async () => {
    const { project, step } = fresh();
    await step({ next: 1, entities: [entity('a', 1, 1)] });
    await redis.client.hset(`features:{${project}}`, 'b', 'rubbish', 'c', '12|{"x"', 'd', '|{}');
    expect(await store.read(project, ['b', 'c', 'd'])).toEqual([undefined, undefined, undefined]);
  });
});
