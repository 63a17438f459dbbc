// A registered model that is quick on zeros and, on a later row, never ends or takes all memory
// (own-models/hungry.onnx): its own request fails and says why, serving and the other models do not notice, and it
// answers again.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Binding } from '@millrace/inference';
import { cloneRoot, eventually, startKafka, uniquePrefix } from '@millrace/testing';
import { type OwnModel, writeOwnPackage } from './own-package.js';
import { ControlWriter, type ServingProcess, startServing, untilLoaded, untilReady } from './serving-process.js';

const HERE = join(cloneRoot(), 'services/serving/test');
const CALL_MS_MAX = 1_000;
/** Above what ONNX Runtime itself takes, far below what the row asks for. */
const MEMORY_BYTES = 268_435_456;
const NAMES = ['x', 'loop', 'size'];

const HUNGRY: OwnModel = {
  inputs: NAMES.map((name) => ({ name, type: 'number' })),
  binding: {
    inputs: NAMES.map((name): Binding['inputs'][number] => ({
      tensor: name,
      datatype: 'FP32',
      shape: [1],
      columns: [name],
    })),
    outputs: [
      { output: 'probability', tensor: 'probability', datatype: 'FP32', shape: [1], index: 0, of: 'value' },
    ] as Binding['outputs'],
  },
  files: { 'model.onnx': join(HERE, 'own-models/hungry.onnx') },
};

describe('a registered model that a row takes down', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-hungry-'));
  let control: ControlWriter;
  let serving: ServingProcess;

  beforeAll(async () => {
    const { brokers } = await startKafka();
    const topicPrefix = uniquePrefix();
    control = new ControlWriter(brokers, topicPrefix);
    await control.ensureTopics();
    serving = await startServing({
      home,
      brokers,
      topicPrefix,
      env: {
        MILLRACE_OWN_MODEL_TIME: `${CALL_MS_MAX}ms`,
        MILLRACE_OWN_MODEL_MEMORY: String(MEMORY_BYTES),
      },
    });
    await untilReady(serving);
    for (const name of ['hungry', 'other']) {
      writeOwnPackage(home, name, 1, HUNGRY);
      await control.route(name, [1]);
      await untilLoaded(serving, name, 1);
    }
  }, 120_000);

  afterAll(async () => {
    await serving?.stop();
    await control?.close();
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  async function ask(model: string, row: Partial<Record<string, number>>): Promise<{ status: number; body: unknown }> {
    const inputs = NAMES.map((name) => ({ name, datatype: 'FP64', shape: [1], data: [row[name] ?? 0] }));
    return serving.json(`/v2/models/${model}/infer`, { method: 'POST', body: JSON.stringify({ inputs }) });
  }
  const answered = { status: 200, body: { outputs: [{ name: 'probability', data: [0.5] }, { name: 'label' }] } };

  it('by looping: the call ends with what happened and what comes next, the others go on, it comes back', async () => {
    expect(await ask('hungry', {})).toMatchObject(answered);
    let ended = false;
    const looping = ask('hungry', { loop: 200 }).finally(() => {
      ended = true;
    });
    let beside = 0;
    while (!ended) {
      expect(await ask('other', {})).toMatchObject(answered);
      expect((await fetch(`${serving.http}/health/live`)).status).toBe(200);
      beside++;
    }
    // Each of them was answered while the row looped.
    expect(beside).toBeGreaterThan(10);
    const { status, body } = await looping;
    expect([status, body]).toEqual([
      503,
      {
        error: expect.stringMatching(
          /the process of model 'hungry' version 1 died at this request: it gave no answer for \d{4} ms and was killed\. It is started anew in 50 ms; other models go on/,
        ),
      },
    ]);
    await eventually('it answers again', async () => (await ask('hungry', {})).status === 200);
  }, 60_000);

  it('in one batch with rows of other callers: it alone is refused, those are answered', async () => {
    // While the first is computed, those that follow wait, and then go as one batch.
    const first = ask('hungry', { loop: 200 });
    for (let i = 0; i < 3; i++) expect(await ask('other', {})).toMatchObject(answered);
    const rows = [{ x: 0 }, { x: 0 }, { loop: 200 }, { x: 0 }];
    const [a, b, bad, c] = await Promise.all(rows.map((row) => ask('hungry', row)));
    for (const answer of [a, b, c]) expect(answer).toMatchObject(answered);
    for (const { status, body } of [await first, bad as Awaited<typeof first>])
      expect([status, JSON.stringify(body)]).toEqual([
        503,
        expect.stringContaining('died at this request: it gave no'),
      ]);
    const metrics = await (await fetch(`${serving.http}/metrics`)).text();
    expect(metrics).toMatch(/millrace_serving_requests_apart_total\{.*model="hungry".*outcome="answered".*\} 3/);
    expect(metrics).toMatch(/millrace_serving_requests_apart_total\{.*model="hungry".*outcome="refused".*\} 1/);
  }, 60_000);

  it('by taking memory: the row fails at the bound, before the machine does', async () => {
    expect(await ask('hungry', { size: 5 })).toMatchObject(answered);
    const { status, body } = await ask('hungry', { size: 2_000 });
    expect([status, body]).toEqual([500, { error: expect.stringMatching(/alloc|memory/i) }]);
    expect(await ask('hungry', {})).toMatchObject(answered);
  }, 60_000);
});
