// What the producer puts on the wire, against the real Kafka: read back as it was given, in order, once, also where
// answers are lost or say otherwise.

import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureTopics, type InboundMessage, KafkaConnection, KafkaStrategy, MessageProducer } from '@millrace/kafka';
import { BrokerLink, eventually, type LinkFault, startKafka, type TestKafka, uniquePrefix } from '@millrace/testing';
import { ConfigResourceTypes } from 'kafkajs';

let kafka: TestKafka;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  kafka = await startKafka();
}, 90_000);

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
}, 60_000);

async function connected(topicPrefix = uniquePrefix(), brokers = kafka.brokers): Promise<KafkaConnection> {
  const connection = new KafkaConnection({ brokers, clientId: 'test', topicPrefix });
  closers.push(() => connection.close());
  return connection;
}

/** Everything on records.v1, as a consumer gets it. */
async function readAll(connection: KafkaConnection, count: number): Promise<InboundMessage[]> {
  const seen: InboundMessage[] = [];
  const deadLetters = new MessageProducer(connection, { name: 'letters' });
  const strategy = new KafkaStrategy({
    connection,
    groupId: `g${uniquePrefix()}`,
    service: 'test',
    producer: deadLetters,
    fetchBytesMin: 1,
  });
  strategy.addHandler(
    'records.v1',
    (async (messages: InboundMessage[]) => {
      seen.push(...messages);
    }) as never,
    true,
  );
  closers.push(
    () => deadLetters.close(),
    () => strategy.close() as Promise<void>,
  );
  await new Promise<void>((resolve, reject) => strategy.listen((error) => (error ? reject(error) : resolve())));
  await eventually('all is read', () => seen.length >= count, 30_000);
  return seen;
}

