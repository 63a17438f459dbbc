// The consumer runner against the real Kafka: commit after effect, redelivery after a crash, poison, pause, start
// positions.

import { createRequire } from 'node:module';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeDeadLetter } from '@millrace/contracts';
import { PlatformError, systemClock } from '@millrace/domain';
import {
  type BatchResult,
  ensureTopics,
  type InboundMessage,
  KafkaBatchContext,
  KafkaConnection,
  KafkaStrategy,
  type KafkaStrategySettings,
  MessageProducer,
} from '@millrace/kafka';
import { eventually, startKafka, type TestKafka, uniquePrefix } from '@millrace/testing';
import type { Consumer } from 'kafkajs';

/** kafkajs' own; it exports none of it. */
const ConsumerGroup = createRequire(import.meta.url)('kafkajs/src/consumer/consumerGroup.js') as {
  prototype: { memberId: string | null; joinAndSync(): Promise<void> };
};

type Handler = (messages: InboundMessage[], context: KafkaBatchContext) => Promise<BatchResult | void>;

let kafka: TestKafka;
const closers: (() => Promise<void>)[] = [];

beforeAll(async () => {
  kafka = await startKafka();
}, 90_000);

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
}, 60_000);

async function connect(prefix = uniquePrefix()) {
  const connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'test', topicPrefix: prefix });
  closers.push(() => connection.close());
  await ensureTopics(connection, ['records.v1', 'labels.v1', 'deadletter.v1']);
  const producer = new MessageProducer(connection, { lingerMs: 1 });
  closers.push(() => producer.close());
  return { connection, producer };
}

async function consume(
  connection: KafkaConnection,
  handlers: Record<string, Handler>,
  settings: Partial<KafkaStrategySettings> = {},
) {
  const strategy = new KafkaStrategy({
    connection,
    groupId: 'group',
    service: 'test',
    fetchBytesMin: 1,
    retry: { initialMs: 20, maxMs: 100, budgetMs: 5000 },
    ...settings,
  });
  for (const [topic, handler] of Object.entries(handlers)) strategy.addHandler(topic, handler as never, true);
  await new Promise<void>((resolve, reject) => strategy.listen((error) => (error ? reject(error) : resolve())));
  closers.push(() => strategy.close());
  return strategy;
}

const messagesOf = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ key: `key-${(from + i) % 7}`, value: Buffer.from(`${from + i}`) }));

const numbers = (messages: readonly InboundMessage[]) => messages.map((message) => Number(message.value?.toString()));

