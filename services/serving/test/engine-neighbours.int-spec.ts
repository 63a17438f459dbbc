// Engine processes behind a real serving: what a model does to itself is not seen by health, by other models, or by the
// index of anything else.

import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cloneRoot, eventually } from '@millrace/testing';
import { type ServingProcess, startServing, untilReady } from './serving-process.js';

const home = mkdtempSync(join(tmpdir(), 'neighbours-'));
let serving: ServingProcess;

const TENSORS = `input [ { name: "INPUT0" data_type: TYPE_FP32 dims: [ -1 ] } ]
output [ { name: "OUTPUT0" data_type: TYPE_FP32 dims: [ -1 ] } ]
`;

const FRAGILE = `export default () => ({
  inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [-1] }],
  outputs: [{ name: 'OUTPUT0', datatype: 'FP32', shape: [-1] }],
  run({ INPUT0 }) {
    if (INPUT0.data[0] === 13) process.abort();
    return { OUTPUT0: { shape: INPUT0.shape, data: INPUT0.data } };
  },
});
`;

function writeModels(folder: string): string {
  const examples = join(cloneRoot(), 'examples/model-repository');
  const add = (name: string, config: string, from?: string) => {
    mkdirSync(join(folder, name, '1'), { recursive: true });
    if (from) cpSync(join(examples, from, '1'), join(folder, name, '1'), { recursive: true });
    else writeFileSync(join(folder, name, '1', 'model.js'), FRAGILE);
    writeFileSync(
      join(folder, name, 'config.pbtxt'),
      `name: "${name}" backend: "typescript" max_batch_size: 1\n${TENSORS}${config}`,
    );
  };
  add('slow', 'parameters { key: "busy_ms" value: { string_value: "20" } }', 'delay');
  add('small', 'parameters { key: "engine" value: { string_value: "inside" } }', 'identity');
  add('fragile', '');
  return folder;
}

async function infer(model: string, value: number) {
  const body = JSON.stringify({ inputs: [{ name: 'INPUT0', datatype: 'FP32', shape: [1, 1], data: [value] }] });
  return serving.json(`/v2/models/${model}/infer`, { method: 'POST', body });
}

describe('engine processes of a serving', () => {
  beforeAll(async () => {
    serving = await startServing({
      home,
      brokers: [],
      topicPrefix: '',
      env: { MILLRACE_SERVING_STANDALONE: 'true', MILLRACE_SERVING_REPOSITORY: writeModels(join(home, 'models')) },
    });
    await untilReady(serving);
  }, 60_000);

  afterAll(async () => {
    await serving?.stop();
    rmSync(home, { recursive: true, force: true });
  }, 30_000);

  it('hold up neither health nor a small model while one holds its thread', async () => {
    // 15 calls that hold their thread for 20 ms, one after the other.
    let left = 15;
    const slow = Promise.all(
      Array.from({ length: left }, () =>
        infer('slow', 1).then(({ status }) => {
          left--;
          return status;
        }),
      ),
    );
    // All of these are answered before the last of them; a stalled serving would need one slow call for each.
    for (let i = 0; i < 15; i++) {
      const [health, small] = await Promise.all([fetch(`${serving.http}/v2/health/live`), infer('small', i)]);
      expect([health.status, small.status, small.body.outputs?.[0]?.data]).toEqual([200, 200, [i]]);
    }
    expect(left).toBeGreaterThan(0);
    expect(new Set(await slow)).toEqual(new Set([200]));
  });

  it('that crash are unavailable with their reason, again and again, until they are loaded anew', async () => {
    expect((await infer('fragile', 1)).status).toBe(200);
    const first = await infer('fragile', 13);
    expect([first.status, first.body.error]).toEqual([503, expect.stringContaining('signal SIGABRT')]);
    await eventually('it is back', async () => (await infer('fragile', 2)).status === 200);
    const state = async () => {
      const { body } = await serving.json('/v2/repository/index', { method: 'POST', body: '{}' });
      return (body as { name: string; state: string; reason: string }[]).find(({ name }) => name === 'fragile');
    };
    await eventually('it is given up', async () => {
      await infer('fragile', 13);
      return (await state())?.state === 'UNAVAILABLE';
    });
    expect((await state())?.reason).toContain('ended 5 times in a row, at last: signal SIGABRT');
    expect((await fetch(`${serving.http}/v2/models/fragile/ready`)).ok).toBe(false);
    const refused = await infer('fragile', 1);
    expect([refused.status, refused.body.error]).toEqual([503, expect.stringContaining('that is not ready')]);
    expect((await infer('small', 1)).status).toBe(200);
    const metrics = await (await fetch(`${serving.http}/metrics`)).text();
    expect(metrics).toMatch(/millrace_serving_engine_crashes_total\{[^}]*model="fragile"[^}]*\} 5/);
    const load = await serving.json('/v2/repository/models/fragile/load', { method: 'POST', body: '{}' });
    expect(load.status).toBe(200);
    expect([(await infer('fragile', 3)).status, (await state())?.state]).toEqual([200, 'READY']);
  });
});
