// How requests of a real serving meet a model: batches, shapes, priorities, time-outs, cancellation, ensembles and the
// response cache, seen from outside by answers and statistics.

import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, credentials, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  encodeInferRequest,
  type InferRequest,
  type InferResponse,
  type Parameters,
  Tensor,
} from '@millrace/inference';
import { eventually } from '@millrace/testing';
import { InferClient, type ServingProcess, startServing, untilReady } from './serving-process.js';

/** Waits while the file `hold` is there, and makes `hold`.met when it begins to. */
const ECHO = `import { existsSync, writeFileSync } from 'node:fs';
export default ({ parameters }) => ({
  inputs: [{ name: 'X', datatype: 'FP32', shape: [-1] }],
  outputs: [{ name: 'Y', datatype: 'FP32', shape: [-1] }],
  async run({ X }) {
    const { hold } = parameters;
    if (hold !== undefined && existsSync(hold)) writeFileSync(hold + '.met', '');
    do await new Promise((resolve) => setTimeout(resolve, Number(parameters.wait_ms ?? 0)));
    while (hold !== undefined && existsSync(hold));
    if (X.data.includes(13)) throw new Error('thirteen');
    const factor = Number(parameters.factor ?? 1);
    return { Y: { shape: X.shape, data: X.data.map((value) => value * factor) } };
  },
});
`;

/** Longer than a busy machine needs for a few requests of one connection. */
const PATIENCE_MS = 1_000;
const TENSORS = `input [ { name: "X" data_type: TYPE_FP32 dims: [ -1 ] } ]
output [ { name: "Y" data_type: TYPE_FP32 dims: [ -1 ] } ]
`;
const BATCHED = 'dynamic_batching { }';
const wait = (ms: number) => `parameters { key: "wait_ms" value: { string_value: "${ms}" } }`;
const HOME = mkdtempSync(join(tmpdir(), 'millrace-scheduling-'));
const holdOf = (model: string) => join(HOME, `hold-${model}`);
const held = (model: string) => `parameters { key: "hold" value: { string_value: "${holdOf(model)}" } }`;
const factor = (by: number) => `parameters { key: "factor" value: { string_value: "${by}" } }`;

const MODELS: Record<string, string> = {
  slow: `max_batch_size: 8 ${BATCHED} ${wait(40)}`,
  padded: `max_batch_size: 64 ${BATCHED} ${wait(20)} parameters { key: "padding_buckets" value: { string_value: "4, 8" } }`,
  ranked: `max_batch_size: 1 dynamic_batching { priority_levels: 2 default_priority_level: 2 } ${held('ranked')}`,
  impatient: `max_batch_size: 1 ${held('impatient')} dynamic_batching {
    default_queue_policy { timeout_action: REJECT default_timeout_microseconds: ${PATIENCE_MS}000 allow_timeout_override: true max_queue_size: 3 }
  }`,
  cached: `max_batch_size: 8 ${BATCHED} response_cache { enable: true }`,
  twice: `max_batch_size: 64 ${BATCHED} ${factor(2)}`,
  thrice: `max_batch_size: 64 ${BATCHED} ${factor(3)}`,
};

const SIXFOLD = `platform: "ensemble" max_batch_size: 64
${TENSORS}
ensemble_scheduling { step [
  { model_name: "thrice" model_version: -1 input_map { key: "X" value: "doubled" } output_map { key: "Y" value: "Y" } },
  { model_name: "twice" model_version: -1 input_map { key: "X" value: "X" } output_map { key: "Y" value: "doubled" } }
] }`;

const CYCLE = `platform: "ensemble" max_batch_size: 64
${TENSORS}
ensemble_scheduling { step [
  { model_name: "twice" model_version: -1 input_map { key: "X" value: "a" } output_map { key: "Y" value: "b" } },
  { model_name: "twice" model_version: -1 input_map { key: "X" value: "b" } output_map { key: "Y" value: "a" } },
  { model_name: "twice" model_version: -1 input_map { key: "X" value: "X" } output_map { key: "Y" value: "Y" } }
] }`;

