// `millrace watch` before a real MLServer and a real pytriton, by the real command: a client that changes nothing but
// the port gets the same bytes, statuses and texts, and a shift of what it sends is told as drift.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GRPCInferenceService } from '@millrace/contracts';
import { seededRng, systemClock } from '@millrace/domain';
import { type BytesAnswer, BytesClient } from '@millrace/grpc';
import { encodeInferRequest, Tensor } from '@millrace/inference';
import { GRPC_STATUS } from '@millrace/routing';
import { type Finished, Platform, until } from './support/platform.process.js';
import { type Peer, startUpstream, type Upstream } from './support/upstreams.process.js';

const READY_WITHIN_MS = 300_000;
const WINDOW_S = 3;
/** A window is tested from 500 rows on. */
const ROWS_A_CALL = 50;
const CALLS_A_SECOND = 8;
const DRIFT_WITHIN_MS = 90_000;
/** Of support/upstream_mlserver.py. */
const BUSY = 429;
const INFER = `/${GRPCInferenceService.typeName}/ModelInfer`;

const work = mkdtempSync(join(tmpdir(), 'millrace-watch-'));
afterAll(() => rmSync(work, { recursive: true, force: true, maxRetries: 5 }));

function rowsOf(count: number, seed: number, shift = 0): number[][] {
  const rng = seededRng(seed);
  return Array.from({ length: count }, () => Array.from({ length: 4 }, (_, i) => rng.normal() + (i === 2 ? shift : 0)));
}

function requestOf(rows: readonly (readonly number[])[], id: string, tensor = 'x'): Uint8Array {
  const shape = [rows.length, rows[0]?.length ?? 0];
  return encodeInferRequest({
    modelName: 'Sum_Model',
    modelVersion: '',
    id,
    parameters: {},
    inputs: [Tensor.of(tensor, 'FP32', shape, Float32Array.from(rows.flat()))],
    outputs: [],
  });
}

const clients: BytesClient[] = [];
afterAll(() => {
  for (const client of clients) client.close();
});

function clientAt(port: number): BytesClient {
  const client = new BytesClient(`127.0.0.1:${port}`, systemClock, 10_000_000);
  clients.push(client);
  return client;
}

function ask(client: BytesClient, request: Uint8Array, path = INFER): Promise<BytesAnswer> {
  const deadlineAtMs = systemClock.monotonicMs() + 20_000;
  return new Promise((done) => client.unary({ path, deadlineAtMs, headers: {} }, request, done));
}

