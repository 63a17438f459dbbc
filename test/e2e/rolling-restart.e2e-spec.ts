// docs/several-processes.md: two processes of every service on one machine, told apart by `status`; and those of router
// and serving ended and started again in turn while predictions flow: a client that knows both addresses sees no failed
// request.

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
/** A slice of what the machine can, for it does everything else, too. */
const PER_SECOND = 100;
const ROWS = 2_000;
const DEADLINE_MS = 20_000;

const PROJECT = `name: loans
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

function row(i: number): { amount: number; income: number } {
  const rng = seededRng(1_000 + i);
  return { amount: rng.normal(), income: rng.normal() };
}

function csv(): string {
  const lines = Array.from({ length: ROWS }, (_, i) => {
    const { amount, income } = row(i);
    const at = new Date(Date.UTC(2026, 0, 1) + i * 60_000).toISOString();
    return [`h${i}`, at, `c${i % 50}`, amount, income, amount * 2 > income].join(',');
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

beforeAll(async () => {
  platform = await Platform.atOffset(20_000, { MILLRACE_MONITOR_LABEL_IDLE: '1s' });
  up = platform.spawn(['up', '--workers', '1', '--replicas', REPLICAS]);
  await until(
    () => up.output().includes('Ctrl-C stops'),
    READY_WITHIN_MS,
    () => `${up.output()}\n${platform.logs(5)}`,
    up,
  );
  const file = join(platform.home, 'loans.yaml');
  writeFileSync(file, PROJECT);
  expect(await platform.run(['apply', file])).toMatchObject({ code: 0 });
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
    'of router and serving are restarted in turn under predictions, and none of them fails',
    async () => {
      const clients = [0, 1].map((replica) =>
        createClient(GRPCInferenceService, `127.0.0.1:${platform.ports.MILLRACE_ROUTER_GRPC_PORT + 100 * replica}`),
      );
      const predict = async (n: number): Promise<void> => {
        const { amount, income } = row(n);
        const inputs = Object.entries({ amount, income }).map(([name, value]) => ({
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
      const { code, output } = await platform.run(['restart', 'router', 'serving']);
      expect(await predictions.stop()).toBeGreaterThan(PER_SECOND);
      expect([code, output]).toEqual([0, expect.stringContaining('restarted: router, router-1, serving, serving-1')]);
      expect(predictions.failures).toEqual([]);
      for (const client of clients) client.close();
    },
    RESTARTED_WITHIN_MS,
  );
});
