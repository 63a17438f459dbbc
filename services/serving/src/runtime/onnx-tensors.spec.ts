/** @jest-environment ./test/environments/native-arrays.mjs */
// Any ONNX file: every datatype there and back, scalars, dynamic and unknown shapes, several inputs and outputs, and
// the faults that only the engine sees.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type Datatype, type ElementValue, NO_PARAMETERS, Tensor } from '@millrace/inference';
import { type OnnxFile, onnxFile } from '@millrace/testing';
import { onnxTensorRuntime } from './onnx-tensors.onnx.js';
import type { EngineCall, ModelSource, TensorEngine } from './tensor-engine.js';

const root = mkdtempSync(join(tmpdir(), 'millrace-onnx-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;

const ALL: EngineCall = { outputs: [], parameters: NO_PARAMETERS, sequence: undefined };

function source(bytes: Uint8Array, more: Partial<ModelSource> = {}): ModelSource {
  const folder = mkdtempSync(join(root, `${folders++}-`));
  writeFileSync(join(folder, 'model.onnx'), bytes);
  return { name: 'm', version: 1, folder, parameters: {}, gpu: undefined, batched: true, ...more };
}

const loaded = (file: OnnxFile): Promise<TensorEngine> => onnxTensorRuntime.load(source(onnxFile(file)));

function identity(datatype: Datatype, shape: readonly (number | string)[] | undefined): OnnxFile {
  return {
    inputs: [{ name: 'x', datatype, shape }],
    outputs: [{ name: 'y', datatype, shape }],
    nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
  };
}

const VALUES: readonly (readonly [Datatype, readonly ElementValue[]])[] = [
  ['BOOL', [true, false, true]],
  ['UINT8', [0, 1, 255]],
  ['UINT16', [0, 1, 65535]],
  ['UINT32', [0, 1, 4294967295]],
  ['UINT64', [0n, 1n, 18446744073709551615n]],
  ['INT8', [-128, 0, 127]],
  ['INT16', [-32768, 0, 32767]],
  ['INT32', [-2147483648, 0, 2147483647]],
  ['INT64', [-9223372036854775808n, 0n, 9007199254740993n]],
  ['FP16', [-65504, 0.333251953125, 2 ** -24]],
  ['FP32', [-1.5, 0, 3.4028234663852886e38]],
  ['FP64', [-1.5, 0, 1.7976931348623157e308]],
  ['BYTES', ['', 'grün', '日本🙂']],
];

describe('the ONNX tensor runtime', () => {
  it.each(VALUES)('carries %s there and back', async (datatype, values) => {
    const engine = await loaded(identity(datatype, ['N']));
    expect(engine.inputs).toEqual([{ name: 'x', datatype, shape: [-1] }]);
    expect(engine.outputs).toEqual([{ name: 'y', datatype, shape: [-1] }]);
    const [y] = await engine.run([Tensor.of('x', datatype, [3], values)], ALL);
    expect([y?.name, y?.datatype, y?.shape]).toEqual(['y', datatype, [3]]);
    expect(y?.toValues()).toEqual([...values]);
    await engine.close();
  });

  it.each(VALUES)('reads %s at any offset of a message', async (datatype, values) => {
    const engine = await loaded(identity(datatype, ['N']));
    const raw = Tensor.of('x', datatype, [3], values).rawBytes();
    for (let offset = 0; offset < 8; offset++) {
      const message = new Uint8Array(raw.length + 16);
      message.set(raw, offset);
      const x = Tensor.raw('x', datatype, [3], message, offset, offset + raw.length);
      expect((await engine.run([x], ALL))[0]?.toValues()).toEqual([...values]);
    }
    await engine.close();
  });

  it('takes scalars, empty tensors and shapes of unknown rank', async () => {
    const scalar = await loaded(identity('FP32', []));
    const [y] = await scalar.run([Tensor.of('x', 'FP32', [], [2.5])], ALL);
    expect([y?.shape, y?.toValues()]).toEqual([[], [2.5]]);
    const empty = await loaded(identity('INT64', ['N', 3]));
    const [none] = await empty.run([Tensor.of('x', 'INT64', [0, 3], [])], ALL);
    expect([none?.shape, none?.toValues()]).toEqual([[0, 3], []]);
    const unknown = await loaded(identity('FP32', undefined));
    const [cube] = await unknown.run([Tensor.of('x', 'FP32', [1, 2, 1], [1, 2])], ALL);
    expect([cube?.shape, cube?.toValues()]).toEqual([
      [1, 2, 1],
      [1, 2],
    ]);
    await Promise.all([scalar, empty, unknown].map((engine) => engine.close()));
  });

  it('runs several inputs of several types to several outputs, and only those asked for', async () => {
    const engine = await loaded({
      inputs: [
        { name: 'a', datatype: 'FP32', shape: ['N', 2] },
        { name: 'n', datatype: 'INT64', shape: ['N'] },
      ],
      outputs: [
        { name: 'twice', datatype: 'FP32', shape: ['N', 2] },
        { name: 'large', datatype: 'BOOL', shape: ['N'] },
      ],
      nodes: [
        { op: 'Add', inputs: ['a', 'a'], outputs: ['twice'] },
        { op: 'Greater', inputs: ['n', 'limit'], outputs: ['large'] },
      ],
      constants: [{ name: 'limit', dims: [], data: BigInt64Array.of(10n) }],
    });
    const inputs = [Tensor.of('n', 'INT64', [2], [10n, 11n]), Tensor.of('a', 'FP32', [2, 2], [1, 2, 3, 4])];
    const both = await engine.run(inputs, ALL);
    expect(both.map((tensor) => [tensor.name, tensor.shape, tensor.toValues()])).toEqual([
      ['twice', [2, 2], [2, 4, 6, 8]],
      ['large', [2], [false, true]],
    ]);
    const one = await engine.run(inputs, { ...ALL, outputs: ['large'] });
    expect(one.map(({ name }) => name)).toEqual(['large']);
    await engine.close();
  });

  it.each([
    ['a wrong size', Tensor.of('x', 'FP32', [1, 3], [1, 2, 3])],
    ['a wrong rank', Tensor.of('x', 'FP32', [2], [1, 2])],
    ['a wrong type', Tensor.of('x', 'FP64', [1, 2], [1, 2])],
    ['a wrong name', Tensor.of('z', 'FP32', [1, 2], [1, 2])],
  ])('says that %s is the request’s fault', async (_what, tensor) => {
    const engine = await loaded(identity('FP32', ['N', 2]));
    await expect(engine.run([tensor], ALL)).rejects.toMatchObject({ code: 'invalid_argument' });
    const [y] = await engine.run([Tensor.of('x', 'FP32', [1, 2], [1, 2])], ALL);
    expect(y?.toValues()).toEqual([1, 2]);
    await engine.close();
  });

  it('leaves out outputs that are sequences or maps, as scikit-learn’s ZipMap gives, and refuses files with nothing else', async () => {
    const zipmap: OnnxFile = {
      inputs: [{ name: 'x', datatype: 'FP32', shape: ['N', 2] }],
      outputs: [
        { name: 'label', datatype: 'INT64', shape: ['N'] },
        { name: 'probabilities', datatype: 'FP32', shape: undefined, maps: true },
      ],
      nodes: [
        { op: 'ArgMax', inputs: ['x'], outputs: ['label'], attributes: { axis: 1, keepdims: 0 } },
        {
          op: 'ZipMap',
          domain: 'ai.onnx.ml',
          inputs: ['x'],
          outputs: ['probabilities'],
          attributes: { classlabels_int64s: [0, 1] },
        },
      ],
    };
    const engine = await loaded(zipmap);
    expect(engine.outputs).toEqual([{ name: 'label', datatype: 'INT64', shape: [-1] }]);
    const answer = await engine.run([Tensor.of('x', 'FP32', [2, 2], [0.75, 0.25, 0.125, 0.875])], ALL);
    expect(answer.map((tensor) => [tensor.name, tensor.toValues()])).toEqual([['label', [0n, 1n]]]);
    await engine.close();
    const onlyMaps = { ...zipmap, outputs: zipmap.outputs.slice(1), nodes: zipmap.nodes.slice(1) };
    await expect(loaded(onlyMaps)).rejects.toThrow("no output is a tensor: 'probabilities' are sequences or maps");
    const { inputs, outputs, nodes } = identity('FP32', ['N']);
    const maps = { name: 'maps', datatype: 'FP32' as const, shape: undefined, maps: true };
    await expect(loaded({ inputs: [...inputs, maps], outputs, nodes })).rejects.toThrow("'maps' is a sequence or map");
  });

  it('refuses texts that are no UTF-8, naming the input', async () => {
    const engine = await loaded(identity('BYTES', ['N']));
    const x = Tensor.of('x', 'BYTES', [1], [Uint8Array.of(0xff, 0xfe)]);
    await expect(engine.run([x], ALL)).rejects.toThrow("tensor 'x' has an element that is not valid UTF-8");
    const zero = Tensor.of('x', 'BYTES', [1], ['a\0b']);
    await expect(engine.run([zero], ALL)).rejects.toThrow("input 'x' has a text with a zero byte");
    await engine.close();
  });

  it('refuses files that are no model, missing ones, bad settings and paths out of the folder', async () => {
    const good = onnxFile(identity('FP32', ['N']));
    const load = (bytes: Uint8Array, parameters: Record<string, string> = {}) =>
      onnxTensorRuntime.load(source(bytes, { parameters }));
    await expect(load(new Uint8Array([1, 2, 3]))).rejects.toMatchObject({ code: 'corrupt' });
    await expect(load(good.subarray(0, good.length - 5))).rejects.toMatchObject({ code: 'corrupt' });
    await expect(load(good, { default_model_filename: 'other.onnx' })).rejects.toThrow("has no file 'other.onnx'");
    await expect(load(good, { default_model_filename: '../../x' })).rejects.toThrow('outside of its version’s folder');
    await expect(load(good, { intra_op_thread_count: 'many' })).rejects.toThrow("'many', expected 0 to 256");
    const twoThreads = await load(good, { intra_op_thread_count: '2', execution_mode: '1' });
    await twoThreads.close();
  });
});

it.each(['inputs', 'outputs'] as const)(
  'says of a model why it is not served whose %s has a name that is no key',
  async (side) => {
    const tensor = { name: '__proto__', datatype: 'FP32', shape: [2] } as const;
    const other = { ...tensor, name: 'z' };
    const [input, output] = side === 'inputs' ? [tensor, other] : [other, tensor];
    const nodes = [{ op: 'Identity', inputs: [input.name], outputs: [output.name] }];
    await expect(loaded({ inputs: [input], outputs: [output], nodes })).rejects.toThrow(
      "a tensor is called '__proto__', which ONNX Runtime's Node binding cannot be asked for: export the model with another name",
    );
  },
);
