// How many partitions topics have and how long they are kept, as settings say it, on the real Kafka.

import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DEFAULT_TOPIC_TERMS, type Topic, type TopicTerms } from '@millrace/contracts';
import { ensureTopics, KafkaConnection } from '@millrace/kafka';
import { eventually, startKafka, type TestKafka, uniquePrefix } from '@millrace/testing';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const TOPICS: readonly Topic[] = ['records.v1', 'labels.v1', 'drift.v1', 'projects.v1'];

let kafka: TestKafka;
let topicPrefix: string;
const connections: KafkaConnection[] = [];

beforeAll(async () => {
  kafka = await startKafka();
}, 90_000);
afterEach(async () => {
  for (const connection of connections.splice(0)) await connection.close();
});

function connect(terms: Partial<TopicTerms>): KafkaConnection {
  const topics = { ...DEFAULT_TOPIC_TERMS, ...terms };
  const connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'test', topicPrefix, topics });
  connections.push(connection);
  return connection;
}
const keep = (keepMs: Partial<TopicTerms['keepMs']>) => ({ keepMs: { ...DEFAULT_TOPIC_TERMS.keepMs, ...keepMs } });

/** Partitions, time that messages are kept, and largest batch of a topic, as the broker says. */
async function told(topic: Topic) {
  const connection = connect({});
  const name = connection.topicName(topic);
  return connection.withAdmin(async (admin) => {
    const [metadata, { resources }] = await Promise.all([
      admin.fetchTopicMetadata({ topics: [name] }),
      admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name }] }),
    ]);
    const valueSet = (key: string) =>
      Number(resources[0]?.configEntries.find(({ configName }) => configName === key)?.configValue);
    return {
      partitions: metadata.topics[0]?.partitions.length,
      keptMs: valueSet('retention.ms'),
      bytesMax: valueSet('max.message.bytes'),
    };
  });
}

describe('settings of topics', () => {
  it('say how many partitions new ones have and how long they are kept', async () => {
    topicPrefix = uniquePrefix();
    await ensureTopics(connect({ partitions: 3, ...keep({ records: 12 * HOUR_MS }) }), TOPICS);
    expect(await told('records.v1')).toMatchObject({ partitions: 3, keptMs: 12 * HOUR_MS });
    expect(await told('labels.v1')).toMatchObject({ partitions: 3, keptMs: 12 * HOUR_MS });
    expect(await told('drift.v1')).toMatchObject({ partitions: 3, keptMs: 30 * DAY_MS });
    expect(await told('projects.v1')).toMatchObject({ partitions: 3, keptMs: -1 });
  });

  it('change how long one that exists is kept where they say so, and nothing else of it', async () => {
    topicPrefix = uniquePrefix();
    const connection = connect({});
    const name = connection.topicName('records.v1');
    // By an operator, before the platform came.
    const own = [
      { name: 'retention.ms', value: String(20 * DAY_MS) },
      { name: 'max.message.bytes', value: '2000000' },
    ];
    await connection.withAdmin((admin) =>
      admin.createTopics({ waitForLeaders: false, topics: [{ topic: name, numPartitions: 4, configEntries: own }] }),
    );
    await ensureTopics(connect({}), TOPICS);
    expect(await told('records.v1')).toMatchObject({ keptMs: 20 * DAY_MS, bytesMax: 2_000_000 });
    const said = connect(keep({ records: 3 * DAY_MS }));
    await eventually('it is changed', async () => {
      await ensureTopics(said, TOPICS);
      return (await told('records.v1')).keptMs === 3 * DAY_MS;
    });
    expect(await told('records.v1')).toMatchObject({ partitions: 4, bytesMax: 2_000_000 });
    expect(await told('drift.v1')).toMatchObject({ keptMs: 30 * DAY_MS });
  });

  it('are refused where topics have another number of partitions: a key would move away from its rows', async () => {
    topicPrefix = uniquePrefix();
    await ensureTopics(connect({ partitions: 2 }), TOPICS);
    await expect(ensureTopics(connect({ partitions: 6 }), TOPICS)).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/MILLRACE_KAFKA_PARTITIONS says 6 .*records\.v1 2/),
    });
    expect(await told('records.v1')).toMatchObject({ partitions: 2 });
    await ensureTopics(connect({ partitions: 2 }), TOPICS);
  });
});
