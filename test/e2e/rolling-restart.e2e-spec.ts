// docs/several-processes.md: two processes of every service on one machine, and those that clients speak to ended and
// started again in turn while records, labels and predictions flow. A client that knows both addresses sees no failed
// request, some process of every service is ready all the time, and what was sent is stored and counted as if nothing
// had happened.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GRPCInferenceService } from '@millrace/contracts';
import { PlatformError, seededRng } from '@millrace/domain';
import { createClient } from '@millrace/grpc';
import { Platform, type PortSetting, type Running, until } from './support/platform.process.js';

const REPLICAS = 'ingest=2,monitor=2,router=2,serving=2,trainer=2';
const READY_WITHIN_MS = 240_000;
const RESTARTED_WITHIN_MS = 600_000;
const SERVES_WITHIN_MS = 180_000;
/** Of each; a slice of what the machine can, for it does everything else, too. */
const PER_SECOND = 100;
const BATCH = 10;
const ROWS = 2_000;
const DEADLINE_MS = 20_000;

const projectText = (name: string) => `name: ${name}
data:
  entity: customer
  eventTime: at
  recordId: id
  columns:
    - { name: id, type: text, required: true }
    - { name: at, type: timestamp, required: true }
    - { name: customer, type: text, required: true }
    - { name: amount, type: number }
    - { name: income, type: number }
    - { name: bad, type: boolean, outcome: true }
  label: { name: bad, column: bad, delay: 1s }
  versionEvery: 1m
features: [{ name: amount, kind: numeric }, { name: income, kind: numeric }]
training: { epochs: 2, batchRows: 256 }
monitoring: { window: 10s, allowedLateness: 1s, minRows: 20 }
`;

interface Row {
  id: string;
  at: string;
  customer: string;
  amount: number;
  income: number;
}

/** Row i of the live stream, the same in every project; a second of it is a minute of event time. */
function row(i: number): Row {
  const rng = seededRng(1_000 + i);
  const at = new Date(Date.UTC(2026, 5, 1) + i * Math.round(60_000 / PER_SECOND)).toISOString();
  return { id: `r${i}`, at, customer: `c${i % 50}`, amount: rng.normal(), income: rng.normal() };
}

function csv(): string {
  const lines = Array.from({ length: ROWS }, (_, i) => {
    const { id, amount, income } = row(i);
    const at = new Date(Date.UTC(2026, 0, 1) + i * 60_000).toISOString();
    return [`h${id}`, at, `c${i % 50}`, amount, income, amount * 2 > income].join(',');
  });
  return `id,at,customer,amount,income,bad\n${lines.join('\n')}\n`;
}

let platform: Platform;
let up: Running;

const urlOf = (setting: PortSetting, replica: number, path: string): string =>
  `http://127.0.0.1:${platform.ports[setting] + 100 * replica}${path}`;

/** Of the connection, not of the platform: what a client that knows both addresses opens anew, at the other one. */
const OF_CONNECTION =
  /ECONNREFUSED|ECONNRESET|EPIPE|socket hang up|other side closed|fetch failed|GOAWAY|Connection dropped|No connection established/;

/** Sends to one of two, and to the other where the connection is the trouble. */
async function either<T>(first: number, send: (replica: number) => Promise<T>): Promise<T> {
  for (let tried = 0; ; tried++) {
    try {
      return await send((first + tried) % 2);
    } catch (thrown) {
      const cause = (thrown as { cause?: unknown }).cause;
      const text = `${String(thrown)} ${String(cause)} ${String((cause as { code?: string })?.code)}`;
      if (tried >= 20 || !OF_CONNECTION.test(text)) throw thrown;
      await new Promise((wake) => setTimeout(wake, 50));
    }
  }
}

async function post(replica: number, path: string, body: unknown): Promise<void> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(urlOf('MILLRACE_INGEST_HTTP_PORT', replica, path), init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
}

/** Rows from..to with their labels. */
async function sendRows(project: string, from: number, to: number): Promise<void> {
  const rows = Array.from({ length: to - from }, (_, i) => row(from + i));
  const labels = rows.map(({ id, customer, at, amount, income }) => ({
    recordId: id,
    entity: customer,
    eventTimeMs: Date.parse(at),
    value: amount * 2 > income,
  }));
  await either(from / BATCH, (replica) => post(replica, `/v1/projects/${project}/records`, rows));
  await either(from / BATCH, (replica) => post(replica, `/v1/projects/${project}/labels`, labels));
}