async function committed(connection: KafkaConnection, topic: string): Promise<number> {
  const rows = await connection.withAdmin((admin) =>
    admin.fetchOffsets({ groupId: `${connection.topicPrefix}group`, topics: [connection.topicName(topic)] }),
  );
  return (rows[0]?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
}

describe('KafkaStrategy', () => {
  it('hands over batches in order per key, bytes untouched, and commits after the effect', async () => {
    const { connection, producer } = await connect();
    const seen: InboundMessage[] = [];
    await consume(connection, {
      'records.v1': async (messages) => {
        seen.push(...messages);
      },
    });
    await producer.send('records.v1', messagesOf(500));
    await producer.send('records.v1', [{ key: '[1]', value: Buffer.from([0, 255, 123, 125]), headers: { a: 'b' } }]);
    await eventually('all arrive', () => seen.length === 501);
    const odd = seen.find((message) => message.key?.toString() === '[1]') as InboundMessage;
    expect([...(odd.value as Buffer)]).toEqual([0, 255, 123, 125]);
    expect(odd.headers).toEqual({ a: 'b' });
    expect(odd.topic).toBe('records.v1');
    for (const key of ['key-0', 'key-3']) {
      const ofKey = numbers(seen.filter((message) => message.key?.toString() === key));
      expect(ofKey).toEqual([...ofKey].sort((a, b) => a - b));
    }
    await eventually('positions are committed', async () => (await committed(connection, 'records.v1')) === 501);
  });

  it('passes over what was written in a transaction that was aborted, and begins in the midst of a batch', async () => {
    const { connection } = await connect();
    const topic = connection.topicName('records.v1');
    const terms = { transactionalId: connection.topicName('writer'), idempotent: true, maxInFlightRequests: 1 };
    const writer = connection.kafka.producer(terms);
    await writer.connect();
    closers.push(() => writer.disconnect());
    // Offsets 0 to 9 and a marker, 11 to 15 and a marker, 17 to 19 and a marker.
    for (const [from, count, isAborted] of [
      [0, 10, false],
      [10, 5, true],
      [15, 3, false],
    ] as const) {
      const transaction = await writer.transaction();
      await transaction.send({ topic, messages: messagesOf(count, from).map((one) => ({ ...one, partition: 1 })) });
      await (isAborted ? transaction.abort() : transaction.commit());
    }
    const seen: InboundMessage[] = [];
    const seekTo = (_: string, partition: number) => (partition === 1 ? 4 : undefined);
    const handler: Handler = async (messages) => void seen.push(...messages);
    await consume(connection, { 'records.v1': handler }, { seekTo, batchMessagesMax: 4 });
    await eventually('all arrive', () => seen.length >= 9);
    expect(numbers(seen)).toEqual([4, 5, 6, 7, 8, 9, 15, 16, 17]);
    expect(seen.map(({ offset }) => offset)).toEqual([4, 5, 6, 7, 8, 9, 17, 18, 19]);
    // One kind of message is read when it is asked, and makes its value anew; kafkajs' own hold it.
    expect(Object.hasOwn(seen[0] as object, 'value')).toBe(false);
  });

  it('delivers again after a consumer died between effect and commit, and not what was committed', async () => {
    const { connection, producer } = await connect();
    await producer.send('records.v1', messagesOf(100));
    const first: number[] = [];
    const crashes: Error[] = [];
    const dying = await consume(
      connection,
      {
        'records.v1': async (messages) => {
          first.push(...numbers(messages));
          if (first.length >= 100) throw new PlatformError('cancelled', 'dies here');
        },
      },
      { batchMessagesMax: 10, concurrency: 1, onCrash: (error) => crashes.push(error) },
    );
    await eventually('it crashed', () => crashes.length === 1);
    await dying.close();
    const done = await committed(connection, 'records.v1');
    expect(done).toBeLessThan(100);
    const second: number[] = [];
    await consume(connection, {
      'records.v1': async (messages) => {
        second.push(...numbers(messages));
      },
    });
    await eventually('the rest comes', () => second.length === 100 - done);
    expect(new Set([...first, ...second]).size).toBe(100);
  });

  it('retries what may heal, in place and in order', async () => {
    const { connection, producer } = await connect();
    const seen: number[] = [];
    let failures = 0;
    await consume(connection, {
      'records.v1': async (messages) => {
        if (failures++ < 4) throw new PlatformError('unavailable', 'not yet');
        seen.push(...numbers(messages));
      },
    });
    await producer.send(
      'records.v1',
      Array.from({ length: 20 }, (_, i) => ({ key: 'one', value: Buffer.from(`${i}`) })),
    );
    await eventually('all arrive', () => seen.length === 20);
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it('sets poison aside as a dead letter with position and hash, and the partition moves on', async () => {
    const { connection, producer } = await connect();
    const seen: number[] = [];
    const dead: InboundMessage[] = [];
    await consume(connection, {
      'records.v1': async (messages) => {
        const values = numbers(messages);
        if (values.includes(7)) throw new PlatformError('corrupt', 'seven is bad');
        if (values.includes(11)) throw new TypeError('a bug met by eleven');
        seen.push(...values.filter((value) => !seen.includes(value)));
        const bad = messages.filter((message) => message.value?.toString() === '13');
        return {
          deadLetters: bad.map((message) => ({
            message,
            project: 'p',
            reasons: [{ code: 'bad_id', field: 'id', message: '13' }],
          })),
        };
      },
      'deadletter.v1': async (messages) => {
        dead.push(...messages);
      },
    });
    await producer.send('records.v1', messagesOf(40));
    await eventually('the good ones arrive', () => seen.length === 38);
    await eventually('three dead letters', () => dead.length === 3);
    const letters = dead.map((message) => decodeDeadLetter(message.value as Buffer));
    const byPayload = new Map(letters.map((letter) => [Buffer.from(letter.payload).toString(), letter]));
    expect(byPayload.get('7')?.reasons[0]?.code).toBe('decode_failed');
    expect(byPayload.get('11')?.reasons[0]?.message).toContain('a bug met by eleven');
    expect(byPayload.get('13')).toMatchObject({ project: 'p', source: 'records.v1', payloadBytes: 2, service: 'test' });
    expect(byPayload.get('7')?.payloadSha256).toHaveLength(64);
    await eventually('everything is committed', async () => (await committed(connection, 'records.v1')) === 40);
  });

  it('pauses a partition whose handler is overloaded and loses nothing', async () => {
    const { connection, producer } = await connect();
    const seen: number[] = [];
    let refused = 0;
    await consume(connection, {
      'records.v1': async (messages) => {
        if (refused++ < 3) throw new PlatformError('overloaded', 'later');
        seen.push(...numbers(messages));
      },
    });
    await producer.send('records.v1', messagesOf(50));
    await eventually('all arrive', () => new Set(seen).size === 50);
    expect(seen).toHaveLength(50);
  });

  it('holds the committed position back where the handler says so, and starts where it is told', async () => {
    const { connection, producer } = await connect();
    await producer.send(
      'records.v1',
      Array.from({ length: 30 }, (_, i) => ({ key: 'k', value: Buffer.from(`${i}`), partition: 2 })),
    );
    const first: number[] = [];
    const holding = await consume(connection, {
      'records.v1': async (messages) => {
        first.push(...numbers(messages));
        return { nextOffset: 10 };
      },
    });
    await eventually('all arrive', () => first.length === 30);
    await holding.close();
    expect(await committed(connection, 'records.v1')).toBe(10);
    const second: number[] = [];
    const assigned: number[] = [];
    const seeking = await consume(
      connection,
      {
        'records.v1': async (messages) => {
          second.push(...numbers(messages));
          return { nextOffset: null };
        },
      },
      {
        seekTo: async (_topic, partition) => (partition === 2 ? 5 : undefined),
        onAssigned: (assignment) => {
          assigned.push(...(assignment['records.v1'] ?? []));
        },
      },
    );
    await eventually('from five on', () => second.length === 25);
    expect(second[0]).toBe(5);
    expect(assigned).toEqual([0, 1, 2, 3]);
    seeking.setPosition('records.v1', 2, 20);
    await seeking.commitNow();
    expect(await committed(connection, 'records.v1')).toBe(20);
  });

  it('joins only when what its handlers work on is there, and need not be waited for', async () => {
    const { connection, producer } = await connect();
    await producer.send('records.v1', messagesOf(3));
    let restored: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      restored = resolve;
    });
    const seen: number[] = [];
    // Resolves although the gate is shut.
    const strategy = await consume(
      connection,
      { 'records.v1': async (messages) => void seen.push(...numbers(messages)) },
      { startWhen: () => gate, inBackground: true },
    );
    expect(strategy.unwrap()).toBeUndefined();
    expect(strategy.isReady()).toBe(false);
    restored();
    await eventually('all arrive', () => seen.length === 3);
    expect(strategy.isReady()).toBe(true);
  });

  it('stops the process after the retry budget instead of dropping anything', async () => {
    const { connection, producer } = await connect();
    await producer.send('records.v1', messagesOf(5));
    const crashes: Error[] = [];
    await consume(
      connection,
      {
        'records.v1': async () => {
          throw new PlatformError('unavailable', 'for ever');
        },
      },
      { retry: { initialMs: 10, maxMs: 20, budgetMs: 100 }, onCrash: (error) => crashes.push(error) },
    );
    await eventually('it gave up', () => crashes.length === 1);
    expect(await committed(connection, 'records.v1')).toBe(0);
  });

  it('shares partitions between two members of a group', async () => {
    const { connection, producer } = await connect();
    const other = (await connect(connection.topicPrefix)).connection;
    const counts = [0, 0];
    const handler =
      (index: number): Handler =>
      async (messages) => {
        counts[index] = (counts[index] as number) + messages.length;
      };
    const one = await consume(connection, { 'records.v1': handler(0) });
    const two = await consume(other, { 'records.v1': handler(1) });
    await eventually(
      'both hold partitions',
      () =>
        one.partitions()['records.v1']?.length === 2 &&
        two.partitions()['records.v1']?.length === 2 &&
        one.isReady() &&
        two.isReady(),
      30_000,
    );
    for (let round = 0; round < 20; round++) await producer.send('records.v1', messagesOf(50, round * 50));
    await eventually('all arrive', () => (counts[0] as number) + (counts[1] as number) >= 1000);
    expect(counts[0]).toBeGreaterThan(0);
    expect(counts[1]).toBeGreaterThan(0);
  }, 60_000);

  it('gives a number of every topic to one member, which keeps it when others come and go', async () => {
    const { connection } = await connect();
    const [second, third] = [
      (await connect(connection.topicPrefix)).connection,
      (await connect(connection.topicPrefix)).connection,
    ];
    const nothing: Handler = async () => undefined;
    const join = (to: KafkaConnection, clock = systemClock) =>
      consume(
        to,
        { 'records.v1': nothing, 'labels.v1': nothing },
        { sharing: 'by number', memberTimeoutMs: 6_000, clock },
      );
    const settled = (...members: KafkaStrategy[]) =>
      eventually(
        'each number is held once',
        () => members.every((member) => member.isReady()) && members.flatMap((member) => member.numbers()).length === 4,
        30_000,
      );
    let aheadMs = 0;
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
    const one = await join(connection, clock);
    await settled(one);
    const standing: (readonly [ready: boolean, inGroup: boolean, inGroupLater: boolean])[] = [];
    one.unwrap<Consumer>().on('consumer.rebalancing', () => {
      const now = [one.isReady(), one.isInGroup()] as const;
      aheadMs = 20_000;
      standing.push([...now, one.isInGroup()]);
      aheadMs = 0;
    });
    const two = await join(second);
    await settled(one, two);
    const before = [one.numbers(), two.numbers()];
    expect(before.flat().sort()).toEqual([0, 1, 2, 3]);
    expect(before.map(({ length }) => length)).toEqual([2, 2]);
    for (const member of [one, two])
      expect(member.partitions()).toEqual({ 'records.v1': member.numbers(), 'labels.v1': member.numbers() });
    const three = await join(third);
    await settled(one, two, three);
    await three.close();
    await settled(one, two);
    expect([one.numbers(), two.numbers()]).toEqual([
      expect.arrayContaining([expect.any(Number)]),
      expect.arrayContaining([expect.any(Number)]),
    ]);
    // At most one of each had to move when the third came.
    for (const [index, member] of [one, two].entries())
      expect(member.numbers().filter((number) => before[index]?.includes(number)).length).toBeGreaterThanOrEqual(1);
    // A probe does not take it out for that, unless it has not come back when it should have.
    expect(standing.length).toBeGreaterThan(0);
    for (const [ready, inGroup, later] of standing) expect([ready, inGroup, later]).toEqual([false, true, false]);
    await one.close();
    expect(one.isInGroup()).toBe(false);
  }, 90_000);

  it('joins again after kafkajs has lost its membership on the way, and reads on', async () => {
    const { connection, producer } = await connect();
    const groups: (typeof ConsumerGroup.prototype)[] = [];
    const join = ConsumerGroup.prototype.joinAndSync;
    ConsumerGroup.prototype.joinAndSync = function () {
      groups.push(this);
      return join.call(this);
    };
    closers.push(async () => {
      ConsumerGroup.prototype.joinAndSync = join;
    });
    const seen: number[] = [];
    const read: Handler = async (messages) => {
      seen.push(...numbers(messages));
    };
    const strategy = await consume(connection, { 'records.v1': read }, { memberTimeoutMs: 6_000 });
    await producer.send('records.v1', messagesOf(10));
    await eventually('it reads', () => seen.length === 10);
    await strategy.commitNow();
    // What is left of a heartbeat that the group does not know, and of a join while nobody coordinates it.
    for (const group of groups.splice(0)) group.memberId = null;
    await eventually('another one has joined', () => groups.length > 0, 30_000);
    await eventually('it is a member', () => strategy.isReady());
    await strategy.confirm('labels.v1');
    await producer.send('records.v1', messagesOf(10, 10));
    await eventually('it reads on', () => seen.includes(19));
    await eventually('positions are committed', async () => (await committed(connection, 'records.v1')) === 20);
  }, 90_000);
});
