// Online features over a real Redis: requests leave columns out, the answer says how old the values are; a Redis that
// hangs or dies costs a request at most its deadline.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OnlineFeatureStore, RedisConnection } from '@millrace/redis';
import { type DedicatedRedis, eventually, startKafka, startRedis, uniquePrefix } from '@millrace/testing';
import { writePackage } from './package-fixture.js';
import {
  ControlWriter,
  InferClient,
  requestOf,
  type ServingProcess,
  startServing,
  untilLoaded,
  untilReady,
} from './serving-process.js';

const project = (name: string, online?: object) => ({
  name,
  data: {
    entity: 'customer',
    eventTime: 'at',
    columns: [
      { name: 'at', type: 'timestamp', required: true },
      { name: 'customer', type: 'text', required: true },
      { name: 'distance', type: 'number' },
      { name: 'hour', type: 'integer', derive: { from: 'at', part: 'hour' } },
      { name: 'origin', type: 'text' },
      { name: 'flag', type: 'boolean', required: true },
      { name: 'paid', type: 'number', outcome: true },
    ],
    label: { name: 'good', column: 'paid' },
  },
  features: ['distance', 'hour', 'origin', 'flag'].map((feature) => ({ name: feature, kind: 'categorical' })),
  ...(online === undefined ? {} : { serving: { onlineFeatures: online } }),
});
const ROW = { distance: 0.75, hour: 5, origin: 'LAX', flag: true };

describe('online features', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-serving-'));
  let redis: DedicatedRedis;
  let connection: RedisConnection;
  let control: ControlWriter;
  let serving: ServingProcess;
  let client: InferClient;

  /** The request of ROW without its distance. */
  const without = (entity: string, left = ['distance']) => {
    const whole = requestOf('demo', [ROW], { parameters: { entity } });
    return { ...whole, inputs: whole.inputs.filter(({ name }) => !left.includes(name)) };
  };
  const probability = async (request: Parameters<InferClient['infer']>[0]) => {
    const answer = await client.infer(request);
    const value = answer.outputs.find(({ name }) => name === 'probability')?.number(0);
    const told: Record<string, unknown> = { ...answer.parameters, value };
    return told;
  };
  const put = (entity: string, eventTimeMs: number) =>
    new OnlineFeatureStore(connection).write({
      project: 'demo',
      topic: 'records.v1',
      columns: entity,
      partition: 0,
      stored: undefined,
      next: 1,
      nowMs: Date.now(),
      keepMs: 3_600_000,
      entitiesMax: 10,
      entities: [{ entity, eventTimeMs, ingestedAtMs: Date.now(), values: { distance: ROW.distance } }],
    });

  beforeAll(async () => {
    const [kafka, own] = await Promise.all([startKafka(), startRedis({ dedicated: true })]);
    redis = own;
    connection = new RedisConnection({ url: redis.url, commandMs: 2_000 });
    const topicPrefix = uniquePrefix();
    control = new ControlWriter(kafka.brokers, topicPrefix);
    await control.ensureTopics();
    writePackage(home, 'demo', 1);
    await control.project('demo', project('demo', { columns: ['distance', 'flag'], maxAge: '1h' }));
    await control.route('demo', [1]);
    serving = await startServing({
      home,
      brokers: kafka.brokers,
      topicPrefix,
      env: { MILLRACE_REDIS_URL: redis.url, MILLRACE_SERVING_ONLINE_CACHE: '0' },
    });
    await untilReady(serving);
    await untilLoaded(serving, 'demo', 1);
    client = new InferClient(serving.grpc);
  }, 120_000);

  afterAll(async () => {
    client?.close();
    await serving?.stop();
    await control?.close();
    await connection?.close();
    await redis?.stop();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  it('gives the same answer as a request that brings everything, and says how old the values are', async () => {
    const whole = await probability(requestOf('demo', [ROW]));
    expect(whole.online_features).toBeUndefined();
    await put('e', Date.now() - 60_000);
    const joined = await eventually('joined', async () => {
      const answer = await probability(without('e'));
      return answer.online_features === 'joined' ? answer : undefined;
    });
    expect(joined.value).toBe(whole.value);
    const ageMs = Number(joined.online_features_age_ms);
    expect(ageMs).toBeGreaterThanOrEqual(60_000);
    expect(ageMs).toBeLessThan(120_000);
    const body = JSON.stringify({
      parameters: { entity: 'e' },
      inputs: [
        { name: 'hour', datatype: 'INT64', shape: [1], data: [5] },
        { name: 'origin', datatype: 'BYTES', shape: [1], data: ['LAX'] },
        { name: 'flag', datatype: 'BOOL', shape: [1], data: [true] },
      ],
    });
    // On a busy machine Redis may not answer within its few milliseconds.
    const rest = await eventually('joined by REST', async () => {
      const answer = await serving.json('/v2/models/demo/infer', { method: 'POST', body });
      return answer.body.parameters.online_features === 'joined' ? answer : undefined;
    });
    expect(rest.body.parameters.online_features_age_ms).toBeGreaterThanOrEqual(60_000);
  }, 60_000);

  it('says absent and too old, goes on where the value may be missing, and refuses where it may not', async () => {
    // On a busy machine Redis may not answer within its few milliseconds.
    const says = (entity: string, state: string) =>
      eventually(state, async () => (await probability(without(entity))).online_features === state);
    await says('nobody', 'absent');
    await put('old', Date.now() - 7_200_000);
    await says('old', 'too_old');
    await eventually("input 'flag' is missing", async () => {
      const { message } = await client.infer(without('nobody', ['flag'])).then(
        () => new Error('it was answered'),
        (error: Error) => error,
      );
      expect(message).toMatch(/input 'flag' is missing|Redis does not answer/);
      return message.includes("input 'flag' is missing");
    });
  }, 30_000);

  it('does not wait for Redis while it is away, and joins again when it is back', async () => {
    await redis.crash();
    const times: number[] = [];
    for (let i = 0; i < 50; i++) {
      const begunMs = performance.now();
      expect(await probability(without('e'))).toMatchObject({
        online_features: 'away',
        online_features_rows_without: 1n,
      });
      times.push(performance.now() - begunMs);
    }
    times.sort((a, b) => a - b);
    // Its deadline is 5 ms, and that of a request 20 s; how long the way itself takes is measured in bench/serving.
    expect(times[25] as number).toBeLessThan(1_000);
    await expect(client.infer(without('e', ['flag']))).rejects.toThrow('Redis does not answer');
    expect(await serving.ready()).toBe(true);
    await redis.restart();
    await eventually('written again', () => put('e', Date.now()).catch(() => undefined));
    await eventually('joined', async () => (await probability(without('e'))).online_features === 'joined', 20_000);
    const metrics = await (await fetch(`${serving.http}/metrics`)).text();
    expect(metrics).toMatch(/millrace_serving_online_rows_total\{[^}]*outcome="away"[^}]*\} \d+/);
    expect(metrics).toMatch(/millrace_serving_online_circuit_open(\{[^}]*\})? 0/);
  }, 60_000);
});