function writeModels(folder: string): string {
  for (const [name, config] of Object.entries(MODELS)) {
    mkdirSync(join(folder, name, '1'), { recursive: true });
    // One instance inside: what is tested here is the queue before it.
    writeFileSync(
      join(folder, name, 'config.pbtxt'),
      `name: "${name}" backend: "typescript"\n${TENSORS}${config}\nparameters { key: "inside" value: { string_value: "true" } }\n`,
    );
    writeFileSync(join(folder, name, '1', 'model.js'), ECHO);
  }
  for (const [name, config] of [
    ['sixfold', SIXFOLD],
    ['cycle', CYCLE],
  ] as const) {
    mkdirSync(join(folder, name, '1'), { recursive: true });
    writeFileSync(join(folder, name, 'config.pbtxt'), `name: "${name}" ${config}`);
  }
  return folder;
}

function requestOf(model: string, rows: number[][], parameters: Parameters = {}, id = ''): InferRequest {
  const inputs = [Tensor.of('X', 'FP32', [rows.length, rows[0]?.length ?? 0], rows.flat())];
  return { modelName: model, modelVersion: '', id, parameters, inputs, outputs: [] };
}

const values = (response: InferResponse) => response.outputs[0]?.toValues();

describe('the way of a request to its model', () => {
  const home = HOME;
  let serving: ServingProcess;
  let client: InferClient;
  const ask = (model: string, rows: number[][], parameters: Parameters = {}, id = '') =>
    client.infer(requestOf(model, rows, parameters, id));
  const statistics = async (model: string) => (await serving.json(`/v2/models/${model}/stats`)).body.model_stats[0];
  const pending = async (model: string) => {
    const text = await (await fetch(`${serving.http}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`nv_inference_pending_request_count{model="${model}"`));
    return Number(line?.split(' ').at(-1));
  };
  /** The model has one request, which it keeps until `open`: what comes meanwhile waits. */
  const occupied = async (model: string) => {
    const hold = holdOf(model);
    writeFileSync(hold, '');
    const first = ask(model, [[1]]);
    await eventually('the first request runs', () => existsSync(`${hold}.met`));
    const open = () => {
      for (const file of [hold, `${hold}.met`]) rmSync(file, { force: true });
    };
    return { first, open };
  };

  beforeAll(async () => {
    serving = await startServing({
      home,
      brokers: [],
      topicPrefix: '',
      env: { MILLRACE_SERVING_STANDALONE: 'true', MILLRACE_SERVING_REPOSITORY: writeModels(join(home, 'models')) },
    });
    await untilReady(serving);
    client = new InferClient(serving.grpc);
  }, 120_000);

  afterAll(async () => {
    client?.close();
    await serving?.stop();
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  it('batches what waits, and gives each caller its own rows beside a bad neighbour', async () => {
    const asked = Array.from({ length: 12 }, (_, i) => ask('slow', [[i], [i + 100]], {}, `r${i}`));
    const bad = ask('slow', [[13]]);
    const answers = await Promise.all(asked);
    expect(answers.map((answer) => [answer.id, values(answer)])).toEqual(asked.map((_, i) => [`r${i}`, [i, i + 100]]));
    await expect(bad).rejects.toMatchObject({ code: status.INTERNAL, details: expect.stringMatching(/thirteen/) });
    const { inference_count, execution_count, inference_stats } = await statistics('slow');
    expect(inference_count).toBe(24);
    expect(execution_count).toBeLessThan(12);
    expect(inference_stats.fail.count).toBe(1);
  });

  it('joins requests of different shapes by padding, and takes the padding out again', async () => {
    const rows = [[1], [1, 2, 3], [1, 2, 3, 4], [5, 6], [1, 2, 3, 4, 5, 6]];
    const answers = await Promise.all([...rows, ...rows].map((row) => ask('padded', [row])));
    expect(answers.map(values)).toEqual([...rows, ...rows]);
    expect((await statistics('padded')).execution_count).toBeLessThan(8);
  });

  it('serves a higher priority first', async () => {
    const order: string[] = [];
    const one = (name: string, priority: bigint) =>
      ask('ranked', [[1]], { priority }).then(() => {
        order.push(name);
      });
    const { first, open } = await occupied('ranked');
    const all = [one('low', 0n), one('low', 2n), one('high', 1n), one('high', 1n)];
    await eventually('they wait', async () => (await pending('ranked')) === all.length);
    open();
    await Promise.all([first, ...all]);
    expect(order).toEqual(['high', 'high', 'low', 'low']);
  });

  it('refuses what waits too long or finds the queue full, as the policy says', async () => {
    const { first, open } = await occupied('impatient');
    const asked = Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        ask('impatient', [[i]], i === 0 ? { timeout: 5000n } : {}).then(
          () => ['', ''],
          ({ code, details, metadata }) => [status[code], details, metadata.get('millrace-code')[0]],
        ),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 1.2 * PATIENCE_MS));
    open();
    const refusals = await asked;
    expect(values(await first)).toEqual([1]);
    // Three are taken, and refused when their time is over.
    const late = refusals.filter(([, details]) => details?.includes('the request timeout expired'));
    expect(late.length).toBeGreaterThanOrEqual(2);
    for (const refusal of late) expect(refusal).toEqual(['UNAVAILABLE', expect.anything(), 'deadline_exceeded']);
    expect(refusals).toContainEqual(['UNAVAILABLE', expect.stringMatching(/maximum queue size/), 'overloaded']);
  });

  it('takes a cancelled request out of the queue', async () => {
    const raw = new Client(serving.grpc, credentials.createInsecure());
    const before = await statistics('ranked');
    const { first, open } = await occupied('ranked');
    const same = (bytes: Buffer) => bytes;
    const gone = Array.from({ length: 5 }, () =>
      raw.makeUnaryRequest(
        '/inference.GRPCInferenceService/ModelInfer',
        same,
        same,
        Buffer.from(encodeInferRequest(requestOf('ranked', [[7]]))),
        () => {},
      ),
    );
    await eventually('the requests wait', async () => (await pending('ranked')) === gone.length);
    for (const call of gone) call.cancel();
    await eventually('the queue is empty', async () => (await pending('ranked')) === 0);
    open();
    await first;
    const after = await statistics('ranked');
    expect(after.execution_count - before.execution_count).toBeLessThanOrEqual(1);
    expect(after.inference_stats.fail.count - before.inference_stats.fail.count).toBeGreaterThanOrEqual(4);
    raw.close();
  });

  it('answers ensembles, and refuses one whose steps wait for each other, with the reason', async () => {
    const answers = await Promise.all([1, 2, 3].map((value) => ask('sixfold', [[value]], {}, `e${value}`)));
    expect(answers.map((answer) => [answer.modelName, answer.id, values(answer)])).toEqual([
      ['sixfold', 'e1', [6]],
      ['sixfold', 'e2', [12]],
      ['sixfold', 'e3', [18]],
    ]);
    await expect(ask('sixfold', [[13]])).rejects.toMatchObject({
      details: expect.stringMatching(/model 'twice': .*thirteen/),
    });
    const { body } = await serving.json('/v2/repository/index', { method: 'POST', body: '{}' });
    const cycle = body.find(({ name }: { name: string }) => name === 'cycle');
    expect(cycle).toMatchObject({
      state: 'UNAVAILABLE',
      reason: expect.stringMatching(/wait for each other in a cycle/),
    });
  });

  it('answers from the cache what it has answered before, and counts it', async () => {
    for (const value of [1, 2, 1, 1, 2]) expect(values(await ask('cached', [[value]]))).toEqual([value]);
    const { inference_count, inference_stats } = await statistics('cached');
    expect(inference_count).toBe(2);
    expect([inference_stats.cache_hit.count, inference_stats.cache_miss.count, inference_stats.success.count]).toEqual([
      3, 2, 5,
    ]);
  });
});
