import { describe, expect, it } from '@jest/globals';
import type { TensorSpec } from '@millrace/inference';
import { parseProject } from '@millrace/project';
import { outputWish, projectName, watchedModel } from './project-of-model.js';

const tensor = (name: string, datatype: string, ...shape: number[]) => ({ name, datatype, shape }) as TensorSpec;
const SCORE = [tensor('score', 'FP32', -1, 1)];

function watched(inputs: TensorSpec[], outputs = SCORE, wishes: Partial<Parameters<typeof watchedModel>[1]> = {}) {
  return watchedModel({ name: 'Risk_Model.v2', inputs, outputs }, { window: '15m', ...wishes });
}

function project(text: string) {
  const parsed = parseProject(text, 'project.yaml');
  if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.faults));
  return parsed.project;
}

describe('a model that is served elsewhere becomes a project', () => {
  it('with a column a value: numbered in a tensor of several, else called like the tensor', () => {
    const { text, inputs, outputs, sentences } = watched([
      tensor('x', 'FP32', -1, 4),
      tensor('age', 'INT64', -1),
      tensor('city', 'BYTES', -1, 1),
      tensor('member', 'BOOL', -1, 1),
    ]);
    const { name, scope, data, features, monitoring } = project(text);
    expect([name, scope.task, data.label, monitoring.windowMs]).toEqual(['risk-model-v2', 'score', undefined, 900_000]);
    expect(data.columns.map((column) => `${column.name}:${column.type}`)).toEqual([
      ...['x_0:number', 'x_1:number', 'x_2:number', 'x_3:number', 'age:integer', 'city:text', 'member:boolean'],
    ]);
    expect(features.map(({ kind }) => kind)).toEqual([
      ...['numeric', 'numeric', 'numeric', 'numeric', 'numeric', 'categorical', 'categorical'],
    ]);
    expect(inputs[0]).toEqual({ tensor: 'x', columns: ['x_0', 'x_1', 'x_2', 'x_3'] });
    expect(outputs).toEqual([{ output: 'score', tensor: 'score', index: 0, of: 'value' }]);
    expect(sentences[0]).toBe("x_0 … x_3 from 'x' FP32 [N,4]");
  });

  it('with names that a project file takes, each once, whatever the tensors are called', () => {
    const names = [' label ', '@in:0', 'X', 'x', 'yes', 'a"b\\\n', 'entity'];
    const { text } = watched(names.map((name) => tensor(name, 'FP32', -1, 1)));
    expect(project(text).data.columns.map(({ name }) => name)).toEqual([
      ...['label', 'in:0', 'X', 'x.2', 'yes', 'a"b\\_', 'entity'],
    ]);
  });

  it('watches the first number, or what its user says', () => {
    const outputs = [tensor('label', 'BYTES', -1), tensor('class', 'INT64', -1), tensor('scores', 'FP32', -1, 3)];
    const inputs = [tensor('x', 'FP32', -1, 1)];
    expect(watched(inputs, outputs).outputs[0]).toMatchObject({ output: 'score', tensor: 'scores', index: 0 });
    const wish = outputWish('probability=scores[2]');
    const { text, outputs: bound } = watched(inputs, outputs, { output: wish });
    expect(bound[0]).toMatchObject({ output: 'probability', tensor: 'scores', index: 2 });
    expect(project(text).scope.task).toBe('binary');
  });

  it.each<[string, TensorSpec[], TensorSpec[], string]>([
    ['nothing is said of', [], [], 'declare them there'],
    ['images are given to', [tensor('x', 'FP32', -1, 3, 224, 224)], SCORE, '150528 values a row, at most 1000'],
    ['rows have any length of', [tensor('x', 'FP32', -1, -1)], SCORE, 'rows of any length'],
    ['no batch is taken by', [tensor('x', 'FP32', 4)], SCORE, 'no open first size'],
    [
      'texts are answered by',
      [tensor('x', 'FP32', -1, 1)],
      [tensor('t', 'BYTES', -1)],
      'none of its outputs is a number',
    ],
  ])('or is refused with what to write: %s it', (_what, inputs, outputs, words) => {
    expect(() => watched(inputs, outputs)).toThrow(words);
  });

  it('refuses a number that is not there, naming those that are', () => {
    const wish = outputWish('score=scores[3]');
    const there = "it has no number scores[3]; its outputs are 'scores' FP32 [N,3]";
    expect(() => watched([tensor('x', 'FP32', -1, 1)], [tensor('scores', 'FP32', -1, 3)], { output: wish })).toThrow(
      there,
    );
  });

  it('reads --output only where it says which number', () => {
    expect(outputWish('score=a[b][2]')).toEqual({ output: 'score', tensor: 'a[b]', index: 2 });
    expect(outputWish('score=logits')).toEqual({ output: 'score', tensor: 'logits', index: 0 });
    for (const wrong of ['logits', 'label=x', 'score=', '=x']) expect(outputWish(wrong)).toBeUndefined();
  });

  it('says that a name of no letters cannot be a project', () => {
    expect(projectName('Größe 3')).toBe('gr-e-3');
    expect(() => projectName('42')).toThrow('name one with --project');
  });
});
