// Serving as a real process with a real broker: answers over gRPC, REST and the relay stream, refuses what is wrong,
// keeps old versions when a package is bad, switches under load, logs every prediction.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodePrediction, GRPCInferenceService, Health, healthPb, type PredictionMessage } from '@millrace/contracts';
import { outputValue } from '@millrace/domain';
import { RowEncoder } from '@millrace/features';
import { createClient, type GrpcClient } from '@millrace/grpc';
import { encodeInferRequest, Tensor } from '@millrace/inference';
import { CompactedReader } from '@millrace/kafka';
import { eventually, startKafka, uniquePrefix } from '@millrace/testing';
import { forward } from './onnx-fixture.js';
import { type FixturePackage, PLAN, projectOf, writePackage } from './package-fixture.js';
import {
  ControlWriter,
  InferClient,
  type Row,
  requestOf,
  type ServingProcess,
  startServing,
  untilLoaded,
  untilReady,
} from './serving-process.js';

const MODEL = 'demo';
const EVENT_TIME_MS = Date.UTC(2001, 2, 4, 17, 30);

const encoder = new RowEncoder(PLAN);

function expectedOf({ weights }: FixturePackage, row: Row): number {
  const encoded = new Float32Array(PLAN.width);
  encoder.encodeRow([row.distance, row.hour ?? null, row.origin, row.flag], encoded, 0);
  return forward(weights, encoded);
}

const rowOf = (n: number): Row => ({
  distance: (n % 97) / 10,
  hour: n % 24,
  origin: ['JFK', 'LAX', 'ORD', 'XXX'][n % 4] as string,
  flag: n % 3 === 0,
});

