// Predictions through the real endpoints: split, stickiness, switches under load, serving killed, errors.

import { request as httpRequest } from 'node:http';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GRPCInferenceService, inferencePb } from '@millrace/contracts';
import { systemClock } from '@millrace/domain';
import { BytesClient } from '@millrace/grpc';
import { startKafka } from '@millrace/testing';
import { failures, inferRequest, type Load, type Outcome, startLoad } from './load.js';
import { Platform } from './platform.js';

let platform: Platform;

beforeAll(async () => {
  platform = await Platform.start((await startKafka()).brokers, { MILLRACE_ROUTER_REQUEST_BYTES_MAX: '1000000' });
  await platform.rollOut(1);
  await platform.rollOut(2);
}, 90_000);

afterAll(async () => {
  await platform?.stop();
}, 30_000);

/** A request waits so long for a serving that is away. */
const WAITS_MS = 1_900;
const SERVICE = `/${GRPCInferenceService.typeName}`;
const inferBytes = () =>
  toBinary(inferencePb.ModelInferRequestSchema, create(inferencePb.ModelInferRequestSchema, inferRequest('e')));
const cancelledFrames = () => platform.serving.frames.filter(({ cancelled }) => cancelled).length;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const answersSince = ({ outcomes }: Load, sinceMs: number) =>
  outcomes.filter(({ sentAtMs }) => sentAtMs > sinceMs).length;
/** The load is under way. */
const answers = (load: Load) => platform.router.until(() => load.outcomes.length > 20);
const post = (path: string, body: unknown) => platform.router.post(`/v1/projects/p/${path}`, body);

