// Producers, transactions and compacted readers against the real Kafka.

import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import {
  CompactedReader,
  ensureTopics,
  FencedWriters,
  KafkaConnection,
  MessageProducer,
  TransactionalProducer,
} from '@millrace/kafka';
import { eventually, startKafka, type TestKafka, uniquePrefix } from '@millrace/testing';

let kafka: TestKafka;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  kafka = await startKafka();
}, 90_000);

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
}, 60_000);

async function connect(): Promise<KafkaConnection> {
  const connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'test', topicPrefix: uniquePrefix() });
  closers.push(() => connection.close());
  await ensureTopics(connection, ['records.v1', 'routes.v1', 'projects.v1']);
  return connection;
}

function producerOf(connection: KafkaConnection, settings = {}): MessageProducer {
  const producer = new MessageProducer(connection, settings);
  closers.push(() => producer.close());
  return producer;
}

async function total(connection: KafkaConnection, topic: string): Promise<number> {
  let sum = 0;
  for (const { high } of (await connection.highWatermarks(topic)).values()) sum += high;
  return sum;
}

const text = (value: Buffer | null) => value?.toString();

describe('ensureTopics', () => {
  it('makes every topic once, even when called from several places at the same time', async () => {
    const connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'test', topicPrefix: uniquePrefix() });
    closers.push(() => connection.close());
    await Promise.all([ensureTopics(connection), ensureTopics(connection)]);
    const described = await connection.withAdmin((admin) =>
      admin.fetchTopicMetadata({ topics: [connection.topicName('labels.v1')] }),
    );
    expect(described.topics[0]?.partitions).toHaveLength(4);
    await connection.ping();
  });

  it('compacts a topic that an earlier release made as one that is deleted by age', async () => {
    const connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'test', topicPrefix: uniquePrefix() });
    closers.push(() => connection.close());
    const topic = connection.topicName('profiles.v1');
    const configEntries = [{ name: 'cleanup.policy', value: 'delete' }];
    await connection.withAdmin((admin) =>
      admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: 4, configEntries }] }),
    );
    const policy = async () => {
      const resources = [{ type: 2, name: topic, configNames: ['cleanup.policy'] }];
      const described = await connection.withAdmin((admin) =>
        admin.describeConfigs({ resources, includeSynonyms: false }),
      );
      return described.resources[0]?.configEntries[0]?.configValue;
    };
    // Right after its creation the topic is not listed yet.
    await eventually('it is compacted', async () => {
      await ensureTopics(connection, ['profiles.v1']);
      return (await policy()) === 'compact';
    });
  });
});

describe('MessageProducer', () => {
  it('resolves each send once all replicas have it, gathering many sends into few requests', async () => {
    const connection = await connect();
    const producer = producerOf(connection);
    await Promise.all(
      Array.from({ length: 1000 }, (_, i) =>
        producer.send('records.v1', [{ key: `k${i % 50}`, value: Buffer.from(`${i}`) }]),
      ),
    );
    expect(await total(connection, 'records.v1')).toBe(1000);
    expect(producer.backlog()).toBe(0);
    expect(producer.isConnected()).toBe(true);
  });

  it('refuses what exceeds the queue or the topic, at once and by name', async () => {
    const producer = producerOf(await connect(), { queueMessagesMax: 10 });
    const message = { key: 'k', value: Buffer.from('x') };
    const first = producer.send(
      'records.v1',
      Array.from({ length: 10 }, () => message),
    );
    await expect(producer.send('records.v1', [message])).rejects.toMatchObject({ code: 'overloaded' });
    expect(producer.offer('records.v1', message)).toBe(false);
    await first;
    await expect(producer.send('records.v1', [{ key: 'k', value: Buffer.alloc(1_100_000) }])).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });

  it('tells the caller when no broker answers in time, and drops what only waited', async () => {
    const connection = new KafkaConnection({
      brokers: ['127.0.0.1:1'],
      clientId: 'test',
      topicPrefix: 'x.',
      connectRetries: 1,
    });
    const producer = producerOf(connection);
    await expect(producer.send('records.v1', [{ key: 'k', value: null }], { deadlineMs: 300 })).rejects.toMatchObject({
      code: 'unavailable',
    });
    expect(producer.backlog()).toBe(0);
    expect(producer.isConnected()).toBe(false);
    await producer.close(100);
  });
});

