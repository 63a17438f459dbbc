// The broker dies and comes back: nobody crashes, nothing acknowledged is lost, nothing is delivered twice to the log.

import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  CompactedReader,
  ensureTopics,
  type InboundMessage,
  KafkaConnection,
  KafkaStrategy,
  MessageProducer,
  TransactionalProducer,
} from '@millrace/kafka';
import { type DedicatedKafka, eventually, startKafka } from '@millrace/testing';

let kafka: DedicatedKafka;

beforeAll(async () => {
  kafka = await startKafka({ dedicated: true });
}, 90_000);

afterAll(async () => {
  await kafka.stop();
}, 60_000);

describe('a broker that is killed and comes back', () => {
  it('is survived by producer, consumer group, compacted reader and transactions', async () => {
    const connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'test' });
    await ensureTopics(connection, ['records.v1', 'routes.v1', 'deadletter.v1']);
    const producer = new MessageProducer(connection, { deadlineMs: 60_000 });
    const seen: number[] = [];
    const crashes: Error[] = [];
    const strategy = new KafkaStrategy({
      connection,
      groupId: 'g',
      service: 'test',
      producer,
      fetchBytesMin: 1,
      onCrash: (error) => crashes.push(error),
    });
    strategy.addHandler(
      'records.v1',
      (async (messages: InboundMessage[]) => {
        for (const message of messages) seen.push(Number(message.value?.toString()));
      }) as never,
      true,
    );
    await new Promise<void>((resolve, reject) => strategy.listen((error) => (error ? reject(error) : resolve())));
    const routes: string[] = [];
    const reader = new CompactedReader(connection, {
      name: 'r',
      topics: {
        'routes.v1': (_key, value) => {
          routes.push(String(value));
        },
      },
      onCrash: (error) => crashes.push(error),
    });
    await reader.caughtUp();
    const tx = new TransactionalProducer(connection, { transactionalId: 'routes-0' });
    await tx.send('routes.v1', [{ key: 'p', value: Buffer.from('before') }]);

    const sends: Promise<void>[] = [];
    const send = (i: number) =>
      sends.push(producer.send('records.v1', [{ key: `k${i % 9}`, value: Buffer.from(`${i}`) }]));
    for (let i = 0; i < 200; i++) send(i);
    await Promise.all(sends);
    await eventually('consumer follows', () => seen.length === 200);

    await kafka.crash();
    for (let i = 200; i < 400; i++) send(i);
    await expect(
      producer.send('records.v1', [{ key: 'k', value: Buffer.from('-1') }], { deadlineMs: 500 }),
    ).rejects.toMatchObject({
      code: 'unavailable',
    });
    await new Promise((resolve) => setTimeout(resolve, 8000));
    await kafka.restart();
    for (let i = 400; i < 500; i++) send(i);
    await Promise.all(sends);
    await eventually('consumer is back', () => new Set(seen.filter((value) => value >= 0)).size === 500, 60_000);
    await eventually(
      'reader is back',
      async () => {
        await tx.send('routes.v1', [{ key: 'p', value: Buffer.from('after') }]).catch(() => undefined);
        return routes.includes('after');
      },
      60_000,
    );
    expect(crashes).toEqual([]);
    // What the producer sent stands in the log once.
    const counts = new Map<number, number>();
    for (const value of seen) counts.set(value, (counts.get(value) ?? 0) + 1);
    const high = [...(await connection.highWatermarks('records.v1')).values()].reduce((sum, { high }) => sum + high, 0);
    expect(high).toBeLessThanOrEqual(501);
    await strategy.close();
    await reader.close();
    await tx.close();
    await producer.close();
    await connection.close();
  }, 180_000);
});

interface KafkajsCluster {
  findGroupCoordinatorMetadata(asked: { groupId: string }): Promise<unknown>;
}
const require = createRequire(import.meta.url);
const { prototype: cluster } = require('kafkajs/src/cluster') as { prototype: KafkajsCluster };
const { KafkaJSGroupCoordinatorNotFound } = require('kafkajs/src/errors') as {
  KafkaJSGroupCoordinatorNotFound: new (message: string) => Error;
};

describe('a broker that is too busy to say who coordinates a group', () => {
  it('is asked again: neither a consumer that joins nor a reader gives up, for kafkajs does', async () => {
    const connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'test' });
    await ensureTopics(connection, ['trainings.v1', 'models.v1', 'deadletter.v1']);
    const find = cluster.findGroupCoordinatorMetadata;
    const refused = new Map<string, number>();
    const spied = jest.spyOn(cluster, 'findGroupCoordinatorMetadata').mockImplementation(function (
      this: KafkajsCluster,
      asked,
    ) {
      const tries = (refused.get(asked.groupId) ?? 0) + 1;
      refused.set(asked.groupId, tries);
      if (tries <= 2) throw new KafkaJSGroupCoordinatorNotFound('Failed to find group coordinator');
      return find.call(this, asked);
    });
    const crashes: Error[] = [];
    const producer = new MessageProducer(connection, { deadlineMs: 60_000 });
    const seen: string[] = [];
    const strategy = new KafkaStrategy({
      connection,
      groupId: 'busy',
      service: 'test',
      producer,
      fetchBytesMin: 1,
      inBackground: true,
      onCrash: (error) => crashes.push(error),
    });
    strategy.addHandler(
      'trainings.v1',
      (async (messages: InboundMessage[]) => {
        for (const { value } of messages) seen.push(String(value));
      }) as never,
      true,
    );
    const read: string[] = [];
    const reader = new CompactedReader(connection, {
      name: 'busy',
      topics: { 'models.v1': (_key, value) => void read.push(String(value)) },
      onCrash: (error) => crashes.push(error),
    });
    try {
      strategy.listen(() => undefined);
      const caughtUp = reader.caughtUp();
      await producer.send('trainings.v1', [{ key: 'k', value: Buffer.from('one') }]);
      await producer.send('models.v1', [{ key: 'k', value: Buffer.from('two') }]);
      await caughtUp;
      await eventually('both read', () => seen.includes('one') && read.includes('two') && strategy.isReady(), 60_000);
      expect(crashes).toEqual([]);
      expect(Math.min(...refused.values())).toBeGreaterThan(2);
      // Another consumer reads from the beginning; what was said before is no news.
      // biome-ignore lint/complexity/useLiteralKeys: what kafkajs' crash calls is nobody else's business.
      await reader['beginAnew']();
      await producer.send('models.v1', [{ key: 'k', value: Buffer.from('three') }]);
      await eventually('the next one', () => read.includes('three'), 60_000);
      expect(read).toEqual(['two', 'three']);
    } finally {
      spied.mockRestore();
      await strategy.close();
      await reader.close();
      await producer.close();
      await connection.close();
    }
  }, 120_000);
});
