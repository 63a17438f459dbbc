// `millrace projects delete` of a project that is serving, on a whole platform: traffic flows while it goes, a training
// runs, a rollout has just begun, services are killed in the middle of it. Whatever the moment, nothing of the project
// is left in any service, and one of the same name that is applied later begins anew.

import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { CompactedReader, KafkaConnection } from '@millrace/kafka';
import { Platform, type PortSetting, until } from './support/platform.process.js';

const READY_WITHIN_MS = 300_000;
/** A training of few rows, on a machine that does other things too. */
const TRAINED_WITHIN_MS = 180_000;
/** Until every service has heard of a deletion; one that was killed comes back first. */
const GONE_WITHIN_MS = 60_000;
const ROWS = 2_000;
const TRAFFIC_EVERY_MS = 20;

const projectText = (training: string) => `name: loans
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
training: ${training}
monitoring: { window: 2s, allowedLateness: 1s, minRows: 20 }
`;
const SHORT = '{ epochs: 2, batchRows: 256 }';
const LONG = '{ epochs: 10000, batchRows: 16 }';

function rows(): string {
  const rng = seededRng(5);
  const lines = Array.from({ length: ROWS }, (_, i) => {
    const [amount, income] = [rng.normal(), rng.normal()];
    const bad = rng.next() < 1 / (1 + Math.exp(-2 * amount + income));
    return [new Date(Date.UTC(2026, 0, 1) + i * 60_000).toISOString(), `c${i % 50}`, amount, income, bad].join(',');
  });
  return `at,customer,amount,income,bad\n${lines.join('\n')}\n`;
}

let platform: Platform;
let up: ReturnType<Platform['spawn']>;

type Answer = { status: number; body: Record<string, unknown> };

async function call(setting: PortSetting, path: string, body?: unknown): Promise<Answer> {
  const isText = typeof body === 'string';
  const headers = { 'content-type': isText ? 'application/yaml' : 'application/json' };
  const init = body === undefined ? {} : { method: 'POST', headers, body: isText ? body : JSON.stringify(body) };
  const response = await fetch(platform.url(setting, path), init);
  const text = await response.text();
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : { text } };
}

const ingest = (path: string, body?: unknown) => call('MILLRACE_INGEST_HTTP_PORT', `/v1${path}`, body);
const trainer = (path: string, body?: unknown) => call('MILLRACE_TRAINER_HTTP_PORT', `/v1/projects/loans${path}`, body);
const monitor = (path: string) => call('MILLRACE_MONITOR_HTTP_PORT', `/v1${path}`);
const control = (path: string) => call('MILLRACE_ROUTER_CONTROL_PORT', `/v1/projects/loans${path}`);

const predict = (): Promise<Answer> =>
  call('MILLRACE_ROUTER_HTTP_PORT', '/v2/models/loans/infer', {
    inputs: ['amount', 'income'].map((name) => ({ name, datatype: 'FP64', shape: [1], data: [0.5] })),
  });

/** Requests until it is stopped; the answers by status, in their order, each once. */
function traffic() {
  const statuses: number[] = [];
  let stopped = false;
  const ended = (async () => {
    while (!stopped) {
      const status = await predict().then(
        (answer) => answer.status,
        () => 0,
      );
      if (statuses.at(-1) !== status) statuses.push(status);
      await new Promise((resolve) => setTimeout(resolve, TRAFFIC_EVERY_MS));
    }
  })();
  return {
    statuses,
    stop: async () => {
      stopped = true;
      await ended;
      return statuses;
    },
  };
}

const running: ReturnType<typeof traffic>[] = [];
function startTraffic() {
  const one = traffic();
  running.push(one);
  return one;
}

async function untilTrue(what: string, test: () => Promise<boolean>, withinMs: number): Promise<void> {
  await until(
    () => test().catch(() => false),
    withinMs,
    () => `${what}\n${platform.logs(8)}`,
  );
}

