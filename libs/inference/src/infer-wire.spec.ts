import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import fc from 'fast-check';
import { DATATYPES, type Datatype, ELEMENT_BYTES } from './datatype.js';
import { decodeInferRequest, encodeInferRequest, type InferRequest, peekModel } from './infer-request.js';
import { decodeInferResponse, encodeInferResponse } from './infer-response.js';
import { type ElementValue, type Parameters, type ParameterValue, Tensor } from './tensor.js';

const name = fc.string({ maxLength: 60, unit: 'grapheme' });
const parameterValue: fc.Arbitrary<ParameterValue> = fc.oneof(
  fc.boolean(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.double({ noNaN: true }),
  fc.string(),
);
const parameters: fc.Arbitrary<Parameters> = fc.dictionary(fc.string({ minLength: 1 }), parameterValue, { maxKeys: 4 });

function valuesOf(datatype: Datatype, count: number): fc.Arbitrary<ElementValue[]> {
  const one: Record<Datatype, fc.Arbitrary<ElementValue>> = {
    BOOL: fc.boolean(),
    UINT8: fc.integer({ min: 0, max: 255 }),
    UINT16: fc.integer({ min: 0, max: 65535 }),
    UINT32: fc.integer({ min: 0, max: 4294967295 }),
    UINT64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    INT8: fc.integer({ min: -128, max: 127 }),
    INT16: fc.integer({ min: -32768, max: 32767 }),
    INT32: fc.integer(),
    INT64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    FP16: fc.integer({ min: -2048, max: 2048 }),
    FP32: fc.float(),
    FP64: fc.double(),
    BYTES: fc.string({ unit: 'grapheme' }),
    BF16: fc.integer({ min: -128, max: 128 }),
  };
  return fc.array(one[datatype], { minLength: count, maxLength: count });
}

const tensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...DATATYPES), name, fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }), parameters)
  .chain(([datatype, tensorName, shape, tensorParameters]) =>
    valuesOf(
      datatype,
      shape.reduce((a, b) => a * b, 1),
    ).map((values) => Tensor.of(tensorName, datatype, shape, values, tensorParameters)),
  );

const request: fc.Arbitrary<InferRequest> = fc.record({
  modelName: name,
  modelVersion: fc.constantFrom('', '1', '27'),
  id: name,
  parameters,
  inputs: fc.array(tensor, { maxLength: 5 }),
  outputs: fc.array(fc.record({ name, parameters }), { maxLength: 3 }),
});

/** The same bytes at an odd offset, as a slice of a larger message would be. */
function shifted(bytes: Uint8Array, by: number): Uint8Array {
  const wide = new Uint8Array(bytes.length + by);
  wide.set(bytes, by);
  return wide.subarray(by);
}

const plain = (t: Tensor) => ({
  name: t.name,
  datatype: t.datatype,
  shape: t.shape,
  values: t.toValues(),
  parameters: { ...t.parameters },
});

const plainRequest = (r: InferRequest) => ({
  ...r,
  parameters: { ...r.parameters },
  inputs: r.inputs.map(plain),
  outputs: r.outputs.map((o) => ({ name: o.name, parameters: { ...o.parameters } })),
});