describe('serving', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-serving-'));
  const prefix = uniquePrefix();
  const packages = new Map<number, FixturePackage>();
  let control: ControlWriter;
  let serving: ServingProcess;
  let client: InferClient;
  let api: GrpcClient<typeof GRPCInferenceService>;
  let reader: CompactedReader;
  const logged = new Map<string, PredictionMessage>();
  const traceparents: string[] = [];

  beforeAll(async () => {
    const { brokers } = await startKafka();
    control = new ControlWriter(brokers, prefix);
    await control.ensureTopics();
    packages.set(1, writePackage(home, MODEL, 1));
    await control.project(MODEL, projectOf(MODEL));
    await control.route(MODEL, [1]);
    serving = await startServing({ home, brokers, topicPrefix: prefix });
    await untilReady(serving);
    await untilLoaded(serving, MODEL, 1);
    client = new InferClient(serving.grpc);
    api = createClient(GRPCInferenceService, serving.grpc);
    reader = new CompactedReader(control.kafka, {
      name: 'predictions-test',
      topics: {
        'predictions.v1': (_key, value) => {
          if (value === null) return;
          const prediction = decodePrediction(value);
          logged.set(prediction.predictionId, prediction);
          if (prediction.traceId !== '') traceparents.push(prediction.traceId);
        },
      },
    });
    await reader.caughtUp();
  }, 120_000);

  afterAll(async () => {
    client?.close();
    api?.close();
    await reader?.close();
    await serving?.stop();
    await control?.close();
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  it('says what it serves', async () => {
    expect(await api.serverLive({})).toMatchObject({ live: true });
    expect(await api.serverReady({})).toMatchObject({ ready: true });
    expect(await api.modelReady({ name: MODEL, version: '1' })).toMatchObject({ ready: true });
    expect(await api.modelReady({ name: MODEL, version: '9' })).toMatchObject({ ready: false });
    expect(await api.modelReady({ name: 'nobody' })).toMatchObject({ ready: false });
    const metadata = await api.modelMetadata({ name: MODEL });
    expect(metadata).toMatchObject({ name: MODEL, versions: ['1'], platform: 'onnxruntime_onnx' });
    expect(metadata.inputs.map(({ name, datatype }) => [name, datatype])).toEqual([
      ['distance', 'FP64'],
      ['hour', 'INT64'],
      ['origin', 'BYTES'],
      ['flag', 'BOOL'],
    ]);
    expect((await api.modelConfig({ name: MODEL })).config).toMatchObject({ name: MODEL, maxBatchSize: 64 });
    const rest = await serving.json(`/v2/models/${MODEL}`);
    expect(rest.body.outputs).toEqual([
      { name: 'probability', datatype: 'FP32', shape: [-1] },
      { name: 'label', datatype: 'BYTES', shape: [-1] },
    ]);
    const health = createClient(Health, serving.grpc);
    expect((await health.check({})).status).toBe(healthPb.HealthCheckResponse_ServingStatus.SERVING);
    health.close();
  });

  it('answers what the model computes, over gRPC and REST alike', async () => {
    const rows = [rowOf(1), rowOf(2), rowOf(3)];
    const expected = rows.map((row) => expectedOf(packages.get(1)!, row));
    const answer = await client.infer(requestOf(MODEL, rows, { id: 'three' }));
    expect([answer.modelName, answer.modelVersion, answer.id]).toEqual([MODEL, '1', 'three']);
    const [probability, label] = answer.outputs;
    for (const [i, value] of expected.entries()) expect(probability!.number(i)).toBeCloseTo(value, 5);
    expect(label!.texts()).toEqual(expected.map((p) => (p >= 0.5 ? '1' : '0')));
    const rest = await serving.json(`/v2/models/${MODEL}/versions/1/infer`, {
      method: 'POST',
      body: JSON.stringify({
        id: 'rest',
        inputs: [
          { name: 'distance', datatype: 'FP64', shape: [3, 1], data: rows.map((row) => [row.distance]) },
          { name: 'hour', datatype: 'INT64', shape: [3], data: rows.map((row) => row.hour) },
          { name: 'origin', datatype: 'BYTES', shape: [3], data: rows.map((row) => row.origin) },
          { name: 'flag', datatype: 'BOOL', shape: [3], data: rows.map((row) => row.flag) },
        ],
        outputs: [{ name: 'probability' }],
      }),
    });
    expect(rest.body).toMatchObject({ id: 'rest', model_name: MODEL, model_version: '1' });
    expect(rest.body.outputs).toHaveLength(1);
    for (const [i, value] of expected.entries()) expect(rest.body.outputs[0].data[i]).toBeCloseTo(value, 5);
  });

  it('answers binary tensors over REST', async () => {
    const row = rowOf(5);
    const tensors = requestOf(MODEL, [row]).inputs;
    const head = JSON.stringify({
      parameters: { binary_data_output: true },
      inputs: tensors.map(({ name, datatype, shape, byteLength }) => ({
        name,
        datatype,
        shape,
        parameters: { binary_data_size: byteLength },
      })),
    });
    const response = await fetch(`${serving.http}/v2/models/${MODEL}/infer`, {
      method: 'POST',
      headers: { 'inference-header-content-length': String(head.length), 'content-type': 'application/octet-stream' },
      body: Buffer.concat([Buffer.from(head), ...tensors.map((tensor) => tensor.rawBytes())]),
    });
    const body = Buffer.from(await response.arrayBuffer());
    const length = Number(response.headers.get('inference-header-content-length'));
    const json = JSON.parse(body.subarray(0, length).toString());
    expect(json.outputs[0]).toMatchObject({ name: 'probability', parameters: { binary_data_size: 4 } });
    expect(body.readFloatLE(length)).toBeCloseTo(expectedOf(packages.get(1)!, row), 5);
  });

  it('derives what the request leaves out from its event time', async () => {
    const row: Row = { distance: 2, origin: 'JFK', flag: true };
    const answer = await client.infer(
      requestOf(MODEL, [row], { parameters: { event_time_ms: BigInt(EVENT_TIME_MS) } }),
    );
    expect(answer.outputs[0]!.number(0)).toBeCloseTo(expectedOf(packages.get(1)!, { ...row, hour: 17 }), 5);
  });

  it('gives each of many concurrent callers its own rows, ids and outputs', async () => {
    const before = (await api.modelStatistics({ name: MODEL, version: '1' })).modelStats[0]!;
    const calls = Array.from({ length: 400 }, async (_, n) => {
      const rows = Array.from({ length: 1 + (n % 5) }, (_, i) => rowOf(n * 7 + i));
      const only = n % 3 === 0 ? 'label' : n % 3 === 1 ? 'probability' : '';
      const outputs = only === '' ? [] : [{ name: only, parameters: {} }];
      const answer = await client.infer(requestOf(MODEL, rows, { id: `c${n}`, outputs }));
      expect(answer.id).toBe(`c${n}`);
      expect(answer.outputs.map((output) => output.name)).toEqual(only === '' ? ['probability', 'label'] : [only]);
      for (const output of answer.outputs) {
        expect(output.shape).toEqual([rows.length]);
        rows.forEach((row, i) => {
          const expected = expectedOf(packages.get(1)!, row);
          if (output.name === 'probability') expect(output.number(i)).toBeCloseTo(expected, 5);
          else expect(output.texts()[i]).toBe(expected >= 0.5 ? '1' : '0');
        });
      }
    });
    await Promise.all(calls);
    const after = (await api.modelStatistics({ name: MODEL, version: '1' })).modelStats[0]!;
    const rows = Number(after.inferenceCount - before.inferenceCount);
    expect(rows).toBe(1200);
    // Batched: seen from outside as fewer executions than requests.
    expect(Number(after.executionCount - before.executionCount)).toBeLessThan(400);
  });

  describe('refuses', () => {
    const good = requestOf(MODEL, [rowOf(1)]);
    const bad: [string, () => Buffer, number, RegExp][] = [
      [
        'an unknown model',
        () => Buffer.from(encodeInferRequest({ ...good, modelName: 'nobody' })),
        5,
        /unknown model: 'nobody'/,
      ],
      [
        'an unknown version',
        () => Buffer.from(encodeInferRequest({ ...good, modelVersion: '99' })),
        5,
        /version 99 is not found/,
      ],
      [
        'a version that is no number',
        () => Buffer.from(encodeInferRequest({ ...good, modelVersion: 'x' })),
        3,
        /'x' is no version/,
      ],
      ['no inputs', () => Buffer.from(encodeInferRequest({ ...good, inputs: [] })), 3, /no inputs/],
      [
        'a missing input',
        () => Buffer.from(encodeInferRequest({ ...good, inputs: good.inputs.slice(1) })),
        3,
        /'distance' is missing/,
      ],
      [
        'an unknown input',
        () => Buffer.from(encodeInferRequest({ ...good, inputs: [...good.inputs, Tensor.of('x', 'FP32', [1], [1])] })),
        3,
        /unexpected input 'x'/,
      ],
      [
        'a wrong datatype',
        () =>
          Buffer.from(
            encodeInferRequest({
              ...good,
              inputs: [Tensor.of('distance', 'BYTES', [1], ['1']), ...good.inputs.slice(1)],
            }),
          ),
        3,
        /'distance' has datatype BYTES/,
      ],
      [
        'an unknown output',
        () => Buffer.from(encodeInferRequest({ ...good, outputs: [{ name: 'x', parameters: {} }] })),
        3,
        /unexpected output 'x'/,
      ],
      [
        'a wrong parameter',
        () => Buffer.from(encodeInferRequest({ ...good, parameters: { event_time_ms: 'soon' } })),
        3,
        /'event_time_ms' must be an integer/,
      ],
      ['garbage', () => Buffer.from('not a protobuf message at all'), 3, /malformed/],
    ];

    it.each(bad)('%s over gRPC with a status and a reason', async (_what, request, code, reason) => {
      await expect(client.inferBytes(request())).rejects.toMatchObject({
        code,
        details: expect.stringMatching(reason),
      });
    });

    it.each([
      ['an unknown model', '/v2/models/nobody/infer', '{"inputs":[]}', 404, /unknown model/],
      ['no JSON', `/v2/models/${MODEL}/infer`, 'nonsense', 400, /parse/],
      ['no inputs', `/v2/models/${MODEL}/infer`, '{}', 400, /'inputs' must be an array/],
      [
        'a wrong shape',
        `/v2/models/${MODEL}/infer`,
        '{"inputs":[{"name":"distance","datatype":"FP64","shape":[2],"data":[1]}]}',
        400,
        /'distance'/,
      ],
    ])('%s over REST with a status and an error body', async (_what, path, body, status, reason) => {
      const answer = await serving.json(path, { method: 'POST', body });
      expect(answer.status).toBe(status);
      expect(answer.body.error).toMatch(reason);
    });

    it('a damaged package, with the reason, while the old version stays', async () => {
      const { folder } = writePackage(home, MODEL, 7);
      const model = readFileSync(join(folder, 'model.onnx'));
      model[model.length - 20]! ^= 1;
      writeFileSync(join(folder, 'model.onnx'), model);
      await control.route(MODEL, [1, 7]);
      const entry = await eventually('version 7 is refused', async () => {
        const { models } = await api.repositoryIndex({});
        return models.find(({ version, state }) => version === '7' && state === 'UNAVAILABLE');
      });
      expect(entry.reason).toMatch(/model\.onnx of demo\/7 has SHA-256/);
      await expect(client.infer({ ...good, modelVersion: '7' })).rejects.toMatchObject({ code: 14 });
      expect((await client.infer(good)).modelVersion).toBe('1');
      // Repaired, it is loaded without a new route.
      packages.set(7, writePackage(home, MODEL, 7));
      await untilLoaded(serving, MODEL, 7);
    });
  });

  it('serves two versions at once, and switches under load without a failed request', async () => {
    packages.set(2, writePackage(home, MODEL, 2));
    let stop = false;
    const seen = new Map<string, number>();
    let wrong = 0;
    const load = Array.from({ length: 16 }, async (_, worker) => {
      for (let n = worker; !stop; n += 16) {
        const row = rowOf(n);
        const answer = await client.infer(requestOf(MODEL, [row]));
        seen.set(answer.modelVersion, (seen.get(answer.modelVersion) ?? 0) + 1);
        const expected = expectedOf(packages.get(Number(answer.modelVersion))!, row);
        if (Math.abs(answer.outputs[0]!.number(0) - expected) > 1e-5) wrong++;
      }
    });
    await control.route(MODEL, [1, 2], 1);
    await untilLoaded(serving, MODEL, 2);
    expect((await client.infer(requestOf(MODEL, [rowOf(1)], { modelVersion: '2' }))).modelVersion).toBe('2');
    await control.route(MODEL, [1, 2], 2);
    await eventually('version 2 answers', () => (seen.get('2') ?? 0) > 50);
    // The old one is unloaded while requests run.
    await control.route(MODEL, [2], 2);
    await eventually('version 1 is gone', async () => !(await api.modelReady({ name: MODEL, version: '1' })).ready);
    stop = true;
    await Promise.all(load);
    expect(wrong).toBe(0);
    expect(seen.get('1')).toBeGreaterThan(0);
    await control.route(MODEL, [1, 2], 1);
    await untilLoaded(serving, MODEL, 1);
  });

  it('logs each prediction once, with raw features, entity, times and the trace it belongs to', async () => {
    const row = rowOf(11);
    const answer = await client.infer(
      requestOf(MODEL, [row, rowOf(12)], {
        id: 'logged',
        modelVersion: '1',
        parameters: { entity: 'JFK', event_time_ms: BigInt(EVENT_TIME_MS) },
      }),
    );
    await eventually('both rows are logged', () => logged.has('logged/0') && logged.has('logged/1'));
    expect(logged.get('logged/0')).toMatchObject({
      project: MODEL,
      entity: 'JFK',
      modelVersion: 1,
      eventTimeMs: EVENT_TIME_MS,
      features: [row.distance, row.hour, row.origin, row.flag],
      outputs: [{ name: 'probability' }, { name: 'label', value: answer.outputs[1]!.texts()[0] }],
      traceId: '',
      role: 'live',
    });
    expect(outputValue(logged.get('logged/1')!.outputs, 'probability')).toBeCloseTo(answer.outputs[0]!.number(1), 6);
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await fetch(`${serving.http}/v2/models/${MODEL}/infer`, {
      method: 'POST',
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
      body: JSON.stringify({
        id: 'traced',
        inputs: requestOf(MODEL, [row]).inputs.map((tensor) => ({
          name: tensor.name,
          datatype: tensor.datatype,
          shape: tensor.shape,
          data: tensor.toValues().map((value) => (typeof value === 'bigint' ? Number(value) : value)),
        })),
      }),
    });
    await eventually('the traced row is logged', () => logged.get('traced/0')?.traceId === traceId);
    const stats = await serving.json('/v1/stats');
    expect(stats.body.dropped).toBe(0);
    await eventually('everything is logged', async () => {
      const { body } = await serving.json('/v1/stats');
      return body.queued === 0 && body.logged > 1000;
    });
  });

  it('has Triton metric names beside its own', async () => {
    const text = await (await fetch(`${serving.http}/metrics`)).text();
    expect(text).toMatch(/nv_inference_request_success\{model="demo",version="1"\} \d+/);
    expect(text).toMatch(/nv_inference_request_failure\{model="demo",version="1",reason="OTHER"\} \d+/);
    expect(text).toMatch(/millrace_serving_predictions_logged_total/);
  });

  it('stops on SIGTERM under load: running requests are answered, the log is flushed, exit code 0', async () => {
    const { brokers } = await startKafka();
    const own = await startServing({ home, brokers, topicPrefix: prefix });
    await untilReady(own);
    const caller = new InferClient(own.grpc);
    const answered: string[] = [];
    const failures: { code: number }[] = [];
    let stop = false;
    const load = Array.from({ length: 8 }, async (_, worker) => {
      for (let n = worker; !stop; n += 8) {
        try {
          answered.push((await caller.infer(requestOf(MODEL, [rowOf(n)], { id: `term-${n}` }))).id);
        } catch (error) {
          failures.push(error as { code: number });
          stop = true;
        }
      }
    });
    await eventually('requests are answered', () => answered.length > 200);
    const code = await own.stop();
    stop = true;
    await Promise.all(load);
    caller.close();
    expect(code).toBe(0);
    // Once the endpoint is closed a call cannot connect; none that was taken is lost.
    for (const { code: status } of failures) expect(status).toBe(14);
    await eventually('every answer is logged', () => answered.every((id) => logged.has(`${id}/0`)));
  });
});
