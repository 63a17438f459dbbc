import { describe, expect, it } from '@jest/globals';
import { inputOption, outputOption } from './binding-options.js';

describe('--input', () => {
  it.each([
    ['X=a', 'X', ['a']],
    ['float_input=age, income ,city', 'float_input', ['age', 'income', 'city']],
    ['X="a, b",c', 'X', ['a, b', 'c']],
    ['serving_default_x:0=a', 'serving_default_x:0', ['a']],
  ])('%s', (text, tensor, columns) => expect(inputOption(text)).toEqual({ tensor, columns }));

  it.each(['X', '=a', 'X=', 'X=a,,b', 'X="a', ''])('%j is refused with how it is written', (text) =>
    expect(() => inputOption(text)).toThrow(/write --input TENSOR=column,column/),
  );
});

describe('--output', () => {
  it.each([
    ['probability=probabilities[1]', 'probability', 'probabilities', 1, 'value'],
    ['probability=dense_2', 'probability', 'dense_2', 0, 'value'],
    ['probability=logit(out[1])', 'probability', 'out', 1, 'logit'],
    ['probability=logit(out)', 'probability', 'out', 0, 'logit'],
    ['probability=StatefulPartitionedCall:0[0]', 'probability', 'StatefulPartitionedCall:0', 0, 'value'],
  ])('%s', (text, output, tensor, index, of) => expect(outputOption(text)).toEqual({ output, tensor, index, of }));

  it.each(['probability', '=x', 'probability=', 'p=logit()'])('%j is refused with how it is written', (text) =>
    expect(() => outputOption(text)).toThrow(/write --output probability=TENSOR\[1\]/),
  );
});
