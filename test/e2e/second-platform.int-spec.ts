// docs/settings.md, "A second platform beside the first": two platforms by the real command, moved by their offsets
// alone; the second with settings of services, a path and hosts of its own. And a second replica of a router, by hand.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LOANS_PROJECT } from '@millrace/testing';
import { Platform, until } from './support/platform.process.js';

type Started = ReturnType<Platform['spawn']>;

const READY_WITHIN_MS = 300_000;
/** Above the fault suite's; Kafka, at 19092 + this, below the ports that the system gives to outgoing connections. */
const OFFSETS = [10_000, 13_000] as const;
const SERVING_HOST = '127.0.0.2';
const ROUTER_HOST = '127.0.0.3';

let first: Platform;
let second: Platform;
const started: Started[] = [];

async function up(platform: Platform): Promise<void> {
  const one = platform.spawn(['up', '--workers', '1']);
  started.push(one);
  await until(
    () => one.output().includes('Ctrl-C stops'),
    READY_WITHIN_MS,
    () => `the platform did not come up:\n${one.output()}\n${platform.logs()}`,
    one,
  );
}

const statusOf = async (url: string, init?: RequestInit): Promise<number> => {
  const answer = await fetch(url, init);
  await answer.arrayBuffer();
  return answer.status;
};

beforeAll(async () => {
  first = await Platform.atOffset(OFFSETS);
  await up(first);
  second = await Platform.atOffset(OFFSETS, {
    MILLRACE_SERVING_REPOSITORY: 'examples/model-repository',
    MILLRACE_SERVING_HOST: SERVING_HOST,
    MILLRACE_ROUTER_LISTEN_HOST: ROUTER_HOST,
    MILLRACE_INGEST_REQUEST_BYTES_MAX: '1024',
  });
  await up(second);
}, 2 * READY_WITHIN_MS);

afterAll(async () => {
  for (const { child } of started) child.kill('SIGTERM');
  await Promise.all(started.map(({ finished }) => finished));
  for (const platform of [first, second]) platform?.remove();
}, 60_000);

describe('two platforms on one machine', () => {
  it('answer each at its own ports', async () => {
    expect(await statusOf(first.url('MILLRACE_ROUTER_HTTP_PORT', '/v2/health/live'))).toBe(200);
    expect(await statusOf(second.url('MILLRACE_ROUTER_HTTP_PORT', '/v2/health/live', ROUTER_HOST))).toBe(200);
    expect(second.ports.MILLRACE_KAFKA_PORT).not.toBe(first.ports.MILLRACE_KAFKA_PORT);
    for (const platform of [first, second]) {
      const { code, output } = await platform.run(['status', '--json']);
      expect([code, output]).toEqual([0, expect.stringContaining('{')]);
    }
  });

  it('know each its own projects, and forget one that is deleted', async () => {
    const file = join(first.home, 'loans.yaml');
    writeFileSync(file, LOANS_PROJECT);
    expect(await first.run(['apply', file])).toMatchObject({
      code: 0,
      output: expect.stringContaining('applied loans'),
    });
    const named = async (platform: Platform) => {
      const { output } = await platform.run(['projects', 'list', '--json']);
      return (JSON.parse(output) as { name: string }[]).map(({ name }) => name);
    };
    expect([await named(first), await named(second)]).toEqual([['loans'], []]);
    const record = () =>
      statusOf(first.url('MILLRACE_INGEST_HTTP_PORT', '/v1/projects/loans/records'), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ recordId: 'a', at: '2026-01-01', customer: 'c', amount: 1 }),
      });
    expect(await record()).toBe(200);
    expect(await first.run(['projects', 'delete', 'loans'])).toMatchObject({
      code: 2,
      output: expect.stringContaining('add --yes'),
    });
    expect(await first.run(['projects', 'delete', 'loans', '--yes'])).toMatchObject({ code: 0 });
    expect([await named(first), await record()]).toEqual([[], 404]);
    // The trainer hears of it from ingest.
    const isForgotten = async () => (await first.run(['loop', 'loans'])).code === 4;
    await until(isForgotten, 60_000, () => first.logs());
    expect(await first.run(['projects', 'delete', 'loans', '--yes'])).toMatchObject({ code: 4 });
    expect(await first.run(['apply', file])).toMatchObject({ code: 0, output: expect.stringContaining('revision 1') });
  }, 120_000);

  it('have each its own settings: a folder of models, hosts, bounds', async () => {
    const index = async (url: string) =>
      ((await (await fetch(url, { method: 'POST' })).json()) as { name: string }[]).map(({ name }) => name);
    expect(await index(first.url('MILLRACE_SERVING_HTTP_PORT', '/v2/repository/index'))).toEqual([]);
    const models = await index(second.url('MILLRACE_SERVING_HTTP_PORT', '/v2/repository/index', SERVING_HOST));
    expect(models.length).toBeGreaterThan(0);
    await expect(fetch(second.url('MILLRACE_SERVING_HTTP_PORT', '/v2'))).rejects.toThrow();

    const large = {
      method: 'POST',
      body: `{"x":"${'x'.repeat(2_000)}"}`,
      headers: { 'content-type': 'application/json' },
    };
    const statusAt = (platform: Platform) =>
      statusOf(platform.url('MILLRACE_INGEST_HTTP_PORT', '/v1/projects/none/records'), large);
    expect(await statusAt(second)).toBe(413);
    expect(await statusAt(first)).toBe(404);
  });

  it('take a second replica of a router, at its base + 100', async () => {
    const replica = first.program('dist/services/router/src/main.js', { MILLRACE_REPLICA: '1' });
    started.push(replica);
    const at = (port: number) => `http://127.0.0.1:${port + 100}`;
    const { MILLRACE_ROUTER_HTTP_PORT: http, MILLRACE_ROUTER_CONTROL_PORT: control } = first.ports;
    const isReady = () =>
      statusOf(`${at(control)}/health/ready`).then(
        (status) => status === 200,
        () => false,
      );
    await until(isReady, 60_000, () => replica.output());
    expect(await statusOf(`${at(http)}/v2/health/live`)).toBe(200);
  });
});
