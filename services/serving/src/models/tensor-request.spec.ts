import { describe, expect, it } from '@jest/globals';
import { decodeRestRequest, Tensor } from '@millrace/inference';
import { PLAIN_BATCHING, PLAIN_MODEL } from './model-defaults.js';
import { TensorRequestReader } from './tensor-request.js';

const readerOf = (platform: string) =>
  new TensorRequestReader({
    name: 'm',
    platform,
    backend: '',
    maxBatchSize: 8,
    inputs: [{ name: 'x', datatype: 'FP32', shape: [1], optional: false }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [1], labels: [] }],
    batching: PLAIN_BATCHING,
    ...PLAIN_MODEL,
  });

const keyOf = (platform: string, entity: string) =>
  readerOf(platform).read({
    modelName: 'm',
    modelVersion: '',
    id: '',
    parameters: { entity },
    inputs: [Tensor.of('x', 'FP32', [1, 1], [1])],
    outputs: [],
  }).key;

describe('requests of different parameters', () => {
  it.each(['onnxruntime_onnx', 'tensorflow_savedmodel', 'tfjs_layers'])('share a batch of %s', (platform) => {
    expect(keyOf(platform, 'ann')).toBe(keyOf(platform, 'bob'));
  });

  it('share none where a module may read them', () => {
    expect(keyOf('typescript_module', 'ann')).not.toBe(keyOf('typescript_module', 'bob'));
    expect(keyOf('typescript_module', 'ann')).toBe(keyOf('typescript_module', 'ann'));
  });
});

describe('a null of JSON', () => {
  it('is refused with input and row: a model of tensors knows no missing values', () => {
    const body = { inputs: [{ name: 'x', datatype: 'FP32', shape: [3, 1], data: [1, 2, null] }] };
    const request = decodeRestRequest(new TextEncoder().encode(JSON.stringify(body)), undefined, 'm', '');
    expect(() => readerOf('onnxruntime_onnx').read(request)).toThrow(
      "input 'x' row 3 is null, and model 'm' knows no missing values",
    );
  });
});