async function apply(training: string): Promise<Record<string, unknown>> {
  const { status, body } = await ingest('/projects?file=project.yaml', projectText(training));
  expect([status, body]).toMatchObject([200, {}]);
  return body;
}

/** From nothing to a version that serves; gives its number. */
async function serve(): Promise<number> {
  await apply(SHORT);
  const file = join(platform.home, 'loans.csv');
  writeFileSync(file, rows());
  const taken = await platform.run(['ingest', 'loans', '--file', file]);
  expect([taken.code, taken.output]).toEqual([0, expect.any(String)]);
  const { code, output } = await platform.run(['train', 'loans', '--json']);
  expect([code, output]).toEqual([0, expect.any(String)]);
  await untilTrue('no version serves', async () => (await predict()).status === 200, TRAINED_WITHIN_MS);
  return Number((await predict()).body.model_version);
}

/** With the revision that `apply` answered: the trainer may hear of it later than of this call. */
async function startTraining(projectRevision: unknown): Promise<string> {
  const { datasets } = (await ingest('/projects/loans/datasets')).body as { datasets: { id: string }[] };
  const datasetVersions = datasets.map(({ id }) => id);
  const { body } = await trainer('/trainings', { datasetVersions, reason: 'test', projectRevision });
  return body.trainingId as string;
}

const training = async (id: string) => (await trainer(`/trainings/${id}`)).body as Record<string, unknown>;

/** In every service. */
async function untilGone(): Promise<void> {
  const isGone = async () => {
    const answers = await Promise.all([
      ingest('/projects'),
      trainer('/loop'),
      control('/route'),
      predict(),
      monitor('/overview'),
      monitor('/projects/loans/windows'),
    ]);
    const [projects, , , , overview] = answers;
    const named = ({ body }: Answer) => (body.projects as { name: string }[]).map(({ name }) => name);
    const statuses = answers.map(({ status }) => status);
    return (
      statuses.join() === '200,404,404,404,200,404' &&
      [projects, overview].every((answer) => answer !== undefined && named(answer).length === 0)
    );
  };
  await untilTrue('the project is not gone', isGone, GONE_WITHIN_MS);
  const answer = await predict();
  expect(answer).toMatchObject({ status: 404, body: { error: expect.stringMatching(/loans/) } });
  const keepsNothing = async () => (await keptByTrainer()).length === 0;
  await untilTrue('the trainer keeps a loop or a training', keepsNothing, GONE_WITHIN_MS);
}

/** Keys of what it would take up after a restart. */
async function keptByTrainer(): Promise<string[]> {
  const brokers = [`127.0.0.1:${platform.ports.MILLRACE_KAFKA_PORT}`];
  const connection = new KafkaConnection({ brokers, clientId: 'test', topicPrefix: 'millrace.' });
  const keys = new Set<string>();
  const entry = (key: string, value: Buffer | null) => void (value === null ? keys.delete(key) : keys.add(key));
  const reader = new CompactedReader(connection, { name: 'test', topics: { 'trainer.v1': entry } });
  await reader.caughtUp();
  await reader.close();
  await connection.close();
  return [...keys];
}

/** What is told of a project that was applied a moment ago. */
async function expectNew(): Promise<void> {
  expect(await apply(SHORT)).toMatchObject({ revision: 1, changed: true });
  await untilTrue('the loop does not begin', async () => (await trainer('/loop')).status === 200, GONE_WITHIN_MS);
  await untilTrue(
    'the monitor does not watch',
    async () => (await monitor('/projects/loans/windows')).status === 200,
    GONE_WITHIN_MS,
  );
  expect((await trainer('/loop')).body).toMatchObject({ phase: 'calm', liveVersion: 0, history: [], episode: null });
  expect((await trainer('/models')).body).toEqual({ models: [] });
  expect((await ingest('/projects/loans/datasets')).body).toEqual({ datasets: [], total: 0, before: null });
  expect((await monitor('/projects/loans/windows')).body).toMatchObject({ windows: [] });
  expect((await monitor('/overview')).body).toMatchObject({
    projects: [{ name: 'loans', predictions: 0, versions: 0, serving: [], activeAlarms: 0 }],
  });
  expect((await predict()).status).toBe(404);
}

