// Requests leave nothing behind: what a real serving holds after full collections stays flat over 20,000 of them, over
// gRPC and REST. A bounded slice of `npm run test:soak`, which asks a million; reloads have theirs in
// repository.int-spec.ts.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeInferRequest, Tensor } from '@millrace/inference';
import { cloneRoot, freePort, Inspector, riseOverRun } from '@millrace/testing';
import { InferClient, type ServingProcess, startServing, untilReady } from './serving-process.js';

const MODEL = 'add_sub';
const PARTS = 10;
/** Not counted: caches fill, code is compiled. */
const WARM_UP_PARTS = 3;
const REQUESTS = 2000;
const IN_FLIGHT = 32;
/** Of what is held. A hundred bytes a request would be 2 MB of about 40. */
const RISE_MAX = 0.03;

const inputs = ['INPUT0', 'INPUT1'].map((name) => Tensor.of(name, 'FP32', [1, 4], Float32Array.of(1, 2, 3, 4)));
const request = Buffer.from(
  encodeInferRequest({ modelName: MODEL, modelVersion: '', id: 'leak', parameters: {}, inputs, outputs: [] }),
);
const body = JSON.stringify({
  inputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape, data: [1, 2, 3, 4] })),
});

describe('serving under many requests', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-leak-'));
  let serving: ServingProcess;
  let client: InferClient;
  let inspector: Inspector;

  beforeAll(async () => {
    const port = await freePort();
    serving = await startServing({
      home,
      brokers: ['127.0.0.1:1'],
      topicPrefix: 'leak.',
      env: {
        NODE_OPTIONS: `--inspect=127.0.0.1:${port}`,
        MILLRACE_SERVING_STANDALONE: 'true',
        MILLRACE_SERVING_REPOSITORY: join(cloneRoot(), 'examples/model-repository'),
        MILLRACE_SERVING_MODELS: MODEL,
      },
    });
    await untilReady(serving);
    client = new InferClient(serving.grpc);
    inspector = await Inspector.connect(port);
  }, 60_000);

  afterAll(async () => {
    inspector?.close();
    client?.close();
    await serving?.stop();
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  async function ask(n: number): Promise<void> {
    if (n % 10 > 0) {
      await client.inferBytes(request);
      return;
    }
    const answer = await serving.json(`/v2/models/${MODEL}/infer`, { method: 'POST', body });
    expect(answer.status).toBe(200);
  }

  // 26,000 requests: half a minute alone, minutes beside a machine full of other suites.
  it('holds no more than before', async () => {
    const held: number[] = [];
    for (let part = -WARM_UP_PARTS; part < PARTS; part++) {
      let next = 0;
      const loop = async () => {
        while (next < REQUESTS) await ask(next++);
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, loop));
      const memory = await inspector.memory();
      if (part >= 0) held.push(memory.heldMib);
    }
    expect({ held, flat: riseOverRun(held) <= RISE_MAX }).toEqual({ held, flat: true });
  }, 300_000);
});
