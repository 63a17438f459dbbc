import { describe, expect, it } from '@jest/globals';
import { Tensor, type TensorSpec } from '@millrace/inference';
import { generateJson, generateRequest } from './generate.js';

const spec = (name: string, datatype: TensorSpec['datatype'], shape: number[]): TensorSpec => ({
  name,
  datatype,
  shape,
});
const request = (json: Record<string, unknown>, inputs: TensorSpec[], batched: boolean) =>
  generateRequest(json, { name: 'm', inputs, batched }, '2');

describe('generate', () => {
  it('makes inputs of the keys that are inputs and parameters of the others', () => {
    const made = request(
      { text: 'hello', temperature: 0.5, stream: true, parameters: { top_k: 3 }, id: 'one' },
      [spec('text', 'BYTES', [-1, 1])],
      true,
    );
    expect(made.inputs.map((input) => [input.name, input.shape, input.toValues()])).toEqual([
      ['text', [1, 1], ['hello']],
    ]);
    expect({ ...made.parameters }).toEqual({ temperature: 0.5, stream: true, top_k: 3n });
    expect([made.id, made.modelName, made.modelVersion]).toEqual(['one', 'm', '2']);
  });

  it.each([
    [[-1, -1], true, [1, 4]],
    [[-1, 2, -1], true, [1, 2, 2]],
    [[-1], true, [4]],
    [[-1], false, [4]],
    [[2, 2], false, [2, 2]],
  ])('declared %j (batched: %s) takes four values as %j', (shape, batched, expected) => {
    expect(request({ x: [1, 2, 3, 4] }, [spec('x', 'FP32', shape)], batched).inputs[0]!.shape).toEqual(expected);
  });

  it('refuses what is neither', () => {
    const inputs = [spec('x', 'FP32', [-1, -1])];
    expect(() => request({ x: [[1]] }, inputs, true)).toThrow(/flat list/);
    expect(() => request({ y: [1] }, inputs, true)).toThrow(/'y' is no input/);
    expect(() => request({ x: 1 }, [spec('x', 'FP32', [-1, -1, -1])], true)).toThrow(/open size/);
  });

  it('answers flat JSON, single elements without brackets', () => {
    const outputs = [
      Tensor.of('text', 'BYTES', [1, 1], ['hi "you"']),
      Tensor.of('scores', 'FP32', [1, 2], [0.5, 2]),
      Tensor.of('count', 'INT64', [1], [9007199254740993n]),
    ];
    const response = { id: 'one', modelName: 'm', modelVersion: '1', parameters: { done: true }, outputs };
    expect(generateJson(response)).toBe(
      '{"id":"one","model_name":"m","model_version":"1","done":true,"text":"hi "you"","scores":[0.5,2],"count":9007199254740993}'.replace(
        'hi "you"',
        'hi \\"you\\"',
      ),
    );
  });
});