/** So many a second, whatever comes back, until it is stopped. */
function flow(perSecond: number, send: (n: number) => Promise<void>) {
  const failures: string[] = [];
  const running = new Set<Promise<void>>();
  const startMs = performance.now();
  let sent = 0;
  const timer = setInterval(() => {
    for (const due = ((performance.now() - startMs) / 1_000) * perSecond; sent < due; ) {
      const one = send(sent++).catch((thrown: unknown) => void failures.push(String(thrown)));
      running.add(one);
      void one.finally(() => running.delete(one));
    }
  }, 20);
  return {
    failures,
    stop: async (): Promise<number> => {
      clearInterval(timer);
      await Promise.all(running);
      return sent;
    },
  };
}

interface Version {
  id: string;
  kind: string;
  rows: number;
  labelledRows: number;
}

async function liveVersions(project: string): Promise<Version[]> {
  const path = `/v1/projects/${project}/datasets`;
  const response = await either(0, (replica) => fetch(urlOf('MILLRACE_INGEST_HTTP_PORT', replica, path)));
  const { datasets } = (await response.json()) as { datasets: Version[] };
  return datasets.filter(({ kind }) => kind === 'live');
}

/** All rows and their labels are in versions; gives the ids. */
async function closedVersions(project: string, rows: number): Promise<string[]> {
  await until(
    async () => {
      await platform.run(['stream', 'close', project]);
      const versions = await liveVersions(project);
      return versions.reduce((sum, one) => sum + one.rows, 0) >= rows;
    },
    120_000,
    () => `the versions of ${project} do not have ${rows} rows\n${platform.logs(6)}`,
  );
  const versions = await liveVersions(project);
  expect(versions.reduce((sum, one) => sum + one.rows, 0)).toBe(rows);
  expect(versions.reduce((sum, one) => sum + one.labelledRows, 0)).toBe(rows);
  return versions.map(({ id }) => id);
}

/** Predictions in closed windows. */
async function watched(project: string): Promise<number> {
  const path = `/v1/projects/${project}/windows?limit=1000`;
  const response = await either(0, (replica) => fetch(urlOf('MILLRACE_MONITOR_HTTP_PORT', replica, path)));
  const { windows } = (await response.json()) as { windows: { cohorts: { predictions: number }[] }[] };
  return windows.reduce((sum, { cohorts }) => sum + (cohorts[0]?.predictions ?? 0), 0);
}

const HEALTH: Readonly<Record<string, PortSetting>> = {
  ingest: 'MILLRACE_INGEST_HTTP_PORT',
  trainer: 'MILLRACE_TRAINER_HTTP_PORT',
  serving: 'MILLRACE_SERVING_HTTP_PORT',
  monitor: 'MILLRACE_MONITOR_HTTP_PORT',
  router: 'MILLRACE_ROUTER_CONTROL_PORT',
};

/** Moments at which no process of a service was ready. */
function readinessWatch() {
  const outages: string[] = [];
  let isOver = false;
  const isReady = (setting: PortSetting, replica: number) =>
    fetch(urlOf(setting, replica, '/health/ready'), { signal: AbortSignal.timeout(10_000) }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.ok;
      },
      () => false,
    );
  const ended = (async () => {
    while (!isOver) {
      for (const [service, setting] of Object.entries(HEALTH)) {
        const ready = await Promise.all([isReady(setting, 0), isReady(setting, 1)]);
        if (!ready.includes(true)) outages.push(service);
      }
      await new Promise((wake) => setTimeout(wake, 250));
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      await ended;
      return outages;
    },
  };
}

beforeAll(async () => {
  platform = await Platform.atOffset(20_000, { MILLRACE_MONITOR_LABEL_IDLE: '1s' });
  up = platform.spawn(['up', '--workers', '1', '--replicas', REPLICAS]);
  await until(
    () => up.output().includes('Ctrl-C stops'),
    READY_WITHIN_MS,
    () => `${up.output()}\n${platform.logs(5)}`,
    up,
  );
  for (const name of ['loans', 'calm']) {
    const file = join(platform.home, `${name}.yaml`);
    writeFileSync(file, projectText(name));
    expect(await platform.run(['apply', file])).toMatchObject({ code: 0 });
  }
  const data = join(platform.home, 'loans.csv');
  writeFileSync(data, csv());
  expect(await platform.run(['ingest', 'loans', '--file', data])).toMatchObject({ code: 0 });
  expect(await platform.run(['train', 'loans'])).toMatchObject({ code: 0 });
  // By whichever router, of whichever serving.
  let inARow = 0;
  const serves = async () => {
    const answers = await Promise.all(
      [0, 1, 0, 1].map((replica) => fetch(urlOf('MILLRACE_ROUTER_HTTP_PORT', replica, '/v2/models/loans/ready'))),
    );
    inARow = answers.every(({ ok }) => ok) ? inARow + 1 : 0;
    return inARow >= 3;
  };
  await until(serves, SERVES_WITHIN_MS, () => `loans does not serve\n${platform.logs(6)}`);
}, 600_000);

