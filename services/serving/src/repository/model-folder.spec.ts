import { describe, expect, it } from '@jest/globals';
import { checkModelName, chooseVersions, overridePath, versionOfFolder } from './model-folder.js';

describe('versions of a folder', () => {
  it.each([
    ['1', 1],
    ['20260101', 20260101],
    ['0', undefined],
    ['01', undefined],
    ['-1', undefined],
    ['v2', undefined],
  ])('a folder %s', (name, version) => {
    expect(versionOfFolder(name)).toBe(version);
  });

  it('are chosen by the policy', () => {
    const available = [10, 2, 1];
    expect(chooseVersions('m', { kind: 'latest', count: 2 }, available)).toEqual([2, 10]);
    expect(chooseVersions('m', { kind: 'latest', count: 9 }, available)).toEqual([1, 2, 10]);
    expect(chooseVersions('m', { kind: 'all' }, available)).toEqual([1, 2, 10]);
    expect(chooseVersions('m', { kind: 'specific', versions: [10, 1, 1] }, available)).toEqual([1, 10]);
    expect(() => chooseVersions('m', { kind: 'specific', versions: [3] }, available)).toThrow(
      /\[invalid_argument\].*names 3, the folder has 1, 2, 10/,
    );
  });
});

describe('names from outside', () => {
  it.each(['', '.', '..', '.git', 'a/b', 'a\\b', 'a\0', 'x'.repeat(129)])('%j is no model name', (name) => {
    expect(() => checkModelName(name)).toThrow(/\[invalid_argument\].*no model name/);
  });

  it.each(['add_sub', 'resnet-50.v2', '0', '_x y'])('%s is one', (name) => {
    expect(() => checkModelName(name)).not.toThrow();
  });

  it('file parameters stay inside the version', () => {
    expect(overridePath('1/model.onnx')).toEqual({ version: 1, path: 'model.onnx' });
    expect(overridePath('3/model.savedmodel/variables/variables.index').path).toBe(
      'model.savedmodel/variables/variables.index',
    );
    for (const wrong of ['model.onnx', '0/model.onnx', '1/', '1/../x', '1/.hidden', '/1/x', '1//x', '1/a\\b', '']) {
      expect(() => overridePath(wrong)).toThrow(/\[invalid_argument\]/);
    }
  });
});
