import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import fc from 'fast-check';
import { decodeRestRequest, rawRestRequest } from './rest-request.js';
import { encodeRestResponse } from './rest-response.js';
import { Tensor } from './tensor.js';

const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe('REST requests', () => {
  it('read JSON data, nested or flat', () => {
    const request = decodeRestRequest(
      bytesOf({
        id: 'a',
        parameters: { entity: 'JFK', event_time_ms: 17, share: 0.5 },
        inputs: [
          {
            name: 'x',
            datatype: 'FP32',
            shape: [2, 2],
            data: [
              [1, 2],
              [3, 4.5],
            ],
          },
          { name: 'origin', datatype: 'BYTES', shape: [2], data: ['JFK', 'Zürich'] },
          { name: 'day', datatype: 'INT64', shape: [2, 1], data: [1, -2] },
          { name: 'flag', datatype: 'BOOL', shape: [1], data: [true] },
        ],
        outputs: [{ name: 'probability' }],
      }),
      undefined,
      'm',
      '2',
    );
    expect(request.inputs.map((t) => t.toValues())).toEqual([[1, 2, 3, 4.5], ['JFK', 'Zürich'], [1n, -2n], [true]]);
    expect({ ...request.parameters }).toEqual({ entity: 'JFK', event_time_ms: 17n, share: 0.5 });
    expect(request.outputs.map((o) => o.name)).toEqual(['probability']);
  });

  it('read binary inputs after the JSON, mixed with JSON inputs, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true })), fc.array(fc.string()), (numbers, texts) => {
        const binary = [
          Tensor.of('a', 'FP32', [numbers.length], numbers),
          Tensor.of('b', 'BYTES', [texts.length], texts),
        ];
        const header = bytesOf({
          inputs: [
            {
              name: 'a',
              datatype: 'FP32',
              shape: [numbers.length],
              parameters: { binary_data_size: binary[0]!.byteLength },
            },
            { name: 'c', datatype: 'INT32', shape: [1], data: [7] },
            {
              name: 'b',
              datatype: 'BYTES',
              shape: [texts.length],
              parameters: { binary_data_size: binary[1]!.byteLength },
            },
          ],
        });
        const body = Uint8Array.from([...header, ...binary[0]!.rawBytes(), ...binary[1]!.rawBytes()]);
        const decoded = decodeRestRequest(body, header.length, 'm', '');
        expect(decoded.inputs[0]!.toValues()).toEqual(binary[0]!.toValues());
        expect(decoded.inputs[1]!.toValues()).toEqual([7]);
        expect(decoded.inputs[2]!.toValues()).toEqual(texts);
      }),
    );
  });

  it('take the raw form for a model with one input', () => {
    const values = Float32Array.of(1, 2, 3);
    const body = new Uint8Array(values.buffer);
    const shapeOf = (shape: number[], batched: boolean) =>
      rawRestRequest(body, [{ name: 'x', datatype: 'FP32', shape }], 'm', '', batched).inputs[0]!.shape;
    expect(shapeOf([-1, 3], true)).toEqual([1, 3]);
    expect(shapeOf([-1, -1], true)).toEqual([1, 3]);
    expect(shapeOf([-1, 1, -1], true)).toEqual([1, 1, 3]);
    expect(shapeOf([-1], false)).toEqual([3]);
    expect(shapeOf([3], false)).toEqual([3]);
    expect(() => shapeOf([-1, 2], true)).toThrow(/needs 8/);
    expect(() => shapeOf([-1, -1, -1], true)).toThrow(/2 dimensions of open size/);
    expect(() => shapeOf([-1, 2], false)).toThrow(/do not fill/);
    const text = rawRestRequest(body, [{ name: 't', datatype: 'BYTES', shape: [-1, 1] }], 'm', '', true).inputs[0]!;
    expect([text.shape, text.elements()]).toEqual([[1, 1], [body]]);
  });

  it('keep all digits of 64-bit integers, in data and in parameters', () => {
    const request = (data: string, parameter: string) =>
      decodeRestRequest(
        new TextEncoder().encode(
          `{"parameters":{"sequence_id":${parameter}},"inputs":[{"name":"x","datatype":"INT64","shape":[1],"data":[${data}]}]}`,
        ),
        undefined,
        'm',
        '',
      );
    const exact = request('9223372036854775807', '18446744073709551615');
    expect(exact.inputs[0]!.toValues()).toEqual([9223372036854775807n]);
    expect(exact.parameters.sequence_id).toBe(18446744073709551615n);
    expect(request('-9007199254740993', '7').inputs[0]!.toValues()).toEqual([-9007199254740993n]);
    expect(() => request('9223372036854775808', '7')).toThrow(/not of INT64/);
    expect(() => request('1', '18446744073709551616')).toThrow(/must be a text, a number or a boolean/);
    // Long digits of another kind stay what they are.
    expect(request('1', '0.1234567890123456789').parameters.sequence_id).toBeCloseTo(0.123456789);
  });

  it('never crash: any JSON, any bytes and any header length give a request or invalid_argument', () => {
    const inputs = fc.record(
      {
        name: fc.anything(),
        datatype: fc.constantFrom('FP32', 'BYTES', 'NOPE', 3),
        shape: fc.anything(),
        data: fc.anything(),
        parameters: fc.anything(),
      },
      { requiredKeys: [] },
    );
    const body = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => new TextEncoder().encode(text)),
      fc.record({ inputs: fc.array(inputs), outputs: fc.anything(), id: fc.anything() }).map((value) => {
        try {
          return bytesOf(value);
        } catch {
          return bytesOf({});
        }
      }),
    );
    fc.assert(
      fc.property(body, fc.option(fc.integer({ min: -2, max: 300 }), { nil: undefined }), (bytes, header) => {
        try {
          decodeRestRequest(bytes, header, 'm', '');
        } catch (error) {
          expect(error).toBeInstanceOf(PlatformError);
          expect((error as PlatformError).code).toBe('invalid_argument');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('REST responses', () => {
  const outputs = [
    Tensor.of('probability', 'FP32', [2], [0.5, Number.NaN]),
    Tensor.of('label', 'BYTES', [2], ['1', '0']),
    Tensor.of('big', 'INT64', [1], [9007199254740993n]),
  ];
  const response = { modelName: 'm', modelVersion: '2', id: 'q"1', parameters: {}, outputs };
  const request = { modelName: 'm', modelVersion: '', id: '', parameters: {}, inputs: [], outputs: [] };

  it('are JSON by default, 64-bit integers with every digit', () => {
    const { body, headerLength } = encodeRestResponse(response, request);
    expect(headerLength).toBeUndefined();
    expect(textOf(body)).toContain('"data":[9007199254740993]');
    expect(JSON.parse(textOf(body)).outputs[0]).toEqual({
      name: 'probability',
      datatype: 'FP32',
      shape: [2],
      data: [0.5, null],
    });
  });

  it('are binary for the outputs asked for, and for all with binary_data_output', () => {
    const some = encodeRestResponse(response, {
      ...request,
      outputs: [{ name: 'label', parameters: { binary_data: true } }],
    });
    const json = JSON.parse(textOf(some.body.subarray(0, some.headerLength)).replace('9007199254740993', '1'));
    expect(json.outputs[1]).toEqual({
      name: 'label',
      datatype: 'BYTES',
      shape: [2],
      parameters: { binary_data_size: 10 },
    });
    expect([...some.body.subarray(some.headerLength)]).toEqual([1, 0, 0, 0, 49, 1, 0, 0, 0, 48]);
    const all = encodeRestResponse(response, { ...request, parameters: { binary_data_output: true } });
    expect(all.body.length - all.headerLength!).toBe(8 + 10 + 8);
  });
});