afterAll(async () => {
  up?.child.kill('SIGTERM');
  await up?.finished;
  platform?.remove();
}, 60_000);

describe('two processes of every service', () => {
  it('are shown by status, each with what it holds', async () => {
    const { code, output } = await platform.run(['status', '--json']);
    expect([code, output]).toEqual([0, expect.any(String)]);
    const { services } = JSON.parse(output) as {
      services: { name: string; state: string; holds: Record<string, number[]> | null }[];
    };
    expect(services.map(({ name }) => name)).toEqual(
      ['ingest', 'trainer', 'serving', 'monitor', 'router'].flatMap((name) => [name, `${name}-1`]),
    );
    expect(services.map(({ state }) => state)).toEqual(Array(10).fill('ready'));
    const held = (name: string, topic: string) => services.find((one) => one.name === name)?.holds?.[topic] ?? [];
    for (const [service, topic] of [
      ['ingest', 'records.v1'],
      ['monitor', 'predictions.v1'],
      ['router', 'commands.v1'],
      ['trainer', 'commands.v1'],
    ] as const)
      expect([...held(service, topic), ...held(`${service}-1`, topic)].sort()).toEqual([0, 1, 2, 3]);
    // One trainer is at work, the other stands by.
    expect([held('trainer', 'drift.v1').length, held('trainer-1', 'drift.v1').length].sort()).toEqual([0, 4]);
  }, 60_000);

  it(
    'are restarted in turn under records, labels and predictions: nothing fails, nothing is lost or counted twice',
    async () => {
      const clients = [0, 1].map((replica) =>
        createClient(GRPCInferenceService, `127.0.0.1:${platform.ports.MILLRACE_ROUTER_GRPC_PORT + 100 * replica}`),
      );
      const before = await watched('loans');
      const predict = async (n: number): Promise<void> => {
        const { amount, income } = row(n);
        const values = { amount, income };
        const inputs = Object.entries(values).map(([name, value]) => ({
          ...{ name, datatype: 'FP64', shape: [1n] },
          contents: { fp64Contents: [value] },
        }));
        const request = { modelName: 'loans', id: `p${n}`, inputs };
        await either(n, (replica) =>
          (clients[replica] as (typeof clients)[0]).modelInfer(request, { deadlineMs: DEADLINE_MS }).catch((thrown) => {
            throw PlatformError.from(thrown);
          }),
        );
      };
      const predictions = flow(PER_SECOND, predict);
      const records = flow(PER_SECOND / BATCH, (n) => sendRows('loans', n * BATCH, (n + 1) * BATCH));
      const readiness = readinessWatch();
      const { code, output } = await platform.run(['restart', 'ingest', 'router', 'serving']);
      const [outages, predicted, batches] = [await readiness.stop(), await predictions.stop(), await records.stop()];
      expect([code, output]).toEqual([
        0,
        expect.stringContaining('restarted: ingest, ingest-1, router, router-1, serving'),
      ]);
      expect(predictions.failures).toEqual([]);
      expect(records.failures).toEqual([]);
      expect(outages).toEqual([]);
      for (const client of clients) client.close();

      // The same rows into a project that nothing happens to.
      for (let n = 0; n < batches; n++) await sendRows('calm', n * BATCH, (n + 1) * BATCH);
      const calm = await closedVersions('calm', batches * BATCH);
      expect(await closedVersions('loans', batches * BATCH)).toEqual(calm);
      await until(
        async () => (await watched('loans')) - before >= predicted,
        SERVES_WITHIN_MS,
        () => `not all of ${predicted} predictions are in windows`,
      );
      expect((await watched('loans')) - before).toBe(predicted);
    },
    RESTARTED_WITHIN_MS + 300_000,
  );
});