describe('CompactedReader', () => {
  it('is caught up at once on empty topics', async () => {
    const connection = await connect();
    const reader = new CompactedReader(connection, { name: 'r', topics: { 'routes.v1': () => undefined } });
    closers.push(() => reader.close());
    await reader.caughtUp();
    expect(reader.isCaughtUp()).toBe(true);
  });

  it('reads what was there, then follows; several topics, tombstones, entries that throw', async () => {
    const connection = await connect();
    const producer = producerOf(connection);
    await producer.send(
      'routes.v1',
      Array.from({ length: 20 }, (_, i) => ({ key: `p${i}`, value: Buffer.from(`${i}`) })),
    );
    await producer.send('routes.v1', [{ key: 'p3', value: null }]);
    await producer.send('projects.v1', [
      { key: 'a', value: Buffer.from('A') },
      { key: 'bad', value: Buffer.from('B') },
    ]);
    const routes = new Map<string, string | undefined>();
    const projects = new Map<string, string | undefined>();
    const replayed: boolean[] = [];
    const reader = new CompactedReader(connection, {
      name: 'r',
      topics: {
        'routes.v1': (key, value, at) => {
          replayed.push(at.replayed);
          if (value === null) routes.delete(key);
          else routes.set(key, text(value));
        },
        'projects.v1': async (key, value) => {
          if (key === 'bad') throw new PlatformError('corrupt', 'unreadable');
          projects.set(key, text(value));
        },
      },
    });
    closers.push(() => reader.close());
    await reader.caughtUp();
    expect(routes.size).toBe(19);
    expect(projects).toEqual(new Map([['a', 'A']]));
    expect(replayed.every(Boolean)).toBe(true);
    await producer.send('routes.v1', [{ key: 'p3', value: Buffer.from('again') }]);
    await eventually('it follows', () => routes.get('p3') === 'again');
    expect(replayed[replayed.length - 1]).toBe(false);
  });

  it('is caught up on a topic that ends in a transaction marker', async () => {
    const connection = await connect();
    const tx = new TransactionalProducer(connection, { transactionalId: 'routes-0' });
    closers.push(() => tx.close());
    await tx.send('routes.v1', [{ key: 'p', value: Buffer.from('1') }]);
    await tx.send('routes.v1', [{ key: 'p', value: Buffer.from('2') }]);
    await expect(
      tx.transaction(async (running) => {
        await running.send('routes.v1', [{ key: 'p', value: Buffer.from('aborted') }]);
        throw new PlatformError('conflict', 'changed its mind');
      }),
    ).rejects.toMatchObject({ code: 'conflict' });
    const seen: (string | undefined)[] = [];
    const reader = new CompactedReader(connection, {
      name: 'r',
      topics: {
        'routes.v1': (_key, value) => {
          seen.push(text(value));
        },
      },
    });
    closers.push(() => reader.close());
    await reader.caughtUp();
    expect(seen).toEqual(['1', '2']);
  });
});

describe('the id of a topic', () => {
  it('is its own as long as it is there, and another one when it is created again', async () => {
    const connection = await connect();
    const [first, again] = [await connection.topicId('projects.v1'), await connection.topicId('projects.v1')];
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    expect(again).toBe(first);
    expect(await connection.topicId('routes.v1')).not.toBe(first);
    await connection.withAdmin((admin) => admin.deleteTopics({ topics: [connection.topicName('projects.v1')] }));
    await eventually('it is gone', () =>
      connection.topicId('projects.v1').then(
        () => false,
        ({ code }) => code === 'unavailable',
      ),
    );
    await ensureTopics(connection, ['projects.v1']);
    expect(await connection.topicId('projects.v1')).not.toBe(first);
  }, 60_000);
});

