// The broker dies and comes back: nobody crashes, nothing acknowledged is lost, nothing is delivered twice to the log.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
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
