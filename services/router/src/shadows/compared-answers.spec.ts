import { describe, expect, it } from '@jest/globals';
import { type ElementValue, Tensor } from '@millrace/inference';
import { compareAnswers } from './compared-answers.js';

const answer = (...outputs: [name: string, datatype: string, shape: number[], values: ElementValue[]][]) => ({
  modelName: 'p',
  modelVersion: '1',
  id: 'r',
  parameters: {},
  outputs: outputs.map(([name, datatype, shape, values]) => Tensor.of(name, datatype, shape, values)),
});
const binary = (probabilities: number[], labels: string[]) =>
  answer(['probability', 'FP64', [labels.length], probabilities], ['label', 'BYTES', [labels.length], labels]);
const scores = (values: number[], width = 1) => answer(['y', 'FP64', [values.length / width, width], values]);

describe('two answers to one request', () => {
  it('disagree by row where a deciding output differs, however near the numbers are', () => {
    const live = binary([0.49, 0.2, 0.9], ['no', 'no', 'yes']);
    const shadow = binary([0.51, 0.4, 0.9], ['yes', 'no', 'yes']);
    const compared = compareAnswers(live, shadow);
    expect(compared).toMatchObject({ rows: 3, disagreeing: 1, elements: 3, notFinite: 0 });
    expect(compared?.differenceSum).toBeCloseTo(0.02 + 0.2, 12);
  });

  it('disagree without a deciding output where the first differs by more than noise, once a row', () => {
    expect(compareAnswers(scores([1, 2, 3, 4], 2), scores([1.5, 2.5, 3, 4], 2))).toMatchObject({
      rows: 2,
      disagreeing: 1,
      elements: 4,
      differenceSum: 1,
    });
    expect(compareAnswers(scores([1_000_000]), scores([1_000_001]))).toMatchObject({ disagreeing: 0 });
  });

  it('disagree where a number is finite in one alone, which stays out of the mean', () => {
    const compared = compareAnswers(scores([1, 2, Number.NaN]), scores([1, Number.NaN, Number.NaN]));
    expect(compared).toEqual({ rows: 3, disagreeing: 1, elements: 1, differenceSum: 0, notFinite: 1 });
  });

  it.each([
    ['another output', scores([1]), answer(['z', 'FP64', [1, 1], [1]])],
    ['another shape', scores([1, 2]), scores([1, 2], 2)],
    ['another datatype', scores([1]), answer(['y', 'FP32', [1, 1], [1]])],
    ['no output', answer(), answer()],
    ['no rows', scores([]), scores([])],
  ])('with %s say nothing', (_, live, shadow) => {
    expect(compareAnswers(live, shadow)).toBeUndefined();
  });

  it('of texts alone have no difference of numbers', () => {
    const texts = (value: string) => answer(['label', 'BYTES', [1], [value]]);
    expect(compareAnswers(texts('a'), texts('b'))).toMatchObject({ rows: 1, disagreeing: 1, elements: 0 });
  });
});