describe('FencedWriters', () => {
  it('take numbers over; their predecessor is fenced, and what it wrote can be waited for', async () => {
    const connection = await connect();
    const [old, successor] = [new FencedWriters(connection, 'routes'), new FencedWriters(connection, 'routes')];
    closers.push(
      () => old.close(),
      () => successor.close(),
    );
    const seen: (string | undefined)[] = [];
    const reader = new CompactedReader(connection, {
      name: 'r',
      topics: {
        'routes.v1': (_key, value) => {
          seen.push(text(value));
        },
      },
    });
    closers.push(() => reader.close());
    await reader.upToNow();
    expect(await old.hold([0, 1])).toEqual([0, 1]);
    expect(await old.hold([0, 1, 2])).toEqual([2]);
    for (const number of [0, 1, 2])
      await old.of(number).send('routes.v1', [{ key: 'p', value: Buffer.from(`old ${number}`), partition: number }]);
    expect(await successor.hold([1])).toEqual([1]);
    await expect(old.of(1).send('routes.v1', [{ key: 'p', value: Buffer.from('late') }])).rejects.toMatchObject({
      code: 'conflict',
    });
    await old.of(2).send('routes.v1', [{ key: 'p', value: Buffer.from('still'), partition: 2 }]);
    await reader.upToNow();
    expect([...seen].sort()).toEqual(['old 0', 'old 1', 'old 2', 'still']);
    await reader.upToNow();
    expect(await old.hold([0])).toEqual([]);
    expect(() => old.of(2)).toThrow('written by another process');
  });
});

it('a reader waits for what stands behind a transaction that is open, as long as it is', async () => {
  const connection = await connect();
  const [slow, quick] = ['slow', 'quick'].map(
    (transactionalId) => new TransactionalProducer(connection, { transactionalId }),
  ) as [TransactionalProducer, TransactionalProducer];
  closers.push(
    () => slow.close(),
    () => quick.close(),
  );
  const seen: (string | undefined)[] = [];
  const topics = {
    'routes.v1': (_key: string, value: Buffer | null) => {
      seen.push(text(value));
    },
  };
  const reader = new CompactedReader(connection, { name: 'r', topics });
  closers.push(() => reader.close());
  await reader.caughtUp();
  let end: () => void = () => undefined;
  const isOver = new Promise<void>((resolve) => {
    end = resolve;
  });
  let isBegun: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    isBegun = resolve;
  });
  const open = slow.transaction(async (transaction) => {
    await transaction.send('routes.v1', [{ key: 'p', value: Buffer.from('first'), partition: 0 }]);
    isBegun();
    await isOver;
  });
  await begun;
  await quick.send('routes.v1', [{ key: 'q', value: Buffer.from('second'), partition: 0 }]);
  // One that starts now, too.
  const late = new CompactedReader(connection, { name: 's', topics: { 'routes.v1': () => undefined } });
  closers.push(() => late.close());
  let isUpToNow = false;
  const upToNow = Promise.all([reader.upToNow(), late.caughtUp()]).then(() => {
    isUpToNow = true;
  });
  // Far longer than the empty fetches take after which readers of what was compacted away go on.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect([isUpToNow, seen]).toEqual([false, []]);
  end();
  await open;
  await upToNow;
  expect(seen).toEqual(['first', 'second']);
}, 60_000);

describe('TransactionalProducer', () => {
  it('is fenced by a successor with the same id', async () => {
    const connection = await connect();
    const [old, successor] = ['a', 'b'].map(
      () => new TransactionalProducer(connection, { transactionalId: 'routes-1' }),
    ) as [TransactionalProducer, TransactionalProducer];
    closers.push(
      () => old.close(),
      () => successor.close(),
    );
    await old.send('routes.v1', [{ key: 'p', value: Buffer.from('old') }]);
    await successor.connect();
    await successor.send('routes.v1', [{ key: 'p', value: Buffer.from('new') }]);
    await expect(old.send('routes.v1', [{ key: 'p', value: Buffer.from('late') }])).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(old.send('routes.v1', [{ key: 'p', value: Buffer.from('later') }])).rejects.toMatchObject({
      code: 'conflict',
    });
    await successor.send('routes.v1', [{ key: 'p', value: Buffer.from('newer') }]);
    const seen: (string | undefined)[] = [];
    const reader = new CompactedReader(connection, {
      name: 'r',
      topics: {
        'routes.v1': (_key, value) => {
          seen.push(text(value));
        },
      },
    });
    closers.push(() => reader.close());
    await reader.caughtUp();
    expect(seen).toEqual(['old', 'new', 'newer']);
  });

  it('answers quickly also right after a commit', async () => {
    const connection = await connect();
    const tx = new TransactionalProducer(connection, { transactionalId: 'routes-2' });
    closers.push(() => tx.close());
    await tx.connect();
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const fromMs = performance.now();
      await tx.send('routes.v1', [{ key: 'p', value: Buffer.from(`${i}`) }]);
      times.push(performance.now() - fromMs);
    }
    // The quickest of those after the first: one that waits for a retry does so each time.
    expect(Math.min(...times.slice(1))).toBeLessThan(300);
  });
});
