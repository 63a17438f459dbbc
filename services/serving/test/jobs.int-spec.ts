// A batch job over a real Kafka: every message of a topic has exactly one answer in another, also when serving is
// killed in the middle and the job is started again.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { environment } from '@millrace/config';
import { KafkaConnection, MessageProducer } from '@millrace/kafka';
import { cloneRoot, eventually, startKafka, uniquePrefix } from '@millrace/testing';
import { writePackage } from './package-fixture.js';
import { ControlWriter, type ServingProcess, startServing, untilLoaded, untilReady } from './serving-process.js';

const ROWS = 3_000;
/** One in so many is no row. */
const BAD_EVERY = 100;

describe('a batch job', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-serving-'));
  const prefix = uniquePrefix();
  const [input, output] = [`${prefix}in`, `${prefix}out`];
  let brokers: readonly string[];
  let control: ControlWriter;
  let serving: ServingProcess;
  let topics: KafkaConnection;
  const answers = new Map<string, { outputs?: { probability: number; label: string }; error?: string }[]>();

  const start = async () => {
    serving = await startServing({
      home,
      brokers,
      topicPrefix: prefix,
      env: { MILLRACE_SERVING_JOB_ROWS: '50' },
    });
    await untilReady(serving);
    await untilLoaded(serving, 'demo', 1);
  };
  const job = (method = 'GET', path = '/v1/jobs/night', body?: object) =>
    serving.json(path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });

  beforeAll(async () => {
    ({ brokers } = await startKafka());
    control = new ControlWriter(brokers, prefix);
    await control.ensureTopics();
    writePackage(home, 'demo', 1);
    await control.route('demo', [1]);
    topics = new KafkaConnection({ brokers, clientId: 'jobs-test', topicPrefix: '' });
    await topics.withAdmin(async (admin) => {
      // kafkajs waits for leaders, too, but gives up at a broker that has not heard of the topic yet.
      await admin.createTopics({
        waitForLeaders: false,
        topics: [input, output].map((topic) => ({ topic, numPartitions: 3, replicationFactor: 1 })),
      });
      await eventually('the topics have leaders', () =>
        admin.fetchTopicMetadata({ topics: [input, output] }).then(
          ({ topics: all }) => all.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0)),
          () => false,
        ),
      );
    });
    const producer = new MessageProducer(topics);
    const messages = Array.from({ length: ROWS }, (_, i) => ({
      key: `k${i}`,
      value: Buffer.from(
        i % BAD_EVERY === 0
          ? 'no row'
          : JSON.stringify({
              values: { distance: i / ROWS, hour: i % 24, origin: 'JFK', flag: i % 2 === 0 },
            }),
      ),
    }));
    await producer.send(input, messages);
    await producer.close(1_000);
    const consumer = topics.kafka.consumer({ groupId: `${prefix}reader` });
    await consumer.connect();
    await consumer.subscribe({ topics: [output], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        const key = String(message.key);
        answers.set(key, [...(answers.get(key) ?? []), JSON.parse(String(message.value))]);
      },
    });
    ends.push(() => consumer.disconnect());
    await start();
  }, 120_000);

  const ends: (() => Promise<unknown>)[] = [];
  afterAll(async () => {
    await serving?.stop();
    for (const end of ends) await end();
    await control?.close();
    await topics?.close();
    rmSync(home, { recursive: true, force: true });
  }, 60_000);

  it('answers every message once, though serving is killed in the middle', async () => {
    const request = { name: 'night', model: 'demo', input, output };
    expect((await job('POST', '/v1/jobs', request)).status).toBe(200);
    await eventually('some are answered', async () => (await job()).body.answered > 200);
    serving.process.kill('SIGKILL');
    await start();
    await job('POST', '/v1/jobs', request);
    const done = await eventually(
      'the job is done',
      async () => {
        const { body } = await job();
        if (body.state === 'failed') throw new Error(body.error);
        return body.state === 'done' ? body : undefined;
      },
      30_000,
    );
    expect(done).toMatchObject({ remaining: 0 });
    await eventually('all are read', () => answers.size >= ROWS);
    expect([...answers.values()].filter((all) => all.length !== 1)).toEqual([]);
    const errors = [...answers].filter(([, [answer]]) => answer?.error !== undefined);
    expect(errors).toHaveLength(ROWS / BAD_EVERY);
    expect(errors.every(([key]) => Number(key.slice(1)) % BAD_EVERY === 0)).toBe(true);
    const sample = answers.get('k7')?.[0];
    expect(sample?.outputs?.probability).toBeGreaterThan(0);
    expect(sample?.outputs?.label).toMatch(/^[01]$/);
  }, 90_000);

  it('has nothing more to do the next time, and says what is wrong', async () => {
    await job('POST', '/v1/jobs', { name: 'night', model: 'demo', input, output });
    await eventually('done again', async () => (await job()).body.state === 'done');
    expect((await job()).body.answered).toBe(0);
    const missing = { model: 'demo', input: `${prefix}none`, output, name: 'lost' };
    await job('POST', '/v1/jobs', missing);
    const failed = await eventually('failed', async () => {
      const { body } = await job('GET', '/v1/jobs/lost');
      return body.state === 'failed' ? body : undefined;
    });
    expect(failed.error).toContain(`no topic ${prefix}none`);
    expect((await job('POST', '/v1/jobs', { model: 'demo' })).status).toBe(400);
    expect((await job('GET', '/v1/jobs/nobody')).status).toBe(404);
    const cli = await new Promise<{ code: number; output: string }>((resolve) => {
      const topicsOf = ['--input-topic', input, '--output-topic', output, '--job', 'night'];
      const command = [join(cloneRoot(), 'dist/apps/cli/src/main.js'), '--json', 'predict', 'demo', ...topicsOf];
      const port = new URL(serving.http).port;
      const env = { ...environment(), NODE_OPTIONS: '', MILLRACE_HOME: home, MILLRACE_SERVING_HTTP_PORT: port };
      execFile(process.execPath, command, { env }, (error, text) =>
        resolve({ code: Number(error?.code ?? 0), output: text }),
      );
    });
    expect([cli.code, JSON.parse(cli.output)]).toMatchObject([0, { name: 'night', state: 'done', answered: 0 }]);
    const follow = { name: 'follow', model: 'demo', input, output, follow: true };
    await job('POST', '/v1/jobs', follow);
    expect((await job('DELETE', '/v1/jobs/follow')).body.state).toBe('stopped');
  }, 60_000);
});
