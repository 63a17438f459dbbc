import { describe, expect, it } from '@jest/globals';
import { loadParameters, unloadParameters } from './load-parameters.js';

describe('load parameters', () => {
  it('take a configuration and files, as bytes or base64', () => {
    const { config, files } = loadParameters([
      ['config', '{}'],
      ['file:1/model.onnx', new Uint8Array([1, 2])],
      ['file:2/model.savedmodel/saved_model.pb', 'AwQ='],
    ]);
    expect(config).toBe('{}');
    expect([...files].map(([path, bytes]) => [path, [...bytes]])).toEqual([
      ['1/model.onnx', [1, 2]],
      ['2/model.savedmodel/saved_model.pb', [3, 4]],
    ]);
    expect(loadParameters([])).toEqual({ config: undefined, files: new Map() });
  });

  it.each([
    [[['config', 3n]], /'config' must be a text/],
    [[['file:1/model.onnx', 'AwQ=']], /needs 'config'/],
    [
      [
        ['config', '{}'],
        ['file:1/../../passwd', 'AwQ='],
      ],
      /is not file:<version>/,
    ],
    [
      [
        ['config', '{}'],
        ['file:/etc/passwd', 'AwQ='],
      ],
      /is not file:<version>/,
    ],
    [
      [
        ['config', '{}'],
        ['file:x/model.onnx', 'AwQ='],
      ],
      /is not file:<version>/,
    ],
    [
      [
        ['config', '{}'],
        ['file:1/model.onnx', '!'],
      ],
      /base64/,
    ],
    [
      [
        ['config', '{}'],
        ['file:1/model.onnx', 'A'],
      ],
      /base64/,
    ],
    [[['nonsense', '']], /'nonsense' is no load parameter/],
  ] as [[string, string | bigint][], RegExp][])('refuse %j', (given, reason) => {
    expect(() => loadParameters(given)).toThrow(reason);
  });

  it('of an unload are one boolean', () => {
    expect(unloadParameters([])).toBe(false);
    expect(unloadParameters([['unload_dependents', true]])).toBe(true);
    expect(() => unloadParameters([['unload_dependents', 'yes']])).toThrow(/boolean/);
    expect(() => unloadParameters([['nonsense', true]])).toThrow(/'nonsense'/);
  });
});
