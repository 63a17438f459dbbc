import { describe, expect, it } from '@jest/globals';
import { registrationRequest } from './registration-request.js';

const file = (...paths: string[]) => ({ files: paths.map((path) => ({ path, upload: `u-${path}` })) });
const upstream = { address: 'triton:8001', model: 'churn', version: '' };
const of = (body: object) => registrationRequest('p', { datasetVersions: [], ...body });

describe('a request for a registration', () => {
  it('is one ONNX file, a SavedModel folder, or an upstream', () => {
    expect(of(file('model.onnx')).registration?.files).toHaveLength(1);
    expect(
      of(file('saved_model.pb', 'variables/variables.index', 'assets/words.txt')).registration?.files,
    ).toHaveLength(3);
    expect(of({ upstream, reason: 'from Triton' })).toMatchObject({
      ...{ project: 'p', trigger: 'from Triton', workers: 0 },
      registration: { upstream, files: [], inputs: [], outputs: [] },
    });
  });

  it.each<[object, RegExp]>([
    [{}, /either the files of the model or an upstream/],
    [{ ...file('model.onnx'), upstream }, /either the files of the model or an upstream/],
    [file('model.pkl'), /one file model\.onnx, or a SavedModel folder.*model\.pkl/],
    [file('saved_model.pb', '../../etc/passwd'), /'\.\.\/\.\.\/etc\/passwd' is no place/],
    [file('saved_model.pb', '/etc/passwd'), /'\/etc\/passwd' is no place/],
    [file('saved_model.pb', 'a/b/c/d/e/f/g'), /is no place/],
    [file('saved_model.pb', 'variables/.hidden'), /is no place/],
    [file('saved_model.pb', 'saved_model.pb'), /named twice/],
    [{ upstream: { address: 'x:1', model: '' } }, /upstream/],
  ])('and nothing else: %j', (body, words) => expect(() => of(body)).toThrow(words));
});
