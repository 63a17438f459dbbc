import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PlatformError, seededRng } from '@millrace/domain';
import { onnxOutline } from './onnx-outline.codec.js';

const outlineOf = (bytes: Uint8Array) =>
  onnxOutline({ size: bytes.length, at: (offset, length) => bytes.subarray(offset, offset + length) });

/** Fields of a message, by number: a text, a message's bytes, or a number. Written by hand: our proto/onnx has less. */
function message(...fields: [number: number, value: string | Uint8Array | number][]): Uint8Array {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.from([...varint(number * 8), ...varint(value)]);
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      return Buffer.concat([Buffer.from([...varint(number * 8 + 2), ...varint(bytes.length)]), bytes]);
    }),
  );
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}

const model = (...graph: Uint8Array[]) => message([1, 8], ...graph.map((one) => [7, one] as [number, Uint8Array]));
const weights = message([1, 2], [2, 1], [8, 'w'], [9, new Uint8Array(100_000)]);
const outside = (location: string) =>
  message([8, 'w'], [13, message([1, 'location'], [2, location])], [13, message([1, 'offset'], [2, '0'])]);
const tensor = message([1, message([1, 1])]);
const maps = message([4, message([1, message([5, message([1, 7], [2, tensor])])])]);
const output = (name: string, type: Uint8Array) => message([1, name], [2, type]);
const node = (...attributes: Uint8Array[]) =>
  message([2, 'y'], [4, 'If'], ...attributes.map((one) => [5, one] as [number, Uint8Array]));

describe('the outline of an ONNX file', () => {
  it('is empty of a model that is whole in itself', () => {
    const graph = message([2, 'g'], [5, weights], [12, output('p', tensor)]);
    expect(outlineOf(model(graph))).toEqual({ external: [], noTensors: [] });
  });

  it('names every file that weights are looked for in, also below nodes, in functions and in sparse tensors', () => {
    const inner = message([5, outside('/abs/olute.bin')]);
    const graph = message(
      [5, weights],
      [5, outside('weights.bin')],
      [1, node(message([1, 'value'], [5, outside('../../../etc/passwd')]))],
      [1, node(message([1, 'then_branch'], [6, inner]))],
      [15, message([1, outside('sparse.bin')])],
    );
    const functions = message([7, node(message([1, 'value'], [5, outside('function.bin')]))]);
    const whole = Buffer.concat([model(graph), message([25, functions])]);
    expect([...outlineOf(whole).external].sort()).toEqual([
      '../../../etc/passwd',
      '/abs/olute.bin',
      'function.bin',
      'sparse.bin',
      'weights.bin',
    ]);
  });

  it('names outputs that are no tensors, of the model and not of graphs within it', () => {
    const inner = message([12, output('inside', maps)]);
    const graph = message(
      [1, node(message([1, 'then_branch'], [6, inner]))],
      [12, output('label', tensor)],
      [12, output('output_probability', maps)],
    );
    expect(outlineOf(model(graph)).noTensors).toEqual(['output_probability']);
  });

  it.each(['churn.onnx', 'logistic.onnx', 'boosted.onnx', 'lightgbm.onnx', 'xgboost.onnx'])(
    'is empty of %s',
    (name) => {
      const bytes = readFileSync(join(process.cwd(), 'examples/own-model', name));
      expect(outlineOf(bytes)).toEqual({ external: [], noTensors: [] });
    },
  );

  it('is refused where the file is cut, is something else, has no graph, or is nested without end', () => {
    const whole = model(message([2, 'graph'], [5, message([9, new Uint8Array(64)])]));
    for (let length = 0; length < whole.length; length++) {
      expect(() => outlineOf(whole.subarray(0, length))).toThrow(/this is no ONNX model/);
    }
    expect(() => outlineOf(new TextEncoder().encode('age,income\n1,2\n'))).toThrow(/no ONNX model: .*onnx\.save/);
    expect(() => outlineOf(model())).toThrow(/it has no graph/);
    let graph = message([2, 'leaf']);
    for (let depth = 0; depth < 40; depth++) graph = message([1, node(message([6, graph]))]);
    expect(() => outlineOf(model(graph))).toThrow(/nested more than 32 deep/);
  });

  it('of noise is a refusal or an outline, and nothing else', () => {
    const rng = seededRng(5);
    const whole = model(message([5, outside('w.bin')], [12, output('p', maps)]));
    for (let round = 0; round < 2_000; round++) {
      const broken = Uint8Array.from(whole);
      for (let flips = 0; flips < 3; flips++) broken[rng.below(broken.length)] = rng.below(256);
      try {
        outlineOf(broken);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(PlatformError);
      }
    }
  });
});