// pytriton lists its models only for those who hold the token that it makes at each start.
describe.each<[Peer, { listsModels: boolean; watchesDrift: boolean }]>([
  ['mlserver', { listsModels: true, watchesDrift: true }],
  ['pytriton', { listsModels: false, watchesDrift: false }],
])('before %s', (peer, { listsModels, watchesDrift }) => {
  let upstream: Upstream;
  let platform: Platform;
  let watch: ReturnType<Platform['spawn']>;
  let direct: BytesClient;
  let through: BytesClient;
  let refusal: Finished | undefined;
  const reference = join(work, `${peer}.csv`);
  const rest = (port: number, body: object | string, path = '/v2/models/Sum_Model/infer') =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }).then(async (answer) => [answer.status, await answer.text()]);

  beforeAll(async () => {
    upstream = await startUpstream(peer, work);
    platform = await Platform.create();
    const lines = rowsOf(2_000, 1).map((row) => row.join(','));
    writeFileSync(reference, ['x_0,x_1,x_2,x_3', ...lines].join('\n'));
    const command = ['watch', '--upstream', `127.0.0.1:${upstream.grpcPort}`];
    command.push('--upstream-http', `127.0.0.1:${upstream.httpPort}`, '--window', `${WINDOW_S}s`);
    command.push('--reference', reference);
    if (!listsModels) {
      refusal = await platform.run(command);
      command.push('--model', 'Sum_Model');
    }
    watch = platform.spawn(command);
    await until(
      () => watch.output().includes('Ctrl-C stops'),
      READY_WITHIN_MS,
      () => `${watch.output()}\n${platform.logs()}\n${upstream.output()}`,
      watch,
    );
    direct = clientAt(upstream.grpcPort);
    through = clientAt(platform.ports.MILLRACE_ROUTER_GRPC_PORT);
  }, 2 * READY_WITHIN_MS);

  afterAll(async () => {
    watch?.child.kill('SIGTERM');
    await watch?.finished;
    await upstream?.stop();
    platform?.remove();
  }, 60_000);

  if (!listsModels)
    it('asks for the names of models that the server does not list', () => {
      expect(refusal?.output).toContain('does not list its models');
      expect(refusal?.output).toContain('name them with --model');
      expect(refusal?.code).toBe(2);
    });

  it('says where clients are to point, what it took for what, and which command is next', () => {
    const output = watch.output();
    expect(output).toContain(`gRPC 127.0.0.1:${platform.ports.MILLRACE_ROUTER_GRPC_PORT}`);
    expect(output).toContain('Sum_Model as project sum-model, version 1');
    expect(output).toContain("x_0 … x_3 from 'x' FP32 [N,4]");
    expect(output).toMatch(/score is sum\[0\] of 'sum' FP32 \[N,1\]/);
    expect(output).toContain('Next: millrace drift sum-model');
    expect(output).not.toContain('serving');
  });

  it('counts nothing as down that watch does not start', async () => {
    const { code, output } = await platform.run(['status']);
    expect(output).toMatch(/serving .* not started here/);
    expect(code).toBe(0);
  });

  it('gives the very bytes of the server', async () => {
    for (const count of [1, 3, 40]) {
      const request = requestOf(rowsOf(count, count), `same-${count}`);
      const [there, here] = [await ask(direct, request), await ask(through, request)];
      expect(there).toMatchObject({ status: 0 });
      expect(Buffer.from(here.response).equals(there.response)).toBe(true);
    }
  });

  it('gives its refusals and metadata as they are', async () => {
    for (const request of [requestOf([[1, 2, 3]], 'narrow'), requestOf([[1, 2, 3, 4]], 'named', 'y')]) {
      const [there, here] = [await ask(direct, request), await ask(through, request)];
      expect([here.status, here.message]).toEqual([there.status, there.message]);
    }
    const service = INFER.replace(/ModelInfer$/, '');
    // ModelMetadataRequest{1 name}; the empty request of the others.
    const named = Buffer.concat([Buffer.from([0x0a, 9]), Buffer.from('Sum_Model')]);
    for (const [method, request] of [
      ['ServerMetadata', Buffer.alloc(0)],
      ['ServerReady', Buffer.alloc(0)],
      ['ModelMetadata', named],
      ['ModelReady', named],
    ] as const) {
      const [there, here] = await Promise.all(
        [direct, through].map((client) => ask(client, request, service + method)),
      );
      expect([method, here?.status, Buffer.from(here?.response ?? []).toString('hex')]).toEqual([
        ...[method, there?.status, Buffer.from(there?.response ?? []).toString('hex')],
      ]);
    }
  });

  if (peer === 'mlserver')
    it('counts what the server knows no status for as its own failure, and a refused shape as the caller’s', async () => {
      const failures = async () => {
        const url = platform.url('MILLRACE_ROUTER_CONTROL_PORT', '/v1/stats?project=sum-model');
        return ((await (await fetch(url)).json()) as { failures: number }).failures;
      };
      const before = await failures();
      expect(await ask(through, requestOf([[1, 2, 3]], 'narrow'))).toMatchObject({
        status: GRPC_STATUS.INVALID_ARGUMENT,
      });
      expect(await failures()).toBe(before);
      // MLServer has no gRPC status for HTTP's 429.
      expect(await ask(through, requestOf([[BUSY, 2, 3, 4]], 'busy'))).toMatchObject({ status: GRPC_STATUS.UNKNOWN });
      expect(await failures()).toBe(before + 1);
    });

  it('gives the very text over REST, also of a refusal', async () => {
    const body = { id: 'rest', inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 2, 3, 4] }] };
    for (const sent of [body, { ...body, inputs: [] }, '{']) {
      const there = await rest(upstream.httpPort, sent);
      expect(await rest(platform.ports.MILLRACE_ROUTER_HTTP_PORT, sent)).toEqual(there);
    }
    expect((await rest(upstream.httpPort, body))[0]).toBe(200);
  });

  if (watchesDrift)
    it('tells a shift of what clients send as drift of that column, and of no other', async () => {
      // Refusals of before are failures of the server, which @software tells.
      const events = async () => {
        const all = JSON.parse((await platform.run(['events', 'sum-model', '--json'])).output) as { feature: string }[];
        return all.filter(({ feature }) => feature.startsWith('x_'));
      };
      const windows = async () =>
        JSON.parse((await platform.run(['drift', 'sum-model', '--json'])).output) as unknown[];
      let shift = 0;
      let calls = 0;
      let failed = 0;
      const sender = setInterval(() => {
        const request = requestOf(rowsOf(ROWS_A_CALL, 100 + calls++, shift), `live-${calls}`);
        void ask(through, request).then(({ status }) => {
          if (status !== 0) failed += 1;
        });
      }, 1_000 / CALLS_A_SECOND);
      try {
        await until(
          async () => (await windows()).length >= 2,
          DRIFT_WITHIN_MS,
          () => platform.logs(),
        );
        expect(await events()).toEqual([]);
        shift = 2;
        await until(
          async () => (await events()).some(({ feature }) => feature === 'x_2'),
          DRIFT_WITHIN_MS,
          () => platform.logs(),
        );
      } finally {
        clearInterval(sender);
      }
      expect(failed).toBe(0);
      expect(new Set((await events()).map(({ feature }) => feature))).toEqual(new Set(['x_2']));
    }, 200_000);
});
