// A specification from a configuration and the engine's own declaration: what is filled, what is refused.

import { describe, expect, it } from '@jest/globals';
import type { TensorSpec } from '@millrace/inference';
import { PLAIN_BATCHING } from '../models/model-defaults.js';
import { batchedBefore, completeSpec, ensembleSpec, MAX_BATCH_SIZE_DEFAULT } from './auto-complete.js';
import { draftFromText } from './model-draft.codec.js';

const ONNX = { platform: 'onnxruntime_onnx', backends: ['onnxruntime'], declaresBatch: true };
const MODULE = { platform: 'typescript_module', backends: ['typescript'], declaresBatch: false };

const spec = (name: string, datatype: TensorSpec['datatype'], ...shape: number[]): TensorSpec => ({
  name,
  datatype,
  shape,
});
const ENGINE = { inputs: [spec('x', 'FP32', -1, 4)], outputs: [spec('y', 'FP32', -1, -1)] };

const draft = (text: string) => draftFromText(text, 'config.pbtxt', 'm').draft;
const complete = (text: string, engine = ENGINE, runtime = ONNX) => completeSpec(draft(text), engine, runtime);

describe('a specification', () => {
  it('is made from the engine alone: batches where every tensor is open in front', () => {
    expect(complete('')).toMatchObject({
      name: 'm',
      platform: 'onnxruntime_onnx',
      backend: 'onnxruntime',
      maxBatchSize: MAX_BATCH_SIZE_DEFAULT,
      inputs: [{ name: 'x', datatype: 'FP32', shape: [4], optional: false }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1], labels: [] }],
      batching: PLAIN_BATCHING,
      instanceGroups: [],
    });
    const fixed = { ...ENGINE, outputs: [spec('y', 'FP32', 3)] };
    expect(complete('', fixed)).toMatchObject({
      maxBatchSize: 0,
      inputs: [{ shape: [-1, 4] }],
      outputs: [{ shape: [3] }],
      batching: undefined,
    });
  });

  it('takes max_batch_size as Triton: without it, listed dims are whole shapes and nothing batches', () => {
    const tensors =
      'input { name: "x" data_type: TYPE_FP32 dims: [ -1, 4 ] } output { name: "y" data_type: TYPE_FP32 dims: [ -1, 2 ] }';
    expect(complete(tensors)).toMatchObject({ maxBatchSize: 0, outputs: [{ shape: [-1, 2] }], batching: undefined });
    expect(complete('max_batch_size: 8')).toMatchObject({
      maxBatchSize: 8,
      inputs: [{ shape: [4] }],
      batching: undefined,
    });
    expect(complete('max_batch_size: 8 dynamic_batching { }').batching).toEqual(PLAIN_BATCHING);
  });

  it('fills what a listed tensor leaves open', () => {
    const text = 'max_batch_size: 8 input { name: "x" optional: true } output { name: "y" dims: 3 }';
    expect(complete(text)).toMatchObject({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [4], optional: true }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [3] }],
    });
  });

  it('takes configured dims where the engine does not know the rank', () => {
    const engine = { inputs: [spec('x', 'FP32')], outputs: [spec('y', 'FP32')] };
    const text = 'max_batch_size: 2 input { name: "x" dims: [ 2, 2 ] } output { name: "y" dims: 1 }';
    expect(complete(text, engine)).toMatchObject({ inputs: [{ shape: [2, 2] }], outputs: [{ shape: [1] }] });
  });

  it('gives labels to their outputs', () => {
    expect(completeSpec(draft(''), ENGINE, ONNX, { y: ['cat', 'dog'] }).outputs[0]?.labels).toEqual(['cat', 'dog']);
  });

  it('hides controls and states from clients, and keeps reshapes', () => {
    const engine = {
      inputs: [spec('x', 'FP32', -1), spec('START', 'INT32', -1, 1), spec('S', 'FP32', -1, 2)],
      outputs: [spec('y', 'FP32', -1, 1), spec('S2', 'FP32', -1, 2)],
    };
    const found = complete(
      `max_batch_size: 4 input { name: "x" dims: 1 reshape { } }
       sequence_batching { control_input { name: "START" control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } }
       state { input_name: "S" output_name: "S2" data_type: TYPE_FP32 dims: 2 } }`,
      engine,
    );
    expect(found.inputs).toEqual([{ name: 'x', datatype: 'FP32', shape: [1], optional: false }]);
    expect(found.outputs.map(({ name }) => name)).toEqual(['y']);
    expect(found.adaptation?.reshapes).toEqual({ x: [] });
    expect(found.batching).toBeUndefined();
  });

  it('knows before loading whether dimension 0 is the batch', () => {
    expect(batchedBefore(draft('max_batch_size: 1'), MODULE)).toBe(true);
    expect(batchedBefore(draft('max_batch_size: 0'), ONNX)).toBe(false);
    expect(batchedBefore(draft('input { name: "x" }'), ONNX)).toBe(false);
    expect(batchedBefore(draft(''), ONNX)).toBe(true);
    expect(batchedBefore(draft(''), MODULE)).toBe(false);
    expect(complete('', ENGINE, MODULE)).toMatchObject({ maxBatchSize: 0, inputs: [{ shape: [-1, 4] }] });
  });

  it('of an ensemble is what its configuration says', () => {
    const found = ensembleSpec(
      draft(`platform: "ensemble" max_batch_size: 2
        input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 2 }
        ensemble_scheduling { step { model_name: "a" input_map { key: "i" value: "x" } output_map { key: "o" value: "y" } } }`),
    );
    expect(found).toMatchObject({
      platform: 'ensemble',
      maxBatchSize: 2,
      inputs: [{ name: 'x', datatype: 'FP32', shape: [4] }],
      ensemble: [{ model: 'a', version: -1 }],
    });
  });

  it('names everything that does not fit', () => {
    const text = `max_batch_size: 8
      input { name: "z" data_type: TYPE_FP32 dims: 4 }
      output { name: "y" data_type: TYPE_INT64 dims: [ 1, 1 ] }`;
    const engine = { inputs: ENGINE.inputs, outputs: [spec('y', 'FP32', 1, 3)] };
    expect(() => complete(text, engine)).toThrow(
      [
        "[invalid_argument] model 'm' and its configuration differ:",
        "the model has no input 'z', it has 'x'",
        "the model's input 'x' is not in the configuration",
        "output 'y' is configured as INT64, the model has FP32",
        "output 'y' of the model has a fixed first dimension 1, so max_batch_size must be 0",
        "output 'y' is configured as [1,1], the model has [3] without the batch dimension",
      ].join('\n'),
    );
  });
});
