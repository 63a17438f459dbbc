import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { inferencePb } from '@millrace/contracts';
import { firstScore } from '@millrace/inference';

const raw = (values: Float32Array | Float64Array) => new Uint8Array(values.buffer);

function answer(part: Parameters<typeof create<typeof inferencePb.ModelInferResponseSchema>>[1]) {
  return create(inferencePb.ModelInferResponseSchema, { modelName: 'm', modelVersion: '3', id: 'a', ...part });
}

const bytesOf = (part: Parameters<typeof answer>[0]) => toBinary(inferencePb.ModelInferResponseSchema, answer(part));
const head = (datatype: string) => ({ name: 'scores', datatype, shape: [1n, 2n] });

describe('the first number of an answer', () => {
  it.each([
    ['FP32, raw', { outputs: [head('FP32')], rawOutputContents: [raw(new Float32Array([0.25, 9]))] }, 0.25],
    ['FP64, raw', { outputs: [head('FP64')], rawOutputContents: [raw(new Float64Array([-1e300, 9]))] }, -1e300],
    ['FP32, contents', { outputs: [{ ...head('FP32'), contents: { fp32Contents: [1.5, 2] } }] }, 1.5],
    ['FP64, contents', { outputs: [{ ...head('FP64'), contents: { fp64Contents: [0.1, 2] } }] }, 0.1],
    ['NaN', { outputs: [head('FP32')], rawOutputContents: [raw(new Float32Array([Number.NaN]))] }, Number.NaN],
    [
      'the first of two outputs',
      {
        outputs: [head('FP64'), head('FP32')],
        rawOutputContents: [raw(new Float64Array([7])), raw(new Float32Array([8]))],
      },
      7,
    ],
    [
      'of a whole number there is none',
      { outputs: [head('INT64')], rawOutputContents: [new Uint8Array(8)] },
      undefined,
    ],
    ['of a text there is none', { outputs: [head('BYTES')], rawOutputContents: [new Uint8Array(8)] }, undefined],
    ['nothing in it', { outputs: [head('FP32')], rawOutputContents: [new Uint8Array(0)] }, undefined],
    ['no output', {}, undefined],
  ])('%s', (_what, part, expected) => {
    expect(firstScore(bytesOf(part), false)).toEqual(expected);
    const stream = create(inferencePb.ModelStreamInferResponseSchema, { inferResponse: answer(part) });
    expect(firstScore(toBinary(inferencePb.ModelStreamInferResponseSchema, stream), true)).toEqual(expected);
  });

  it('bytes that are cut anywhere, or are none, have no number and fault nothing', () => {
    const whole = bytesOf({ outputs: [head('FP32')], rawOutputContents: [raw(new Float32Array([0.25]))] });
    for (let length = 0; length < whole.length; length++)
      expect(firstScore(whole.slice(0, length), false)).toBeUndefined();
    let state = 1;
    for (let round = 0; round < 2_000; round++) {
      const noise = Uint8Array.from({ length: 40 }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state >>> 24;
      });
      expect(() => firstScore(noise, round % 2 === 0)).not.toThrow();
    }
  });
});
