// docs/artifacts.md: a platform over two machines. Two homes share a bucket and Kafka, and nothing else: ingest and
// trainer in one, serving, router and monitor in the other, each with a Redis of its own. What the one makes, the other
// reads; and while the bucket is away, what is loaded goes on answering.

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import { artifactSettings, PORTS, type PortName, readSettings } from '@millrace/deployment';
import { seededRng } from '@millrace/domain';
import { startKafka, startRedis, startS3, type TestS3, uniquePrefix } from '@millrace/testing';
import { Platform, type PortSetting, type Running, until } from './support/platform.process.js';

const READY_WITHIN_MS = 300_000;
const TRAINED_WITHIN_MS = 180_000;
const HEARD_WITHIN_MS = 60_000;
const ROWS = 2_000;
const PREFIX = 'two-homes';

const PROJECT = `name: loans
data:
  entity: customer
  eventTime: at
  columns:
    - { name: at, type: timestamp, required: true }
    - { name: customer, type: text, required: true }
    - { name: amount, type: number }
    - { name: income, type: number }
    - { name: bad, type: boolean, outcome: true }
  label: { name: bad, column: bad, delay: 1s }
features: [{ name: amount, kind: numeric }, { name: income, kind: numeric }]
training: { epochs: 2, batchRows: 256 }
monitoring: { window: 2s, allowedLateness: 1s, minRows: 20 }
`;

function csv(): string {
  const rng = seededRng(5);
  const lines = Array.from({ length: ROWS }, (_, i) => {
    const [amount, income] = [rng.normal(), rng.normal()];
    const bad = rng.next() < 1 / (1 + Math.exp(-2 * amount + income));
    return [new Date(Date.UTC(2026, 0, 1) + i * 60_000).toISOString(), `c${i % 50}`, amount, income, bad].join(',');
  });
  return `at,customer,amount,income,bad\n${lines.join('\n')}\n`;
}

let s3: TestS3;
/** Where data comes in and models are trained; where they answer and are watched. */
let making: Platform;
let serving: Platform;
const started: Running[] = [];
const stops: (() => Promise<void>)[] = [];

const HEALTH: Readonly<Record<string, PortName>> = {
  ingest: 'ingestHttp',
  trainer: 'trainerHttp',
  serving: 'servingHttp',
  router: 'routerControl',
  monitor: 'monitorHttp',
};

function start(platform: Platform, name: string, script = `dist/services/${name}/src/main.js`): Running {
  const process = platform.program(script, {});
  started.push(process);
  return process;
}

async function startServices(platform: Platform, names: readonly string[]): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      const process = start(platform, name);
      const url = platform.url(PORTS[HEALTH[name] as PortName].setting, '/health/ready');
      const isReady = () => statusOf(url).then((status) => status === 200);
      await until(isReady, READY_WITHIN_MS, () => `${name} is not ready:\n${process.output()}`, process);
    }),
  );
}

const statusOf = (url: string): Promise<number> =>
  fetch(url).then(
    async (answer) => {
      await answer.arrayBuffer();
      return answer.status;
    },
    () => 0,
  );

