// A transaction that hangs: its coordinator says that it is over, the partition takes it for open. Made here as a
// broker leaves it that is killed before it writes the marker: with a batch that comes when its transaction is over,
// which a broker takes once it does not ask the coordinator about it.

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { systemClock } from '@millrace/domain';
import { CompactedReader, ensureTopics, FencedWriters, KafkaConnection } from '@millrace/kafka';
import { type DedicatedKafka, eventually, startKafka } from '@millrace/testing';
import { BrokerSocket } from '../src/produce/broker-socket.js';
import { crc32c } from '../src/produce/crc32c.js';
import { PRODUCE, produceRequest, readProduce } from '../src/produce/protocol.js';
import { RecordBatch } from '../src/produce/record-batch.js';
import { topicOffsets } from '../src/topic-offsets.js';
import {
  DESCRIBE_TRANSACTIONS,
  describeTransactionsRequest,
  readDescribeTransactions,
} from '../src/transactions/protocol.js';

const BROKER_ID = '1';
const BROKER_CONFIG = 4;
const CRC_AT = 17;
const ATTRIBUTES_AT = 21;
const TRANSACTIONAL = 0x10;

let kafka: DedicatedKafka;
let connection: KafkaConnection;

beforeAll(async () => {
  kafka = await startKafka({ dedicated: true });
  connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'test' });
  await ensureTopics(connection, ['routes.v1', 'datasets.v1']);
  const configEntries = [{ name: 'transaction.partition.verification.enable', value: 'false' }];
  await connection.withAdmin((admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [{ type: BROKER_CONFIG, name: BROKER_ID, configEntries }],
    }),
  );
}, 90_000);

afterAll(async () => {
  await connection?.close();
  await kafka?.stop();
}, 60_000);

async function socket(): Promise<BrokerSocket> {
  const [host = '', port] = (kafka.brokers[0] as string).split(':');
  return BrokerSocket.open({ host, port: Number(port) }, 'test', systemClock);
}

/** A message of a transaction of the id that is over. `sequence`: how many the id has written to the partition. */
async function leaveHanging(id: string, topic: string, partition: number, text: string, sequence = 1): Promise<void> {
  // The marker of what was sent before comes a moment after its commit, and would be the late one's, too.
  await eventually('nothing is open', async () => !(await isHanging(topic, partition)));
  const broker = await socket();
  const name = `${connection.topicPrefix}${id}`;
  const [known] = readDescribeTransactions(
    await broker.request(DESCRIBE_TRANSACTIONS, describeTransactionsRequest([name])),
  );
  if (known === undefined) throw new Error(`no transaction of ${name}`);
  const batch = new RecordBatch();
  const value = Buffer.from(text);
  batch.append(Buffer.from('late'), 0, 4, value, 0, value.length, {});
  const bytes = Buffer.from(batch.seal({ id: known.producerId, epoch: known.producerEpoch }, sequence, Date.now()));
  bytes.writeInt16BE(bytes.readInt16BE(ATTRIBUTES_AT) | TRANSACTIONAL, ATTRIBUTES_AT);
  bytes.writeUInt32BE(crc32c(bytes.subarray(ATTRIBUTES_AT)), CRC_AT);
  const [head, ...rest] = produceRequest([{ topic: connection.topicName(topic), partitions: [{ partition, bytes }] }]);
  const idField = Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name)]);
  const answer = await broker.request(PRODUCE, [idField, (head as Buffer).subarray(2), ...rest]);
  expect(readProduce(answer).map(({ error }) => error)).toEqual([0]);
  broker.close();
}

async function isHanging(topic: string, partition: number): Promise<boolean> {
  const name = connection.topicName(topic);
  const end = async (kind: 'stable' | 'written') =>
    (await topicOffsets(connection, [name], kind)).get(`${name}/${partition}`)?.offset as number;
  return (await end('stable')) < (await end('written'));
}

