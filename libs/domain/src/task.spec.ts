import { describe, expect, it } from '@jest/globals';
import { binaryLabel, outputValue, TASK_KINDS, taskOf, WORKING_TASK_KINDS } from './task.js';

const answer = (probability: unknown) => [
  { name: 'probability', value: probability as number },
  { name: 'label', value: '1' },
];

describe('taskOf', () => {
  it('knows binary and score, and says of the other kinds that they do not work yet', () => {
    expect(WORKING_TASK_KINDS).toEqual(['binary', 'score']);
    for (const kind of TASK_KINDS) {
      if (WORKING_TASK_KINDS.includes(kind)) expect(taskOf(kind).kind).toBe(kind);
      else expect(() => taskOf(kind)).toThrow(`Tasks of kind '${kind}' do not work yet. Write binary or score.`);
    }
    expect(() => taskOf('clustering')).toThrow("No task is called 'clustering'. Write binary or score.");
    expect(() => taskOf('constructor')).toThrow('No task');
  });
});

describe('the binary task', () => {
  const task = taskOf('binary');

  it('takes labels 0 and 1 only', () => {
    expect([0, 1].map(task.labelFault)).toEqual([undefined, undefined]);
    for (const label of [0.5, -1, 2, Number.NaN]) expect(task.labelFault(label)).toContain(String(label));
  });

  it.each([[-0.01], [1.01], [Number.NaN], ['0.5'], [[0.5]]])('says what is wrong with a probability of %p', (value) => {
    expect(task.outputsFault(answer(value))).toContain('probability');
  });

  it('scores an answer by its probability, wherever it stands', () => {
    expect(task.outputsFault(answer(0.25))).toBeUndefined();
    expect(task.scoreOf(answer(0.25))).toBe(0.25);
    expect(task.scoreOf([...answer(0.25)].reverse())).toBe(0.25);
    expect(task.outputsFault([{ name: 'label', value: '1' }])).toBe("no output 'probability'");
    expect(outputValue(answer(0.25), task.scoreName)).toBe(0.25);
  });

  it('has the share of ones as its trivial baseline, which is a good answer', () => {
    const outputs = task.trivialBaseline.outputs([1, 0, 0, 0]);
    expect(outputs).toEqual([
      { name: 'probability', value: 0.25 },
      { name: 'label', value: '0' },
    ]);
    expect(task.outputsFault(outputs)).toBeUndefined();
    expect(outputs.map(({ name }) => name)).toEqual(task.outputs.map(({ name }) => name));
  });

  it('labels from one half on', () => {
    expect([0, 0.499, 0.5, 1].map(binaryLabel)).toEqual(['0', '0', '1', '1']);
  });
});

describe('the task of any score', () => {
  const task = taskOf('score');

  it('takes every number that is one as its own score, and no label', () => {
    for (const score of [-3.5, 0, 1e9]) {
      expect(task.outputsFault(task.outputsOf(score))).toBeUndefined();
      expect(task.scoreOf(task.outputsOf(score))).toBe(score);
    }
    expect(task.outputsFault(task.outputsOf(Number.NaN))).toBe("output 'score' is NaN, not a number");
    expect(task.outputsFault([])).toBe("no output 'score'");
    expect(task.labelFault(1)).toContain('no labels');
    expect(task.trivialBaseline.outputs([1, 2])).toEqual([{ name: 'score', value: 1.5 }]);
  });
});