const remove = () => platform.run(['projects', 'delete', 'loans', '--yes']);

beforeAll(async () => {
  platform = await Platform.create({ MILLRACE_MONITOR_LABEL_IDLE: '1s' });
  up = platform.spawn(['up', '--workers', '1']);
  await until(
    () => up.output().includes('Ctrl-C stops'),
    READY_WITHIN_MS,
    () => up.output(),
    up,
  );
}, 2 * READY_WITHIN_MS);

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

afterAll(async () => {
  up?.child.kill('SIGTERM');
  await up?.finished;
  platform?.remove();
}, 60_000);

describe('a project that is deleted while it serves', () => {
  it('is gone in every service, its training too, and answers "not found" instead of any fault', async () => {
    expect(await serve()).toBe(1);
    const flow = startTraffic();
    const windows = async () => (await monitor('/projects/loans/windows')).body.windows as unknown[];
    await untilTrue('no window closes', async () => (await windows()).length > 0, GONE_WITHIN_MS);
    const { revision } = await apply(LONG);
    const id = await startTraining(revision);
    const kind = async () => ((await training(id)).last as { kind: string }).kind;
    await untilTrue('no training steps', async () => (await kind()) === 'progress', TRAINED_WITHIN_MS);
    expect(await remove()).toMatchObject({ code: 0 });
    await untilGone();
    expect(await training(id)).toMatchObject({ state: 'failed', last: { kind: 'failed', code: 'cancelled' } });
    expect(await flow.stop()).toEqual([200, 404]);
    expect(readdirSync(join(platform.home, 'artifacts', 'models', 'loans'))).toContain('1');
  }, 600_000);

  it('begins anew under the same name: its versions go on counting, the same file makes a version again', async () => {
    await expectNew();
    expect(await serve()).toBe(2);
    expect((await trainer('/models')).body).toMatchObject({ models: [{ version: 2, blessed: true }] });
    // The trainer hears of the route that answers already.
    const isLive = async () => (await trainer('/loop')).body.liveVersion === 2;
    await untilTrue('the loop does not know the live version', isLive, GONE_WITHIN_MS);
    expect((await trainer('/loop')).body).toMatchObject({ liveVersion: 2, previousVersion: 0 });
    expect((await ingest('/projects/loans/datasets')).body).toMatchObject({ datasets: [{ ordinal: 1, parent: '' }] });
  }, 600_000);

  it('does not come back by the rollout that had just begun', async () => {
    const { revision } = await apply(SHORT);
    const id = await startTraining(revision);
    const ended = async () => (await training(id)).state === 'finished';
    await untilTrue('the training does not end', ended, TRAINED_WITHIN_MS);
    expect(await remove()).toMatchObject({ code: 0 });
    await untilGone();
    await expectNew();
  }, 600_000);

  it('is gone as well where services die in the middle of it, and begins anew then', async () => {
    await serve();
    startTraffic();
    const { revision } = await apply(LONG);
    const id = await startTraining(revision);
    await untilTrue('it waits', async () => (await training(id)).state === 'running', TRAINED_WITHIN_MS);
    const victims = ['router', 'serving', 'monitor', 'trainer'].map((name) =>
      platform.pidOf(`services/${name}/src/main.js`),
    );
    const oneMore = platform.pidOf('services/ingest/src/main.js');
    const { status } = await fetch(platform.url('MILLRACE_INGEST_HTTP_PORT', '/v1/projects/loans'), {
      method: 'DELETE',
    });
    for (const pid of [...victims, oneMore]) process.kill(pid, 'SIGKILL');
    expect(status).toBe(200);
    await untilGone();
    await expectNew();
    expect(await serve()).toBeGreaterThan(3);
  }, 600_000);
});