it('a reader does not wait before it for ever, and reads what was committed', async () => {
  const writers = new FencedWriters(connection, 'routes');
  await writers.hold([0]);
  await writers.of(0).send('routes.v1', [{ key: 'first', value: Buffer.from('1'), partition: 0 }]);
  await leaveHanging('routes-0', 'routes.v1', 0, '2');
  expect(await isHanging('routes.v1', 0)).toBe(true);
  const seen: string[] = [];
  const reader = new CompactedReader(connection, {
    name: 'r',
    topics: { 'routes.v1': (key, value) => void seen.push(`${key} ${value}`) },
  });
  await reader.caughtUp();
  expect(seen).toEqual(['first 1', 'late 2']);
  expect(await isHanging('routes.v1', 0)).toBe(false);
  await reader.close();
  await writers.close();
}, 60_000);

it('whoever takes the id over ends it first, as it was decided', async () => {
  const before = new FencedWriters(connection, 'ingest');
  await before.hold([3]);
  await before.of(3).send('datasets.v1', [{ key: 'first', value: Buffer.from('1'), partition: 3 }]);
  // The last one is aborted.
  await expect(
    before.of(3).transaction(async (tx) => {
      await tx.send('datasets.v1', [{ key: 'x', value: Buffer.from('x'), partition: 3 }]);
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  await leaveHanging('ingest-3', 'datasets.v1', 3, 'of an aborted one', 2);
  expect(await isHanging('datasets.v1', 3)).toBe(true);
  const successor = new FencedWriters(connection, 'ingest');
  expect(await successor.hold([3])).toEqual([3]);
  expect(await isHanging('datasets.v1', 3)).toBe(false);
  const seen: string[] = [];
  const reader = new CompactedReader(connection, {
    name: 'd',
    topics: { 'datasets.v1': (key, value) => void seen.push(`${key} ${value}`) },
  });
  await reader.caughtUp();
  expect(seen).toEqual(['first 1']);
  await reader.close();
  await successor.close();
  await before.close();
}, 60_000);

it('is ended as it was decided itself, whatever came of later ones of its id', async () => {
  const writers = new FencedWriters(connection, 'monitor');
  await writers.hold([2]);
  const message = (value: string) => [{ key: 'k', value: Buffer.from(value), partition: 2 }];
  await writers.of(2).send('routes.v1', message('1'));
  await leaveHanging('monitor-2', 'routes.v1', 2, '2');
  // In another partition, and aborted: what the coordinator tells of the id is of this one.
  await expect(
    writers.of(2).transaction(async (tx) => {
      await tx.send('datasets.v1', message('x'));
      throw new Error('no');
    }),
  ).rejects.toThrow('no');
  await connection.endHangingTransactions();
  expect(await isHanging('routes.v1', 2)).toBe(false);
  const seen: string[] = [];
  const reader = new CompactedReader(connection, {
    name: 'l',
    topics: { 'routes.v1': (_key, value, { partition }) => void (partition === 2 && seen.push(`${value}`)) },
  });
  await reader.caughtUp();
  expect(seen).toEqual(['1', '2']);
  await reader.close();
  await writers.close();
}, 60_000);

it('one that its coordinator knows as open is left alone', async () => {
  const writers = new FencedWriters(connection, 'routes');
  await writers.hold([1]);
  let goOn: () => void = () => undefined;
  const inIt = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let isSent = false;
  const writing = writers.of(1).transaction(async (tx) => {
    await tx.send('routes.v1', [{ key: 'open', value: Buffer.from('1'), partition: 1 }]);
    isSent = true;
    await inIt;
  });
  await eventually('it is sent', () => isSent);
  await connection.endHangingTransactions();
  expect(await isHanging('routes.v1', 1)).toBe(true);
  goOn();
  await writing;
  await eventually('it has ended', async () => !(await isHanging('routes.v1', 1)));
  await writers.close();
}, 60_000);

// The last one: readers of the topic wait from here on.
it('of which no coordinator says how it was decided is left to an operator', async () => {
  const writers = new FencedWriters(connection, 'trainer');
  await writers.hold([0]);
  const message = (topic: string) => [{ key: topic, value: Buffer.from('1'), partition: 1 }];
  // The transaction had nothing to do with the partition in which something is open.
  await writers.of(0).send('datasets.v1', message('datasets.v1'));
  await leaveHanging('trainer-0', 'routes.v1', 3, 'of nobody', 0);
  for (let look = 0; look < 3; look++) await connection.endHangingTransactions();
  expect(await isHanging('routes.v1', 3)).toBe(true);
  await writers.close();
}, 60_000);