describe('traffic', () => {
  it('splits within 3 sigma, keeps every entity on its version, and a new weight moves only the difference', async () => {
    const client = platform.router.inference();
    const versionsOf = async (entities: readonly string[]) =>
      Promise.all(
        entities.map(
          async (entity) => (await client.modelInfer(inferRequest(entity), { deadlineMs: 20_000 })).modelVersion,
        ),
      );
    const entities = Array.from({ length: 2000 }, (_, i) => `entity-${i}`);
    const weights = (second: number) => ({
      weights: [
        { version: 1, weight: 100 - second },
        { version: 2, weight: second },
      ],
    });
    expect((await post('weights', weights(20))).status).toBe(200);
    const first = await versionsOf(entities);
    const second = first.filter((version) => version === '2').length;
    expect(Math.abs(second - 400)).toBeLessThan(3 * Math.sqrt(2000 * 0.2 * 0.8));
    expect(await versionsOf(entities)).toEqual(first);
    expect((await post('weights', weights(30))).status).toBe(200);
    const after = await versionsOf(entities);
    expect(first.every((version, i) => version === '1' || after[i] === '2')).toBe(true);
    await post('promote', { version: 2 });
  });

  it('switches under load without a failed request, in force before the command is answered', async () => {
    const load = startLoad(platform.router.inference(), 200);
    await answers(load);
    const moves = [
      await post('rollback', { reason: 'drill' }),
      await post('promote', { version: 2, reason: 'undo' }),
      await post('rollback', { reason: 'drill' }),
      await post('promote', { version: 2, reason: 'undo' }),
    ];
    const lastAtMs = performance.now();
    await platform.router.until(() => answersSince(load, lastAtMs) > 150);
    const outcomes = await load.stop();
    expect(failures(outcomes)).toEqual({});
    // How fast is measured by `npm run bench:router`.
    for (const { body } of moves) expect(body.switch.effectiveMs).toBeGreaterThanOrEqual(0);
    expect(outcomes.filter((outcome) => outcome.sentAtMs > lastAtMs && outcome.version !== '2')).toEqual([]);
    const { switches } = (await platform.router.get('/v1/projects/p/switches')).body;
    expect(switches.slice(-4).map((entry: { failed: number }) => entry.failed)).toEqual([0, 0, 0, 0]);
  });

  it('survives a killed serving: requests wait for it or are sent again, and the next succeed at once', async () => {
    const load = startLoad(platform.router.inference(), 150);
    await answers(load);
    platform.serving.stop();
    await pause(700);
    await platform.serving.start();
    const backAtMs = performance.now();
    await platform.router.until(() => answersSince(load, backAtMs) > 100);
    const outcomes = await load.stop();
    const late = outcomes.filter((outcome) => outcome.sentAtMs > backAtMs);
    expect(failures(late)).toEqual({});
    // Away for less than the waiting time even those sent meanwhile are answered. Where the machine made it longer,
    // what has waited for all of it is told so before serving is back.
    const isOver = ({ sentAtMs, ms }: Outcome) => ms >= WAITS_MS && sentAtMs + ms < backAtMs + 1_000;
    expect(failures(outcomes.filter((outcome) => !isOver(outcome)))).toEqual({});
    expect((await platform.router.get('/v1/stats')).body.relay.brokenStreams).toBeGreaterThan(0);
  });

  it('answers UNAVAILABLE within a bounded time while serving stays away', async () => {
    platform.serving.stop();
    await pause(100);
    // By the router, long before the caller's own deadline.
    const asked = platform.router.inference().modelInfer(inferRequest('e'), { deadlineMs: 25_000 });
    await expect(asked).rejects.toMatchObject({ code: 'unavailable' });
    await platform.serving.start();
    await platform.router.until(async () => (await platform.router.get('/health/ready')).status === 200);
  });

  it('forwards the deadline, and ends a request that serving holds too long', async () => {
    platform.serving.frames.splice(0);
    platform.serving.delayMs = 60_000;
    const client = platform.router.inference();
    const held = client.modelInfer(inferRequest('e'), { deadlineMs: 2_000 });
    await expect(held).rejects.toMatchObject({ code: 'deadline_exceeded' });
    const { deadlineMs } = platform.serving.frames.findLast((frame) => !frame.cancelled)!;
    expect(deadlineMs).toBeGreaterThan(0);
    expect(deadlineMs).toBeLessThanOrEqual(2_000);
    await platform.router.until(() => platform.serving.frames.at(-1)?.cancelled === true);
    platform.serving.delayMs = 0;
  });

  it.each<[string, (asked: () => Promise<void>) => Promise<void>]>([
    [
      'a call of gRPC that its caller takes back',
      async (asked) => {
        const client = new BytesClient(`127.0.0.1:${platform.router.grpcPort}`, systemClock, 1_000_000);
        const call = { path: `${SERVICE}/ModelInfer`, deadlineAtMs: Number.POSITIVE_INFINITY, headers: {} };
        const cancel = client.unary(call, inferBytes(), () => undefined);
        await asked();
        cancel();
        // The connection lives on: what ends is the call.
        await platform.router.until(() => cancelledFrames() > 0);
        client.close();
      },
    ],
    [
      'a stream of gRPC that its caller takes back',
      async (asked) => {
        const client = new BytesClient(`127.0.0.1:${platform.router.grpcPort}`, systemClock, 1_000_000);
        const call = { path: `${SERVICE}/ModelStreamInfer`, deadlineAtMs: Number.POSITIVE_INFINITY, headers: {} };
        const nothing = () => undefined;
        const stream = client.stream(call, { message: nothing, drained: nothing, end: nothing });
        stream.write(inferBytes());
        await asked();
        stream.cancel();
        await platform.router.until(() => cancelledFrames() > 0);
        client.close();
      },
    ],
    [
      'a caller of HTTP that disconnects',
      async (asked) => {
        const inputs = [{ name: 'x', shape: [1], datatype: 'FP64', data: [0] }];
        const options = { port: platform.router.httpPort, path: '/v2/models/p/infer', method: 'POST' };
        const asking = httpRequest({ ...options, headers: { 'content-type': 'application/json' } });
        asking.on('error', () => undefined);
        asking.end(JSON.stringify({ inputs }));
        await asked();
        asking.destroy();
      },
    ],
  ])('tells serving of %s', async (_what, ask) => {
    platform.serving.frames.splice(0);
    platform.serving.delayMs = 60_000;
    try {
      await ask(() => platform.router.until(() => platform.serving.frames.length > 0));
      await platform.router.until(() => cancelledFrames() > 0);
      const [asked, cancelled] = platform.serving.frames;
      expect([asked?.cancelled, cancelled?.cancelled, cancelled?.id]).toEqual([false, true, asked?.id]);
      expect((await platform.router.get('/v1/stats')).body.relay.inFlight).toBe(0);
    } finally {
      platform.serving.delayMs = 0;
    }
  });

  it('says what is wrong with a request', async () => {
    const client = platform.router.inference();
    const infer = (over: object) => client.modelInfer({ ...inferRequest('e'), ...over });
    await expect(infer({ modelName: 'nobody' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(infer({ modelName: '' })).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(infer({ modelVersion: '99' })).rejects.toMatchObject({ code: 'not_found' });
    await expect(infer({ modelVersion: 'x' })).rejects.toMatchObject({ code: 'invalid_argument' });
    const raw = (bytes: number) => infer({ rawInputContents: [new Uint8Array(bytes)] });
    await expect(raw(2_000_000)).rejects.toMatchObject({ code: 'overloaded' });
    expect((await raw(900_000)).modelVersion).toBe('2');
    expect((await infer({ modelVersion: '1' })).modelVersion).toBe('1');
    expect((await infer({ id: 'mine' })).id).toBe('mine');
    expect((await infer({})).id).not.toBe('');
    expect(await client.modelReady({ name: 'p' })).toMatchObject({ ready: true });
    expect((await client.modelMetadata({ name: 'p' })).versions).toEqual(['2']);
  });

  it('answers a stream of requests, errors among them, and ends it when the client does', async () => {
    const stream = platform.router.inference().modelStreamInfer();
    const answers: inferencePb.ModelStreamInferResponse[] = [];
    const ended = new Promise<void>((resolve, reject) => stream.on('end', resolve).on('error', reject));
    stream.on('data', (answer: inferencePb.ModelStreamInferResponse) => answers.push(answer));
    const send = (over: object) =>
      stream.write(create(inferencePb.ModelInferRequestSchema, { ...inferRequest('e'), ...over }));
    for (let i = 0; i < 300; i++) send({ id: `s${i}` });
    send({ modelName: 'nobody' });
    stream.end();
    await ended;
    expect(new Set(answers.map((answer) => answer.inferResponse?.id)).size).toBe(301);
    expect(answers.filter((answer) => answer.errorMessage.includes("'nobody' is not known"))).toHaveLength(1);
  });

  it('takes REST, JSON and binary, with the same split and errors', async () => {
    const { router } = platform;
    const body = { inputs: [{ name: 'x', datatype: 'FP64', shape: [1], data: [1.5] }] };
    const json = await router.post('/v2/models/p/infer', body, router.httpPort);
    expect(json).toMatchObject({ status: 200, body: { model_name: 'p', model_version: '2' } });
    const head = JSON.stringify({
      inputs: [{ name: 'x', datatype: 'FP64', shape: [1], parameters: { binary_data_size: 8 } }],
      parameters: { binary_data_output: true },
    });
    const response = await fetch(`http://127.0.0.1:${router.httpPort}/v2/models/p/versions/1/infer`, {
      method: 'POST',
      headers: { 'inference-header-content-length': String(head.length), 'millrace-entity': 'ORD' },
      body: Buffer.concat([Buffer.from(head), Buffer.alloc(8)]),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    const length = Number(response.headers.get('inference-header-content-length'));
    expect(JSON.parse(bytes.subarray(0, length).toString())).toMatchObject({ model_version: '1' });
    expect(bytes.subarray(length).readFloatLE(0)).toBeCloseTo(0.1);
    expect(platform.serving.frames.at(-1)?.entity).toBe('ORD');
    const post = async (path: string, text: string) => (await router.post(path, text, router.httpPort)).status;
    expect(await post('/v2/models/nobody/infer', JSON.stringify(body))).toBe(404);
    expect(await post('/v2/models/p/infer', '{garbage')).toBe(400);
    expect(await post('/v2/models/p/infer', `{"inputs":"${'x'.repeat(2_000_000)}"}`)).toBe(400);
    expect((await router.get('/v2/models/p/infer', router.httpPort)).status).toBe(405);
    expect((await router.get('/v2/health/ready', router.httpPort)).status).toBe(200);
    expect((await router.get('/nothing', router.httpPort)).status).toBe(404);
  });

  it('traces a sampled request and passes its context on', async () => {
    const client = platform.router.inference();
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    await client.modelInfer(inferRequest('e'), { metadata: { traceparent } });
    const seen = platform.serving.frames.at(-1)?.traceparent ?? '';
    expect(seen).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
    expect(seen).not.toBe(traceparent);
  });

  it('ends on SIGTERM with exit code 0 and without a failed request', async () => {
    platform.serving.delayMs = 1_000;
    platform.serving.frames.splice(0);
    const load = startLoad(platform.router.inference(), 100);
    await answers(load);
    const accepted = load.stop();
    // One that is still on its way to the router may find its port closed; all are in serving's hands.
    await platform.router.until(() => platform.serving.frames.length >= load.sent);
    platform.router.signal('SIGTERM');
    expect(failures(await accepted)).toEqual({});
    expect(await platform.router.exit).toBe(0);
    platform.serving.delayMs = 0;
  });
});
