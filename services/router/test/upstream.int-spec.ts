// The router before a V2 server that Millrace did not start: what its clients see is what that server says, whatever it
// does, and what it answered is in the prediction log as rows of the project.

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openArtifactStore } from '@millrace/artifacts';
import {
  decodePrediction,
  encodeModelVersion,
  encodeProject,
  GRPCInferenceService,
  inferencePb,
  type PredictionMessage,
} from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { type BytesAnswer, BytesClient } from '@millrace/grpc';
import { CompactedReader, ensureTopics, KafkaConnection, MessageProducer } from '@millrace/kafka';
import { parseProject } from '@millrace/project';
import { type DedicatedKafka, eventually, freePorts, startKafka, uniquePrefix } from '@millrace/testing';
import { RouterProcess, type RouterSettings } from './router-process.js';
import { StandInUpstream } from './stand-in-upstream.js';

const PROJECT = `name: sums
scope: { task: score }
data:
  columns: [{ name: x_0, type: number }, { name: x_1, type: number }]
features: [{ name: x_0, kind: numeric }, { name: x_1, kind: numeric }]
`;
/** Field 1023, a text of one character: what a newer protocol has, and nobody here knows. */
const UNKNOWN_FIELD = Buffer.from([0xfa, 0x3f, 0x01, 0x61]);
const MODEL = 'Sum_Model';
const INFER = `/${GRPCInferenceService.typeName}/ModelInfer`;
const { ModelInferRequestSchema, ModelInferResponseSchema, ModelStreamInferResponseSchema } = inferencePb;

let kafka: DedicatedKafka;
let connection: KafkaConnection;
let producer: MessageProducer;
let reader: CompactedReader;
let upstream: StandInUpstream;
let other: StandInUpstream;
let router: RouterProcess;
let settings: RouterSettings;
let client: BytesClient;
const logged: PredictionMessage[] = [];

function requestOf(rows: number[][], id = '', name = MODEL): Uint8Array {
  const x = Float32Array.from(rows.flat());
  const request = create(ModelInferRequestSchema, {
    modelName: name,
    id,
    parameters: { entity: { parameterChoice: { case: 'stringParam', value: 'customer-1' } } },
    inputs: [{ name: 'x', datatype: 'FP32', shape: [BigInt(rows.length), 2n] }],
    rawInputContents: [new Uint8Array(x.buffer)],
  });
  return Buffer.concat([toBinary(ModelInferRequestSchema, request), UNKNOWN_FIELD]);
}

function ask(
  request: Uint8Array,
  { withinMs = 10_000, headers = {} }: { withinMs?: number; headers?: Record<string, string> } = {},
): Promise<BytesAnswer> {
  const call = { path: INFER, deadlineAtMs: systemClock.monotonicMs() + withinMs, headers };
  return new Promise((done) => client.unary(call, request, done));
}

function sumOf({ status, message, response }: BytesAnswer): number {
  if (status !== 0) throw new Error(`${status} ${message}`);
  const [raw] = fromBinary(ModelInferResponseSchema, response).rawOutputContents;
  return Buffer.from(raw as Uint8Array).readFloatLE(0);
}