describe('ModelInferRequest and ModelInferResponse on the wire', () => {
  it('come back as they went, at any alignment', () => {
    fc.assert(
      fc.property(request, fc.integer({ min: 0, max: 8 }), (original, by) => {
        const decoded = decodeInferRequest(shifted(encodeInferRequest(original), by));
        expect(plainRequest(decoded)).toEqual(plainRequest(original));
      }),
      { numRuns: 300 },
    );
  });

  it('carry responses likewise', () => {
    fc.assert(
      fc.property(request, fc.integer({ min: 0, max: 8 }), ({ modelName, id, inputs, parameters: given }, by) => {
        const original = { modelName, modelVersion: '3', id, parameters: given, outputs: inputs };
        const decoded = decodeInferResponse(shifted(encodeInferResponse(original), by));
        expect({ ...decoded, parameters: { ...decoded.parameters }, outputs: decoded.outputs.map(plain) }).toEqual({
          ...original,
          parameters: { ...given },
          outputs: inputs.map(plain),
        });
      }),
      { numRuns: 200 },
    );
  });

  it('gives typed arrays with the same values at any alignment', () => {
    fc.assert(
      fc.property(tensor, fc.integer({ min: 0, max: 8 }), (original, by) => {
        fc.pre(original.datatype !== 'BYTES');
        const bytes = shifted(original.rawBytes(), by);
        const laid = Tensor.raw('x', original.datatype, original.shape, bytes);
        expect(laid.typed()).toEqual(original.typed());
        if (bytes.byteOffset % ELEMENT_BYTES[original.datatype] === 0) expect(laid.typed().buffer).toBe(bytes.buffer);
      }),
    );
  });

  it('never crashes on garbage: a request or invalid_argument', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      // Real messages cut, or with one byte changed, get further into the decoder.
      fc.tuple(request, fc.nat(), fc.nat(255)).map(([r, at, byte]) => {
        const encoded = encodeInferRequest(r);
        if (encoded.length > 0) encoded[at % encoded.length] = byte;
        return encoded;
      }),
      fc.tuple(request, fc.nat()).map(([r, at]) => {
        const encoded = encodeInferRequest(r);
        return encoded.subarray(0, at % (encoded.length + 1));
      }),
    );
    fc.assert(
      fc.property(bytes, (garbage) => {
        for (const decode of [decodeInferRequest, decodeInferResponse, peekModel]) {
          try {
            decode(garbage);
          } catch (error) {
            expect(error).toBeInstanceOf(PlatformError);
            expect((error as PlatformError).code).toBe('invalid_argument');
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is peeked without decoding', () => {
    fc.assert(
      fc.property(request, fc.string(), fc.integer({ min: -(2 ** 50), max: 2 ** 50 }), (base, entity, eventTimeMs) => {
        const own = { entity, event_time_ms: BigInt(eventTimeMs), priority: 3n };
        const full = { ...base, parameters: { ...base.parameters, ...own } };
        expect(peekModel(encodeInferRequest(full))).toEqual({
          modelName: base.modelName,
          modelVersion: base.modelVersion,
          id: base.id,
          entity,
          eventTimeMs,
          sequence: '',
          priority: 3,
        });
      }),
    );
    const levelOf = (priority: bigint | string) => {
      const named = { modelName: 'm', modelVersion: '', id: '', inputs: [], outputs: [] };
      return peekModel(encodeInferRequest({ ...named, parameters: { priority } })).priority;
    };
    // What is none is refused where the model is.
    expect([levelOf(0n), levelOf(-1n), levelOf('high'), levelOf(2n ** 63n)]).toEqual([0, 0, 0, 2 ** 63]);
    const named = (sequence_id: bigint | string | boolean) =>
      peekModel(
        encodeInferRequest({
          modelName: 'm',
          modelVersion: '',
          id: '',
          parameters: { sequence_id },
          inputs: [],
          outputs: [],
        }),
      ).sequence;
    expect([named(7n), named('s'), named(0n), named(''), named(true)]).toEqual(['7', 's', '', '', '']);
  });

  it('reads typed contents packed and unpacked, and refuses them beside raw ones', () => {
    const head = (contents: number[]) => [
      42,
      2 + 6 + 2 + contents.length + 3,
      10,
      1,
      120,
      18,
      4,
      70,
      80,
      51,
      50,
      26,
      1,
      2,
      42,
      contents.length,
      ...contents,
    ];
    const packed = head([50, 8, 0, 0, 128, 63, 0, 0, 0, 64]);
    packed[1] = packed.length - 2;
    const unpacked = head([53, 0, 0, 128, 63, 53, 0, 0, 0, 64]);
    unpacked[1] = unpacked.length - 2;
    for (const bytes of [packed, unpacked]) {
      expect(decodeInferRequest(Uint8Array.from(bytes)).inputs[0]?.toValues()).toEqual([1, 2]);
    }
    const both = Uint8Array.from([...packed, 58, 8, 0, 0, 128, 63, 0, 0, 0, 64]);
    expect(() => decodeInferRequest(both)).toThrow(/contents field must not be specified .*'x'/);
  });

  it.each([
    ['shape and size differ', Tensor.raw.bind(null, 'age', 'FP32', [2], new Uint8Array(4)), /'age' carries 4 bytes/],
    [
      'a negative dimension',
      Tensor.raw.bind(null, 'age', 'FP32', [-1], new Uint8Array(4)),
      /'age' has a bad dimension/,
    ],
    [
      'BYTES past the end',
      Tensor.raw.bind(null, 'city', 'BYTES', [1], Uint8Array.of(9, 0, 0, 0, 1)),
      /'city'.*past the end/,
    ],
    [
      'too few BYTES',
      Tensor.raw.bind(null, 'city', 'BYTES', [2], Uint8Array.of(1, 0, 0, 0, 1)),
      /'city'.*fewer than 2/,
    ],
    [
      'too many BYTES',
      Tensor.raw.bind(null, 'city', 'BYTES', [0], Uint8Array.of(1, 0, 0, 0, 1)),
      /'city'.*5 bytes after/,
    ],
    ['a value out of range', Tensor.of.bind(null, 'n', 'INT8', [1], [200]), /'n' element 0 is not of INT8: 200/],
    ['a text for a number', Tensor.of.bind(null, 'n', 'FP32', [1], ['1']), /'n' element 0 is not of FP32: "1"/],
    ['an unknown datatype', Tensor.of.bind(null, 'n', 'FP8', [1], [1]), /'n' has an unknown datatype/],
  ])('names the tensor: %s', (_what, make, message) => {
    expect(make).toThrow(message);
  });
});
