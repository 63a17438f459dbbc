// Several worker processes on one port: connections spread, counters added up, loads in all of them, a dead worker
// replaced, connections moved on by their age, an orderly end under load.

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type InferRequest, Tensor } from '@millrace/inference';
import { cloneRoot, eventually } from '@millrace/testing';
import { InferClient, type ServingProcess, startServing, untilReady } from './serving-process.js';

const folder = mkdtempSync(join(tmpdir(), 'millrace-workers-'));
let serving: ServingProcess;

function sum(): InferRequest {
  const inputs = ['INPUT0', 'INPUT1'].map((name) => Tensor.of(name, 'FP32', [1, 4], [1, 2, 3, 4]));
  return { modelName: 'adder', modelVersion: '', id: '', parameters: {}, outputs: [], inputs };
}

const post = (path: string, body = '{}') => serving.json(path, { method: 'POST', body });

/** Each connection is handed to the next worker. */
async function onConnections<T>(count: number, work: (client: InferClient) => Promise<T>): Promise<T[]> {
  const clients = Array.from({ length: count }, () => new InferClient(serving.grpc));
  try {
    return await Promise.all(clients.map(work));
  } finally {
    for (const client of clients) client.close();
  }
}

function workers(): number[] {
  const { pid } = serving.process;
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

/** Workers that have the model, from the one scrape of all. */
async function readyWorkers(): Promise<number> {
  // A connection that a dying worker got is answered by nobody.
  const text = await fetch(`${serving.http}/metrics`, { signal: AbortSignal.timeout(3_000) }).then(
    (response) => response.text(),
    () => '',
  );
  return [...text.matchAll(/^millrace_serving_models_ready\{[^}]*worker="\d+"[^}]*\} 1$/gm)].length;
}

beforeAll(async () => {
  mkdirSync(join(folder, 'models'));
  copyFileSync(join(cloneRoot(), 'examples/model-repository/add_sub/1/model.onnx'), join(folder, 'models/adder.onnx'));
  serving = await startServing({
    home: folder,
    brokers: [],
    topicPrefix: '',
    env: {
      MILLRACE_SERVING_STANDALONE: 'true',
      MILLRACE_SERVING_REPOSITORY: join(folder, 'models'),
      MILLRACE_SERVING_PROCESSES: '2',
      MILLRACE_SERVING_CONNECTION_AGE: '1s',
    },
  });
  await untilReady(serving);
  await eventually('both workers answer', async () => (await readyWorkers()) === 2);
});

afterAll(async () => {
  await serving?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('worker processes', () => {
  it('share the port and add up their counters, whoever is asked', async () => {
    await onConnections(4, async (client) => {
      for (let i = 0; i < 5; i++) expect((await client.infer(sum())).outputs[0]?.toValues()).toEqual([2, 4, 6, 8]);
    });
    for (let i = 0; i < 4; i++) {
      const { body } = await serving.json('/v2/models/adder/stats');
      expect(body.model_stats[0].inference_stats.success.count).toBe(20);
    }
    const metrics = await (await fetch(`${serving.http}/metrics`)).text();
    expect(metrics).toMatch(/^nv_inference_request_success\{model="adder",version="1"\} 20$/m);
    expect((await serving.json('/v1/stats')).body.predictions).toBe(20);
  });

  it('load and unload together', async () => {
    const ready = () =>
      Promise.all(
        Array.from({ length: 4 }, () =>
          fetch(`${serving.http}/v2/models/adder/ready`, { headers: { connection: 'close' } }),
        ),
      ).then((answers) => answers.map(({ status }) => status));
    expect((await post('/v2/repository/models/adder/unload')).status).toBe(200);
    expect(await ready()).toEqual([400, 400, 400, 400]);
    expect((await post('/v2/repository/models/nobody/load')).status).toBe(404);
    expect((await post('/v2/repository/models/adder/load')).status).toBe(200);
    expect(await ready()).toEqual([200, 200, 200, 200]);
  });

  it('are replaced when they die, with what the others have loaded; the port answers meanwhile', async () => {
    const [first] = workers() as [number];
    process.kill(first, 'SIGKILL');
    await eventually('the other worker answers', async () => {
      const [code] = await onConnections(1, (client) =>
        client.infer(sum()).then(
          () => 0,
          ({ code }) => code,
        ),
      );
      return code === 0;
    });
    await eventually('both workers answer again', async () => (await readyWorkers()) === 2).catch((error) => {
      throw new Error(`${error.message}\n${serving.log().slice(-6000)}`);
    });
    expect(workers()).not.toContain(first);
  });

  it('let connections go at their age without a failed call', async () => {
    let calls = 0;
    // Two lives of a connection at least, and calls in them, however slow the machine is.
    const end = Date.now() + 2_500;
    await onConnections(2, async (client) => {
      while (Date.now() < end || calls < 100) {
        await client.infer(sum());
        calls++;
      }
    });
    expect(calls).toBeGreaterThanOrEqual(100);
  });

  it('end in order under load: no call fails before the end was told', async () => {
    let told = false;
    let calls = 0;
    const early: unknown[] = [];
    const late: unknown[] = [];
    // Each ends with its first failure: the endpoint is closed then.
    const callers = onConnections(4, async (client) => {
      for (;;) {
        const failure = await client.infer(sum()).then(
          () => undefined,
          (error) => error,
        );
        if (failure !== undefined) {
          (told ? late : early).push(failure);
          return;
        }
        calls++;
      }
    });
    await eventually('calls run', () => calls > 50);
    told = true;
    expect(await serving.stop()).toBe(0);
    await callers;
    expect(early).toEqual([]);
    expect(late).toHaveLength(4);
    expect(serving.log()).toContain('drained');
  });
});