/** A counter of a router, over all its labels. */
async function metric(of: RouterProcess, name: string): Promise<number> {
  const { body } = await of.get('/metrics', of.metricsPort);
  const lines = String(body)
    .split('\n')
    .filter((line) => line.startsWith(`millrace_router_${name}_total`));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** As the trainer registers it: a package, and an announcement. Without the package: as a store that is away has it. */
async function announce(home: string, version: number, at: StandInUpstream, hasPackage = true): Promise<void> {
  const address = `127.0.0.1:${at.port}`;
  const packagePath = `models/sums/${version}`;
  const inputs = [
    { name: 'x_0', type: 'number' },
    { name: 'x_1', type: 'number' },
  ];
  const upstreamOf = { address, model: MODEL, version: '' };
  const files = {
    'manifest.json': JSON.stringify({ task: 'score', signature: { inputs } }),
    'binding.json': JSON.stringify({
      inputs: [{ tensor: 'x', datatype: 'FP32', shape: [2], columns: ['x_0', 'x_1'] }],
      outputs: [{ output: 'score', tensor: 'sum', datatype: 'FP32', shape: [1], index: 0, of: 'value' }],
      upstream: upstreamOf,
    }),
  };
  if (hasPackage) await openArtifactStore({ home }).putFolder(packagePath, files);
  const value = encodeModelVersion({
    ...{ project: 'sums', version, packagePath, modelSha256: `sha-${version}`, packageSha256: 'p' },
    ...{ blessed: true, reasons: [], verdict: '', warnings: [], championVersion: 0, baselines: [], slices: [] },
    ...{ datasetVersions: [], trainingId: '', workers: 0, seed: 0, createdAtMs: 1, correlationId: '' },
    ...{ trainRows: 0, trainSeconds: 0, origin: 'upstream', upstream: upstreamOf, labelRule: '' },
  });
  await producer.send('models.v1', [{ key: `sums/${version}`, value }]);
}

async function rollOut(version: number): Promise<void> {
  const { status, body } = await router.post('/v1/projects/sums/rollouts', { version, reason: 'test' });
  if (status !== 200) throw new Error(JSON.stringify(body));
}

beforeAll(async () => {
  kafka = await startKafka({ dedicated: true });
  const topicPrefix = uniquePrefix();
  connection = new KafkaConnection({ brokers: kafka.brokers, clientId: 'upstream-test', topicPrefix });
  producer = new MessageProducer(connection);
  await ensureTopics(connection);
  reader = new CompactedReader(connection, {
    name: 'upstream-test',
    topics: { 'predictions.v1': (_key, value) => void logged.push(decodePrediction(value as Buffer)) },
  });
  await reader.caughtUp();
  const parsed = parseProject(PROJECT, 'project.yaml');
  if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
  const entry = {
    name: 'sums',
    revision: 1,
    document: parsed.document,
    documentSha256: 'x',
    appliedAtMs: 1,
    labelRuleSinceMs: 0,
    earlierSchemas: [],
    createdAtMs: 0,
  };
  await producer.send('projects.v1', [{ key: 'sums', value: encodeProject(entry) }]);
  upstream = new StandInUpstream(MODEL);
  await upstream.start();
  other = new StandInUpstream(MODEL);
  await other.start();
  const home = await mkdtemp(join(tmpdir(), 'millrace-router-'));
  const [servingPort] = (await freePorts(1)) as [number];
  await announce(home, 1, upstream);
  settings = {
    ...{ brokers: kafka.brokers.join(','), topicPrefix, home, servingPort },
    env: {
      MILLRACE_ROUTER_UPSTREAM: `127.0.0.1:${upstream.port}`,
      MILLRACE_ROUTER_UPSTREAM_HTTP: `127.0.0.1:${upstream.httpPort}`,
    },
  };
  router = await RouterProcess.start(settings);
  client = new BytesClient(`127.0.0.1:${router.grpcPort}`, systemClock, 100_000_000);
  await router.until(async () => (await router.get('/v1/projects/sums/route')).status !== 500);
  await router.until(async () => rollOut(1).then(() => true));
  await announce(home, 2, other);
}, 120_000);

afterAll(async () => {
  client?.close();
  await reader?.close();
  await router?.stop();
  await upstream?.stop();
  await other?.stop();
  await producer?.close();
  await connection?.close();
  await kafka?.stop();
}, 60_000);

beforeEach(() => {
  upstream.behaviour = { kind: 'answer' };
});

describe('a client that changed nothing but the port', () => {
  it('sends and gets the very bytes, with its metadata and the time that it has left', async () => {
    const request = requestOf([[1, 2]], 'r-1');
    const answer = await ask(request, { headers: { authorization: 'Bearer t', 'x-tenant': '7' } });
    expect(Buffer.from(upstream.request).equals(request)).toBe(true);
    expect(Buffer.from(answer.response).equals(upstream.response)).toBe(true);
    expect(upstream.headers).toMatchObject({ authorization: 'Bearer t', 'x-tenant': '7' });
    expect(upstream.timeoutMs).toBeLessThanOrEqual(10_000);
    expect(upstream.timeoutMs).toBeGreaterThan(5_000);
    expect(sumOf(answer)).toBe(3);
  });

  it('gets the answer of the server to every other question', async () => {
    const inference = router.inference();
    expect(await inference.serverMetadata({})).toMatchObject({ name: 'stand-in', version: '7' });
    expect(await inference.serverLive({})).toMatchObject({ live: true });
    expect(await inference.serverReady({})).toMatchObject({ ready: true });
    expect(await inference.modelReady({ name: MODEL })).toMatchObject({ ready: true });
    expect((await inference.modelMetadata({ name: MODEL })).platform).toBe('sums');
    // Under the project's own name it is the same model.
    expect((await inference.modelMetadata({ name: 'sums' })).name).toBe(MODEL);
    await expect(inference.modelMetadata({ name: 'none' })).rejects.toMatchObject({
      code: 'not_found',
      reason: expect.stringContaining('no model is called none here'),
    });
    await expect(inference.modelConfig({ name: MODEL })).rejects.toMatchObject({ code: 'unimplemented' });
  });

  it('finds its rows in the log, as columns of the project with the number that is watched', async () => {
    await ask(
      requestOf(
        [
          [1, 2],
          [3, 4],
        ],
        'r-2',
      ),
    );
    const rows = await eventually('both rows are logged', () => {
      const found = logged.filter(({ predictionId }) => predictionId.startsWith('r-2/'));
      return found.length === 2 ? found : undefined;
    });
    const common = { project: 'sums', entity: 'customer-1', modelVersion: 1, modelSha256: 'sha-1', role: 'live' };
    expect(rows).toMatchObject([
      { ...common, predictionId: 'r-2/0', features: [1, 2], outputs: [{ name: 'score', value: 3 }] },
      { ...common, predictionId: 'r-2/1', features: [3, 4], outputs: [{ name: 'score', value: 7 }] },
    ]);
  });

  it('streams to the server, and is answered in its order', async () => {
    const got: string[] = [];
    const end = await new Promise<BytesAnswer>((ended) => {
      const path = `/${GRPCInferenceService.typeName}/ModelStreamInfer`;
      const deadlineAtMs = systemClock.monotonicMs() + 10_000;
      const open = client.stream(
        { path, deadlineAtMs, headers: {} },
        {
          message: (bytes) => got.push(fromBinary(ModelStreamInferResponseSchema, bytes).inferResponse?.id ?? ''),
          drained: () => undefined,
          end: ended,
        },
      );
      for (const id of ['a', 'b', 'c']) open.write(requestOf([[1, 1]], id));
      open.endWriting();
    });
    expect(end).toMatchObject({ status: 0 });
    expect(got).toEqual(['a', 'b', 'c']);
  });
});

describe('over REST', () => {
  const post = async (body: unknown, path = `/v2/models/${MODEL}/infer`) => {
    const response = await fetch(`http://127.0.0.1:${router.httpPort}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, header: response.headers.get('x-upstream'), text: await response.text() };
  };
  const body = (id: string) => ({ id, inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [5, 6] }] });

  it('gets the very text of the server, and is logged the same', async () => {
    const { status, header, text } = await post(body('rest-1'));
    expect([status, header]).toEqual([200, 'yes']);
    expect(text).toBe(
      `{"outputs": [{"data":[11],"shape":[1,1],"datatype":"FP32","name":"sum"}], "id": "rest-1", "model_name": "${MODEL}"}`,
    );
    const row = await eventually('it is logged', () => logged.find(({ predictionId }) => predictionId === 'rest-1/0'));
    expect(row).toMatchObject({ modelVersion: 1, features: [5, 6], outputs: [{ name: 'score', value: 11 }] });
  });

  it('gets every other answer of the server, and its refusals', async () => {
    const get = (path: string) => router.get(path, router.httpPort);
    expect(await get('/v2')).toMatchObject({ status: 200, body: { name: 'stand-in' } });
    expect((await get('/v2/health/ready')).status).toBe(200);
    expect(await get('/v2/nothing')).toMatchObject({ status: 404, body: { error: '/v2/nothing is not here' } });
  });

  it('takes the way of gRPC to a server whose REST address is not known', async () => {
    await rollOut(2);
    try {
      const before = other.calls;
      const { status, text } = await post(body('rest-2'));
      expect([status, JSON.parse(text).outputs[0].data]).toEqual([200, [11]]);
      expect(other.calls).toBe(before + 1);
      // An answer that says it has more numbers than it brings.
      const short = fromBinary(ModelInferResponseSchema, other.response);
      short.rawOutputContents = [Uint8Array.of(0, 0)];
      other.behaviour = { kind: 'bytes', response: toBinary(ModelInferResponseSchema, short) };
      const failed = async () => {
        const { body } = await router.get('/metrics', router.metricsPort);
        return Number(
          /^millrace_router_requests_total\{[^}]*version="2"[^}]*status="INTERNAL"[^}]*\} (\d+)/m.exec(
            String(body),
          )?.[1] ?? 0,
        );
      };
      expect(await failed()).toBe(0);
      const broken = await post(body('rest-3'));
      expect(broken.status).toBe(500);
      expect(JSON.parse(broken.text).error).toMatch(
        /^the upstream 127\.0\.0\.1:\d+ answered what cannot be read: tensor 'sum' carries 2 bytes/,
      );
      await eventually('it counts as the failure of the server', async () => (await failed()) === 1);
    } finally {
      other.behaviour = { kind: 'answer' };
      await router.post('/v1/projects/sums/promote', { version: 1 });
    }
  });
});

describe('a package that could not be read when its version was announced', () => {
  it('is read when it can be; until then answers are passed on and counted', async () => {
    await announce(settings.home as string, 3, upstream, false);
    await router.until(async () => rollOut(3).then(() => true));
    try {
      const before = await metric(router, 'predictions_unread');
      expect(sumOf(await ask(requestOf([[1, 2]], 'early')))).toBe(3);
      await eventually('it is counted', async () => (await metric(router, 'predictions_unread')) > before);
      const reading = openArtifactStore({ home: settings.home as string });
      const text = async (name: string) => (await reading.read(`models/sums/1/${name}`)).toString('utf8');
      const files = { 'manifest.json': await text('manifest.json'), 'binding.json': await text('binding.json') };
      await reading.putFolder('models/sums/3', files);
      const row = await eventually('its rows are logged', async () => {
        await ask(requestOf([[1, 2]], 'late'));
        return logged.find(({ modelVersion }) => modelVersion === 3);
      });
      expect(row).toMatchObject({ predictionId: 'late/0', features: [1, 2] });
    } finally {
      await router.post('/v1/projects/sums/promote', { version: 1 });
    }
  });
});

describe('a server that misbehaves', () => {
  it.each([
    [3, 'input tensor "y" is not of this model – größer'],
    [8, 'the queue is full'],
    [14, 'loading'],
    [16, 'who are you?'],
  ])('is told by its own status %d and message', async (status, message) => {
    upstream.behaviour = { kind: 'refuse', status, message };
    expect(await ask(requestOf([[1, 2]]))).toMatchObject({ status, message });
  });

  it('and is slow loses its call at the deadline, and hears of it', async () => {
    upstream.behaviour = { kind: 'silent' };
    const before = upstream.cancelled;
    expect(await ask(requestOf([[1, 2]]), { withinMs: 2_000 })).toMatchObject({ status: 4 });
    await eventually('the server hears of the end', () => upstream.cancelled > before);
  });

  it('hears of a client that takes its call back', async () => {
    upstream.behaviour = { kind: 'silent' };
    const [calls, before] = [upstream.calls, upstream.cancelled];
    const deadlineAtMs = Number.POSITIVE_INFINITY;
    const cancel = client.unary({ path: INFER, deadlineAtMs, headers: {} }, requestOf([[1, 2]]), () => undefined);
    await eventually('the call is there', () => upstream.calls > calls);
    cancel();
    await eventually('the server hears of it', () => upstream.cancelled > before);
  });

  it.each<[string, StandInUpstream['behaviour']]>([
    ['bytes that are none', { kind: 'bytes', response: Uint8Array.of(0xff, 0xff, 0xff) }],
    ['fewer values than rows', { kind: 'values', count: 1 }],
    ['no tensor', { kind: 'bytes', response: new Uint8Array(0) }],
    ['20 MB', { kind: 'values', count: 5_000_000 }],
  ])('and answers %s is passed on as it is, counted and not logged', async (_what, behaviour) => {
    upstream.behaviour = behaviour;
    const unread = () => metric(router, 'predictions_unread');
    const before = await unread();
    const answer = await ask(
      requestOf(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        'odd',
      ),
    );
    expect(answer.status).toBe(0);
    expect(Buffer.from(answer.response).equals(upstream.response)).toBe(true);
    await eventually('it is counted', async () => (await unread()) > before);
    expect(logged.filter(({ predictionId }) => predictionId.startsWith('odd'))).toEqual([]);
  });

  it('and dies is told as UNAVAILABLE with what to do, and is found again by itself', async () => {
    await upstream.kill();
    const away = await ask(requestOf([[1, 2]]));
    expect(away.status).toBe(14);
    expect(away.message).toMatch(
      new RegExp(`^the upstream 127.0.0.1:${upstream.port} does not answer .*as soon as it is started there$`),
    );
    await eventually('the router is not ready', async () => (await router.get('/health/ready')).status === 503);
    await upstream.start();
    expect(sumOf(await ask(requestOf([[1, 2]])))).toBe(3);
    await router.until(async () => (await router.get('/health/ready')).status === 200);
  });
});

describe('two servers behind one model', () => {
  it('share its requests by weight, and each row is logged as the version that answered', async () => {
    await rollOut(2);
    const weights = [
      { version: 1, weight: 50 },
      { version: 2, weight: 50 },
    ];
    await router.post('/v1/projects/sums/weights', { weights });
    const before = [upstream.calls, other.calls];
    await Promise.all(Array.from({ length: 60 }, (_, i) => ask(requestOf([[1, 1]], `w-${i}`))));
    expect(upstream.calls - (before[0] as number)).toBeGreaterThan(0);
    expect(other.calls - (before[1] as number)).toBeGreaterThan(0);
    const versions = await eventually('all are logged', () => {
      const rows = logged.filter(({ predictionId }) => predictionId.startsWith('w-'));
      return rows.length === 60 ? new Set(rows.map(({ modelVersion }) => modelVersion)) : undefined;
    });
    expect(versions).toEqual(new Set([1, 2]));
    await router.post('/v1/projects/sums/promote', { version: 1 });
  });
});

describe('the log of what an upstream answers', () => {
  it.each([
    ['predictions_sampled_out', { MILLRACE_ROUTER_LOG_SHARE: '0' }],
    ['predictions_dropped', { MILLRACE_ROUTER_LOG_ROWS: '2' }],
    ['predictions_dropped', { MILLRACE_ROUTER_LOG_BYTES: '100' }],
  ])('counts as %s what %j leaves out', async (counter, env) => {
    const one = await RouterProcess.start({ ...settings, env: { ...settings.env, ...env } });
    const asking = new BytesClient(`127.0.0.1:${one.grpcPort}`, systemClock, 1_000_000);
    try {
      await one.until(async () => (await one.get('/v1/projects/sums/route')).status === 200);
      const call = { path: INFER, deadlineAtMs: systemClock.monotonicMs() + 10_000, headers: {} };
      const request = requestOf(
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
        'left-out',
      );
      await new Promise((done) => asking.unary(call, request, done));
      await one.until(async () => (await metric(one, counter)) === 3);
    } finally {
      asking.close();
      await one.stop();
    }
  });
});

describe('without the broker', () => {
  it('requests go on, also after a restart of the router', async () => {
    await kafka.crash();
    expect(sumOf(await ask(requestOf([[1, 2]], 'dark')))).toBe(3);
    router.signal('SIGKILL');
    await router.exit;
    await router.start();
    expect(sumOf(await ask(requestOf([[2, 2]], 'darker')))).toBe(4);
    await kafka.restart();
    // What was answered in the dark reaches the log when the broker is back.
    await router.until(async () => (await metric(router, 'predictions_logged')) > 0, 90_000);
  }, 180_000);
});
