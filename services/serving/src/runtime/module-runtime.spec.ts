/** @jest-environment ./test/environments/native-arrays.mjs */
// The models of examples/model-repository as they stand, and what a bad module answers.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { NO_PARAMETERS, Tensor } from '@millrace/inference';
import { cloneRoot } from '@millrace/testing';
import { moduleRuntime } from './module-runtime.fs.js';
import type { EngineCall, ModelSource, TensorEngine } from './tensor-engine.js';
import { tensorRuntimeFor } from './tensor-runtimes.fs.js';

const repository = join(cloneRoot(), 'examples/model-repository');
const root = mkdtempSync(join(tmpdir(), 'millrace-modules-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const ALL: EngineCall = { outputs: [], parameters: NO_PARAMETERS, sequence: undefined };
const NEVER = new AbortController().signal;

function example(name: string, more: Partial<ModelSource> = {}): Promise<TensorEngine> {
  const folder = join(repository, name, '1');
  const source = { name, version: 1, folder, parameters: {}, gpu: undefined, batched: true, ...more };
  return tensorRuntimeFor({ name, backend: '', platform: '', folder }).load(source);
}

function written(text: string, more: Partial<ModelSource> = {}): ModelSource {
  const folder = mkdtempSync(join(root, 'm-'));
  writeFileSync(join(folder, 'model.mjs'), text);
  return { name: 'm', version: 1, folder, parameters: {}, gpu: undefined, batched: true, ...more };
}

const inStep = (id: string, start: boolean, end: boolean): EngineCall => ({ ...ALL, sequence: { id, start, end } });

describe('the example models', () => {
  it('identity gives back a copy, never a view of the request', async () => {
    const engine = await example('identity');
    const bytes = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
    const [y] = await engine.run([Tensor.raw('INPUT0', 'FP32', [2, 2], bytes)], ALL);
    bytes.fill(0);
    expect([y?.name, y?.shape, y?.toValues()]).toEqual(['OUTPUT0', [2, 2], [1, 2, 3, 4]]);
  });

  it('add_sub adds and subtracts', async () => {
    const engine = await example('add_sub');
    const inputs = [Tensor.of('INPUT0', 'FP32', [1, 2], [5, 6]), Tensor.of('INPUT1', 'FP32', [1, 2], [1, 2])];
    const outputs = await engine.run(inputs, ALL);
    expect(outputs.map((tensor) => tensor.toValues())).toEqual([
      [6, 8],
      [4, 4],
    ]);
  });

  it('string adds texts and says which one is no number', async () => {
    const engine = await example('string');
    const texts = (name: string, ...values: string[]) => Tensor.of(name, 'BYTES', [1, values.length], values);
    const outputs = await engine.run([texts('INPUT0', '1', '99999999999999999999'), texts('INPUT1', '2', '1')], ALL);
    expect(outputs.map((tensor) => tensor.toValues())).toEqual([
      ['3', '100000000000000000000'],
      ['-1', '99999999999999999998'],
    ]);
    const bad = engine.run([texts('INPUT0', '1', 'one'), texts('INPUT1', '2', '1')], ALL);
    await expect(bad).rejects.toMatchObject({
      code: 'invalid_argument',
      reason: "input 'INPUT0' element 1 is 'one', expected a whole number",
    });
  });

  it('accumulator keeps its sums apart by sequence', async () => {
    const engine = await example('accumulator');
    const add = async (value: number, call: EngineCall) =>
      (await engine.run([Tensor.of('INPUT', 'INT32', [1, 1], [value])], call))[0]?.toValues();
    expect(await add(1, inStep('a', true, false))).toEqual([1]);
    expect(await add(10, inStep('b', true, false))).toEqual([10]);
    expect(await add(2, inStep('a', false, false))).toEqual([3]);
    expect(await add(3, inStep('a', false, true))).toEqual([6]);
    expect(await add(5, inStep('b', false, false))).toEqual([15]);
    await expect(add(1, inStep('a', false, false))).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(add(1, ALL)).rejects.toThrow('say sequence_id');
  });

  it('repeat answers once per element and stops with its caller', async () => {
    const engine = await example('repeat', { batched: false });
    const input = (values: number[]) => Tensor.of('IN', 'INT32', [values.length], values);
    const stream = engine.stream as NonNullable<TensorEngine['stream']>;
    const answers: unknown[] = [];
    await stream([input([7, 8])], ALL, (outputs) => answers.push(outputs.map((tensor) => tensor.toValues())), NEVER);
    expect(answers).toEqual([
      [[7], [0]],
      [[8], [1]],
    ]);
    await stream([input([])], ALL, () => expect('an answer').toBe('none'), NEVER);
    const gone = new AbortController();
    let count = 0;
    const slow = Tensor.of('DELAY', 'UINT32', [3], [0, 60_000, 0]);
    await stream(
      [input([1, 2, 3]), slow],
      ALL,
      () => {
        count++;
        gone.abort();
      },
      gone.signal,
    );
    expect(count).toBe(1);
    await expect(engine.run([input([1])], ALL)).rejects.toMatchObject({ code: 'unimplemented' });
  });

  it('delay answers after its time and refuses one that is no number', async () => {
    const engine = await example('delay', { parameters: { delay_ms: '1', busy_ms: '1' } });
    const [y] = await engine.run([Tensor.of('INPUT0', 'FP32', [1, 1], [4])], ALL);
    expect(y?.toValues()).toEqual([4]);
    await expect(example('delay', { parameters: { delay_ms: 'long' } })).rejects.toMatchObject({ code: 'corrupt' });
  });
});

describe('the module runtime', () => {
  const XY = `inputs: [{ name: 'x', datatype: 'FP16', shape: [] }], outputs: [{ name: 'y', datatype: 'FP16', shape: [] }]`;

  it('declares the batch dimension where the model batches and gives FP16 as numbers', async () => {
    const text = `export default () => ({ ${XY},
      run: ({ x }) => ({ y: { shape: x.shape, data: x.data.map((value) => value * 2) } }) });`;
    const batched = await moduleRuntime.load(written(text));
    expect([batched.inputs, batched.outputs]).toEqual([
      [{ name: 'x', datatype: 'FP16', shape: [-1] }],
      [{ name: 'y', datatype: 'FP16', shape: [-1] }],
    ]);
    const [y] = await batched.run([Tensor.of('x', 'FP16', [2], [0.5, -3])], ALL);
    expect([y?.datatype, y?.toValues()]).toEqual(['FP16', [1, -6]]);
    const single = await moduleRuntime.load(written(text, { batched: false }));
    expect(single.inputs[0]?.shape).toEqual([]);
  });

  it('runs the module that docs/model-folders.md shows', async () => {
    const page = readFileSync(join(cloneRoot(), 'docs/model-folders.md'), 'utf8');
    const [, shown] = /```ts\n([\s\S]*?)```/.exec(page) as RegExpExecArray;
    const engine = await moduleRuntime.load(written(shown as string));
    const [mean] = await engine.run([Tensor.of('x', 'FP32', [2, 2], [1, 3, 5, 6])], ALL);
    expect([mean?.shape, mean?.toValues()]).toEqual([[2], [2, 5.5]]);
  });

  it('carries bytes that are no text', async () => {
    const engine = await moduleRuntime.load(
      written(`export default () => ({
        inputs: [{ name: 'x', datatype: 'BYTES', shape: [-1] }], outputs: [{ name: 'y', datatype: 'BYTES', shape: [-1] }],
        run: ({ x }) => ({ y: { shape: x.shape, data: x.bytes } }) });`),
    );
    const [y] = await engine.run([Tensor.of('x', 'BYTES', [1, 1], [Uint8Array.of(0xff, 0)])], ALL);
    expect(y?.elements()).toEqual([Uint8Array.of(0xff, 0)]);
  });

  it.each([
    ['no default export', 'export const x = 1;', 'no default export'],
    ['a syntax fault', 'export default (', 'cannot be imported'],
    ['a factory that throws', "export default () => { throw new Error('no weights'); };", 'cannot start: no weights'],
    ['nothing to run', `export default () => ({ ${XY} });`, 'neither run nor stream'],
    [
      'no outputs',
      "export default () => ({ inputs: [{ name: 'x', datatype: 'FP32', shape: [] }], run() {} });",
      'declares no outputs',
    ],
    [
      'an unknown datatype',
      `export default () => ({ ${XY.replace('FP16', 'FP8')}, run() {} });`,
      "declares 'x' of 'FP8'",
    ],
  ])('refuses %s', async (_what, text, why) => {
    await expect(moduleRuntime.load(written(text))).rejects.toMatchObject({
      code: 'corrupt',
      reason: expect.stringContaining(why),
    });
  });

  it('says internal when the model itself fails, and for an output of the wrong size', async () => {
    const x = [Tensor.of('x', 'FP16', [1], [1])];
    const throwing = await moduleRuntime.load(
      written(`export default () => ({ ${XY}, run() { throw new Error('oh'); } });`),
    );
    await expect(throwing.run(x, ALL)).rejects.toMatchObject({ code: 'internal', reason: 'oh' });
    const short = await moduleRuntime.load(
      written(`export default () => ({ ${XY}, run: () => ({ y: { shape: [2], data: [1] } }) });`),
    );
    await expect(short.run(x, ALL)).rejects.toMatchObject({ code: 'internal' });
  });
});

describe('the choice of a runtime', () => {
  const folder = (name: string) => join(repository, name, '1');
  const models = join(cloneRoot(), 'services/serving/test/models');

  it.each([
    ['by its file', { folder: folder('add_sub') }, 'onnxruntime_onnx'],
    ['by its file', { folder: folder('string') }, 'typescript_module'],
    ['by its file', { folder: join(models, 'tf_mixed', '1') }, 'tensorflow_savedmodel'],
    ['by its file', { folder: join(models, 'layers_text', '1') }, 'tfjs_layers'],
    ['by backend', { backend: 'onnxruntime', folder: '/nowhere' }, 'onnxruntime_onnx'],
    ['by platform', { platform: 'onnxruntime_onnx', folder: '/nowhere' }, 'onnxruntime_onnx'],
  ])('goes %s', (_how, choice, platform) => {
    expect(tensorRuntimeFor({ name: 'm', backend: '', platform: '', ...choice }).platform).toBe(platform);
  });

  it('says what there is', () => {
    const choose = (choice: object) => () =>
      tensorRuntimeFor({ name: 'm', backend: '', platform: '', folder: root, ...choice });
    expect(choose({ backend: 'tensorrt' })).toThrow("model 'm': no backend 'tensorrt', it can be onnxruntime");
    expect(choose({})).toThrow('has none of model.onnx');
  });
});