async function call(platform: Platform, setting: PortSetting, path: string, body?: unknown) {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(platform.url(setting, path), body === undefined ? {} : init);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const predict = (version = '') =>
  call(serving, 'MILLRACE_ROUTER_HTTP_PORT', `/v2/models/loans${version}/infer`, {
    inputs: ['amount', 'income'].map((name) => ({ name, datatype: 'FP64', shape: [1], data: [0.5] })),
  }).catch(() => ({ status: 0, body: {} as Record<string, unknown> }));

/** What the processes have said, for a failure's message. */
const said = () => started.map((one) => one.output().split('\n').slice(-12).join('\n')).join('\n---\n');

beforeAll(async () => {
  s3 = await startS3('moto');
  stops.push(() => s3.stop());
  const kafka = await startKafka();
  const shared = {
    MILLRACE_KAFKA_BROKERS: kafka.brokers.join(','),
    MILLRACE_TOPIC_PREFIX: uniquePrefix(),
    MILLRACE_MONITOR_LABEL_IDLE: '1s',
    ...s3.environment(PREFIX),
  };
  const redises = await Promise.all([startRedis({ dedicated: true }), startRedis({ dedicated: true })]);
  for (const redis of redises) stops.push(() => redis.stop());
  making = await Platform.create({ ...shared, MILLRACE_REDIS_URL: redises[0].url });
  serving = await Platform.create({ ...shared, MILLRACE_REDIS_URL: redises[1].url });
  await startServices(making, ['ingest', 'trainer']);
  start(making, 'worker', 'dist/services/trainer/src/worker.main.js');
  await startServices(serving, ['serving', 'router', 'monitor']);
}, 2 * READY_WITHIN_MS);

afterAll(async () => {
  for (const { child } of started) child.kill('SIGTERM');
  await Promise.all(started.map(({ finished }) => finished));
  for (const platform of [making, serving]) platform?.remove();
  for (const stop of stops) await stop();
}, 60_000);

describe('two homes that share a bucket and Kafka', () => {
  it('train in one, and predict in the other', async () => {
    const project = join(making.home, 'loans.yaml');
    const file = join(making.home, 'loans.csv');
    writeFileSync(project, PROJECT);
    writeFileSync(file, csv());
    expect(await making.run(['apply', project])).toMatchObject({ code: 0 });
    expect(await making.run(['ingest', 'loans', '--file', file])).toMatchObject({ code: 0 });
    const { code, output } = await making.run(['train', 'loans', '--json']);
    expect([code, output]).toEqual([0, expect.any(String)]);
    const answers = async () => (await predict()).status === 200;
    await until(answers, TRAINED_WITHIN_MS, () => `no version answers\n${said()}`);
    expect((await predict()).body).toMatchObject({ model_name: 'loans', model_version: '1' });
  }, 600_000);

  it('keep artifacts in the bucket alone, as another machine reads them', async () => {
    for (const { home } of [making, serving]) expect(existsSync(join(home, 'artifacts'))).toBe(false);
    const { values } = readSettings(artifactSettings, s3.environment(PREFIX));
    const store = openArtifactStore({ home: join(making.home, 'reader'), ...values });
    expect(await store.list('models/loans')).toEqual(expect.arrayContaining(['1/manifest.json', '1/model.onnx']));
    const [manifest, parquet] = (await store.list('datasets/loans')).sort();
    expect([manifest, parquet]).toEqual([
      expect.stringMatching(/^[0-9a-f]{64}\/[0-9a-f]{16}\.json$/),
      expect.stringMatching(/^[0-9a-f]{64}\/[0-9a-f]{16}\.parquet$/),
    ]);
    const { parquetSha256 } = JSON.parse((await store.read(`datasets/loans/${manifest}`)).toString('utf8'));
    expect(await store.sha256(`datasets/loans/${parquet}`)).toBe(parquetSha256);
    // What DuckDB read stays with the trainer, checked, under its hash.
    expect(readdirSync(join(making.home, 'artifact-copies')).map((name) => name.slice(0, 64))).toContain(parquetSha256);
  });

  it('watch in the other, against the reference of the package', async () => {
    const tested = async () => {
      for (let i = 0; i < 40; i++) await predict();
      const { body } = await call(serving, 'MILLRACE_MONITOR_HTTP_PORT', '/v1/projects/loans/windows');
      const windows = body.windows as { cohorts: { tests: unknown[] }[] }[];
      return windows.some(({ cohorts }) => cohorts.some(({ tests }) => tests.length > 0));
    };
    await until(tested, HEARD_WITHIN_MS, () => `no window is tested\n${said()}`);
  }, 120_000);

  it('give a package’s files to browsers from either', async () => {
    const path = '/v1/projects/loans/models/1/artifacts/tfjs/model.json';
    const fromTrainer = await fetch(making.url('MILLRACE_TRAINER_HTTP_PORT', path));
    const fromServing = await fetch(
      serving.url('MILLRACE_SERVING_HTTP_PORT', '/v2/models/loans/versions/1/artifacts/tfjs/model.json'),
    );
    expect([fromTrainer.status, fromServing.status]).toEqual([200, 200]);
    expect(await fromServing.text()).toBe(await fromTrainer.text());
  });

  it('count what they ask of the store', async () => {
    const metrics = await (await fetch(serving.url('MILLRACE_SERVING_HTTP_PORT', '/metrics'))).text();
    expect(metrics).toMatch(/^millrace_artifacts_call_duration\w*\{.*call="read".*outcome="ok"/m);
    expect(metrics).toMatch(/^millrace_artifacts_request_duration\w*\{.*operation="get".*outcome="ok"/m);
    expect(metrics).toMatch(/^millrace_artifacts_bytes_total\{.*direction="read".*\} [1-9]/m);
  });

  it('say in status where artifacts are; and answer on while the bucket is away', async () => {
    const place = `s3://${s3.bucket}/${PREFIX}/ at ${s3.endpoint}`;
    const state = async () => {
      const { output } = await serving.run(['status', '--json']);
      return (JSON.parse(output.slice(output.indexOf('{'))) as { artifacts: unknown }).artifacts;
    };
    const doctor = async () => {
      const { output } = await serving.program('tools/setup/doctor.mjs', {}).finished;
      return output.split('\n').find((line) => line.includes(' artifacts '));
    };
    expect(await state()).toEqual({ place, state: 'reachable' });
    expect(await doctor()).toMatch(/^✓ artifacts .*, reachable/);
    await s3.crash();
    expect(await doctor()).toMatch(/^– artifacts .*does not answer/);
    expect(await state()).toEqual({ place, state: expect.stringMatching(/^not reachable: .*does not answer/) });
    expect((await predict()).status).toBe(200);
    expect((await predict('/versions/1')).status).toBe(200);
  }, 120_000);
});
