import { describe, expect, it } from '@jest/globals';
import { exampleRequest, type ServedRow, serveReportText } from './serve-report.js';

const adder: ServedRow = {
  name: 'adder',
  version: '1',
  state: 'READY',
  reason: '',
  platform: 'onnxruntime_onnx',
  inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 2] }],
  outputs: [{ name: 'Y', datatype: 'FP32', shape: [-1, 1] }],
};
const sequence: ServedRow = { ...adder, name: 'a_sequence', plain: false };
const broken: ServedRow = { name: 'broken', version: '1', state: 'UNAVAILABLE', reason: 'no model at all' };

describe('serveReportText', () => {
  it('says what is served, what is not and why, and how to ask', () => {
    const text = serveReportText({
      repository: '/models',
      http: 'http://127.0.0.1:8030',
      grpc: '127.0.0.1:8031',
      metrics: 'http://127.0.0.1:8030/metrics',
      log: '/log',
      models: [sequence, adder, broken],
    });
    expect(text).toContain('Serving 2 of 3 model versions of /models');
    expect(text).toMatch(/adder +1 +onnxruntime_onnx +X FP32\[-1,2\] +Y FP32\[-1,1\]/);
    expect(text).toContain('not served: broken/1: no model at all');
    expect(text).toContain(
      `curl http://127.0.0.1:8030/v2/models/adder/infer -d '{"inputs":[{"name":"X","datatype":"FP32","shape":[1,2],"data":[1,1]}]}'`,
    );
  });

  it('gives no example where there is none that one types', () => {
    const large = { ...adder, inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 224, 224, 3] }] };
    const half = { ...adder, inputs: [{ name: 'X', datatype: 'FP16', shape: [1] }] };
    expect([exampleRequest(large), exampleRequest(half), exampleRequest(broken)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