describe('a produced batch', () => {
  it('is read as it was given: keys and headers of any text, bytes, nothing, a large one', async () => {
    const connection = await connected();
    await ensureTopics(connection, ['records.v1', 'deadletter.v1']);
    const producer = new MessageProducer(connection);
    closers.push(() => producer.close());
    const given = [
      { key: 'plain', value: Buffer.from('v') },
      { key: 'Zürich/日本', value: Buffer.from('ü') },
      { key: Buffer.from([0, 255, 128]), value: Buffer.from([1, 0, 2]) },
      { key: 'none', value: null },
      { key: 'empty', value: Buffer.alloc(0) },
      { key: 'h', value: Buffer.from('x'), headers: { 'ce-type': 'a', ü: '日本' } },
      { key: 'k'.repeat(300), value: Buffer.alloc(500_000, 7) },
      { key: 'there', value: Buffer.from('p'), partition: 3 },
      ...Array.from({ length: 200 }, (_, i) => ({ key: `many${i % 7}`, value: Buffer.from(`${i}`) })),
    ];
    await Promise.all([producer.send('records.v1', given.slice(0, 8)), producer.send('records.v1', given.slice(8))]);
    const read = await readAll(connection, given.length);
    expect(read).toHaveLength(given.length);
    for (const { key, value, headers = {} } of given.slice(0, 8)) {
      const found = read.find((message) => message.key?.equals(Buffer.from(key as string)));
      expect(found?.value).toEqual(value === null ? null : Buffer.from(value));
      expect(found?.headers).toEqual(headers);
    }
    expect(read.find(({ key }) => String(key) === 'there')?.partition).toBe(3);
    for (let k = 0; k < 7; k++) {
      const numbers = read.filter(({ key }) => String(key) === `many${k}`).map(({ value }) => Number(value));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
  }, 60_000);

  it('of messages in one array of bytes is read as if they had been given one by one', async () => {
    const connection = await connected();
    await ensureTopics(connection, ['records.v1', 'deadletter.v1']);
    const producer = new MessageProducer(connection);
    closers.push(() => producer.close());
    const given = Array.from({ length: 300 }, (_, i) => ({
      key: i % 50 === 0 ? '' : `Zürich/${i % 9}`,
      value: i === 7 ? Buffer.alloc(70_000, 7) : Buffer.from(i % 40 === 0 ? '' : `value ${i}`),
    }));
    const parts = given.flatMap(({ key, value }) => [Buffer.from(key), value]);
    let end = 0;
    const ends = parts.map((part) => {
      end += part.length;
      return end;
    });
    await producer.send('records.v1', given);
    await producer.sendBlock('records.v1', { bytes: Buffer.concat(parts), ends });
    await producer.sendBlock('records.v1', { bytes: Buffer.alloc(0), ends: [] });
    const read = await readAll(connection, 600);
    for (const partition of new Set(read.map((message) => message.partition))) {
      const found = read.filter((message) => message.partition === partition).map(({ key, value }) => [key, value]);
      expect(found.length % 2).toBe(0);
      expect(found.slice(found.length / 2)).toEqual(found.slice(0, found.length / 2));
    }
    const large = { bytes: Buffer.alloc(9_000_000), ends: [1, 9_000_000] };
    await expect(producer.sendBlock('records.v1', large)).rejects.toThrow('[invalid_argument]');
  }, 60_000);

  it('has what the broker takes at once, however much one send brings to a partition', async () => {
    const connection = await connected();
    await ensureTopics(connection, ['records.v1', 'deadletter.v1']);
    const producer = new MessageProducer(connection);
    closers.push(() => producer.close());
    const given = Array.from({ length: 1_000 }, (_, i) => ({
      key: i % 2 === 0 ? 'one' : 'other',
      value: Buffer.concat([Buffer.from(`${i} `), Buffer.alloc(4_000, 7)]),
    }));
    await producer.send('records.v1', given);
    const read = await readAll(connection, given.length);
    for (const key of ['one', 'other']) {
      const numbers = read
        .filter((message) => String(message.key) === key)
        .map(({ value }) => Number.parseInt(String(value), 10));
      expect(numbers).toEqual(given.flatMap((message, i) => (message.key === key ? [i] : [])));
    }
  }, 60_000);

  it('that the broker will never take is refused for good, and the next one is written', async () => {
    const connection = await connected();
    await ensureTopics(connection, ['records.v1', 'deadletter.v1']);
    await connection.withAdmin((admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [
          {
            type: ConfigResourceTypes.TOPIC,
            name: connection.topicName('records.v1'),
            configEntries: [{ name: 'max.message.bytes', value: '2000' }],
          },
        ],
      }),
    );
    const producer = new MessageProducer(connection);
    closers.push(() => producer.close());
    // The broker hears of its new bound in a moment.
    const refused = await eventually('the broker refuses it', () =>
      producer.send('records.v1', [{ key: 'k', value: Buffer.alloc(5_000) }]).then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    expect(refused).toMatchObject({
      code: 'invalid_argument',
      retry: 'never',
      reason: 'Kafka refused a batch: MESSAGE_TOO_LARGE',
    });
    await producer.send('records.v1', [{ key: 'small', value: Buffer.from('small') }]);
    const read = await readAll(connection, 1);
    await eventually('the next one is there', () => read.some(({ key }) => String(key) === 'small'));
  }, 60_000);

  const LOST: LinkFault = { kind: 'lost' };
  const says = (code: number): LinkFault => ({ kind: 'error', code });
  it.each<[string, LinkFault[], number]>([
    ['is lost', [LOST], 1],
    ['is lost twice', [LOST, LOST], 1],
    ['says that the leader is another', [says(6)], 1],
    ['says that replicas are missing', [says(20), LOST], 1],
    // The broker is said to have forgotten the number, and nobody can know whether it wrote the batch.
    ['says that the number is wrong', [says(45)], 2],
  ])(
    'whose answer %s stands in the log as often as it must',
    async (_what, faults, times) => {
      const direct = await connected();
      await ensureTopics(direct, ['records.v1', 'deadletter.v1']);
      const link = await BrokerLink.to(Number((kafka.brokers[0] as string).split(':')[1]));
      closers.push(() => link.close());
      const connection = await connected(direct.topicPrefix, [`127.0.0.1:${link.port}`]);
      const producer = new MessageProducer(connection);
      closers.push(() => producer.close());
      await producer.send('records.v1', [{ key: 'k', value: Buffer.from('before') }]);
      link.faults.push(...faults);
      const { produced } = link;
      await producer.send('records.v1', [{ key: 'k', value: Buffer.from('meant') }]);
      expect(link.faults).toEqual([]);
      expect(link.produced - produced).toBe(1 + faults.length);
      await producer.send('records.v1', [{ key: 'k', value: Buffer.from('after') }]);
      const read = (await readAll(direct, 2 + times)).map(({ value }) => String(value));
      expect(read).toEqual(['before', ...new Array<string>(times).fill('meant'), 'after']);
    },
    60_000,
  );

  it('that nobody waits for any more leaves no number free for the next one', async () => {
    const direct = await connected();
    await ensureTopics(direct, ['records.v1', 'deadletter.v1']);
    const link = await BrokerLink.to(Number((kafka.brokers[0] as string).split(':')[1]));
    closers.push(() => link.close());
    const connection = await connected(direct.topicPrefix, [`127.0.0.1:${link.port}`]);
    const producer = new MessageProducer(connection);
    closers.push(() => producer.close());
    await producer.send('records.v1', [{ key: 'k', value: Buffer.from('before') }]);
    // Written, but its answers never come through.
    for (let i = 0; i < 200; i++) link.faults.push(LOST);
    await expect(
      producer.send('records.v1', [{ key: 'k', value: Buffer.from('given up') }], { deadlineMs: 300 }),
    ).rejects.toMatchObject({ code: 'unavailable' });
    link.faults.length = 0;
    await producer.send('records.v1', [{ key: 'k', value: Buffer.from('after') }]);
    const read = (await readAll(direct, 3)).map(({ value }) => String(value));
    expect(read).toEqual(['before', 'given up', 'after']);
  }, 60_000);
});

describe('gathering', () => {
  it('does not hold up a lone message, and sends what many give together', async () => {
    const connection = await connected();
    await ensureTopics(connection, ['records.v1']);
    const producer = new MessageProducer(connection, { lingerMs: 400 });
    closers.push(() => producer.close());
    const one = () => producer.send('records.v1', [{ key: 'k', value: Buffer.from('x') }]);
    await one();
    const times: number[] = [];
    for (let i = 0; i < 5; i++) {
      const fromMs = performance.now();
      await one();
      times.push(performance.now() - fromMs);
    }
    // One that is held up takes at least the linger, each time.
    expect(Math.min(...times)).toBeLessThan(400);
    await Promise.all(Array.from({ length: 50 }, one));
    await new Promise((turn) => setImmediate(turn));
    const busy = process.hrtime.bigint();
    await one();
    expect(Number(process.hrtime.bigint() - busy) / 1e6).toBeGreaterThan(300);
  }, 30_000);
});
