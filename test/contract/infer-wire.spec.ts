// The hand-written V2 codecs of libs/inference against protobuf-es and the .proto file: what one writes the other
// reads, in both directions, typed and raw.

import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { inferencePb, relayPb } from '@millrace/contracts';
import {
  decodeExchangeRequest,
  decodeExchangeResponse,
  decodeInferRequest,
  decodeInferResponse,
  encodeExchangeRequest,
  encodeExchangeResponse,
  encodeInferRequest,
  encodeInferResponse,
  encodeStreamResponse,
  peekModel,
  Tensor,
} from '@millrace/inference';
import fc from 'fast-check';

type RequestInit = MessageInitShape<typeof inferencePb.ModelInferRequestSchema>;

const requestBytes = (init: RequestInit) =>
  toBinary(inferencePb.ModelInferRequestSchema, create(inferencePb.ModelInferRequestSchema, init));

const parameters = {
  entity: { parameterChoice: { case: 'stringParam', value: 'JFK' } },
  event_time_ms: { parameterChoice: { case: 'int64Param', value: -990_000_000_000n } },
  big: { parameterChoice: { case: 'uint64Param', value: 2n ** 64n - 1n } },
  share: { parameterChoice: { case: 'doubleParam', value: 0.25 } },
  flag: { parameterChoice: { case: 'boolParam', value: true } },
  unset: {},
} as const;
const plainParameters = {
  entity: 'JFK',
  event_time_ms: -990_000_000_000n,
  big: 2n ** 64n - 1n,
  share: 0.25,
  flag: true,
};

describe('libs/inference reads what protobuf-es writes', () => {
  it('typed contents of every kind', () => {
    const bytes = requestBytes({
      modelName: 'm',
      modelVersion: '3',
      id: 'Zürich',
      parameters,
      inputs: [
        { name: 'bool', datatype: 'BOOL', shape: [2n], contents: { boolContents: [true, false] } },
        { name: 'int8', datatype: 'INT8', shape: [2n], contents: { intContents: [-128, 127] } },
        { name: 'int32', datatype: 'INT32', shape: [1n, 2n], contents: { intContents: [-(2 ** 31), 2 ** 31 - 1] } },
        { name: 'int64', datatype: 'INT64', shape: [2n], contents: { int64Contents: [-(2n ** 63n), 2n ** 63n - 1n] } },
        { name: 'uint8', datatype: 'UINT8', shape: [1n], contents: { uintContents: [255] } },
        { name: 'uint32', datatype: 'UINT32', shape: [1n], contents: { uintContents: [2 ** 32 - 1] } },
        { name: 'uint64', datatype: 'UINT64', shape: [1n], contents: { uint64Contents: [2n ** 64n - 1n] } },
        { name: 'fp32', datatype: 'FP32', shape: [2n], contents: { fp32Contents: [1.5, Number.NaN] }, parameters },
        { name: 'fp64', datatype: 'FP64', shape: [1n], contents: { fp64Contents: [Math.PI] } },
        {
          name: 'bytes',
          datatype: 'BYTES',
          shape: [2n],
          contents: { bytesContents: [Buffer.from('ü'), Buffer.from('')] },
        },
        { name: 'empty', datatype: 'FP32', shape: [0n] },
      ],
      outputs: [{ name: 'probability', parameters }],
    });
    const request = decodeInferRequest(bytes);
    expect([request.modelName, request.modelVersion, request.id]).toEqual(['m', '3', 'Zürich']);
    expect({ ...request.parameters }).toEqual(plainParameters);
    expect(request.inputs.map((input) => input.toValues())).toEqual([
      [true, false],
      [-128, 127],
      [-(2 ** 31), 2 ** 31 - 1],
      [-(2n ** 63n), 2n ** 63n - 1n],
      [255],
      [2 ** 32 - 1],
      [2n ** 64n - 1n],
      [1.5, Number.NaN],
      [Math.PI],
      ['ü', ''],
      [],
    ]);
    expect({ ...request.inputs[7]?.parameters }).toEqual(plainParameters);
    expect({ ...request.outputs[0]?.parameters }).toEqual(plainParameters);
    expect(peekModel(bytes)).toEqual({
      modelName: 'm',
      modelVersion: '3',
      id: 'Zürich',
      entity: 'JFK',
      eventTimeMs: -990_000_000_000,
      sequence: '',
      priority: 0,
    });
    const first = { priority: { parameterChoice: { case: 'int64Param' as const, value: 1n } } };
    expect(peekModel(requestBytes({ modelName: 'm', parameters: { ...parameters, ...first } })).priority).toBe(1);
  });

  it('raw contents as views of the message', () => {
    fc.assert(
      fc.property(fc.array(fc.double()), fc.string(), (numbers, name) => {
        const raw = new Uint8Array(Float64Array.from(numbers).buffer);
        const bytes = requestBytes({
          modelName: name,
          inputs: [{ name, datatype: 'FP64', shape: [BigInt(numbers.length)] }],
          rawInputContents: [raw],
        });
        const [input] = decodeInferRequest(bytes).inputs;
        expect(input?.toValues()).toEqual(numbers);
        expect(input?.rawBytes().buffer).toBe(bytes.buffer);
      }),
    );
  });

  it('skips fields it does not know', () => {
    const known = requestBytes({ modelName: 'm' });
    const later = Uint8Array.of(0xfa, 0x07, 3, 1, 2, 3, 0xf8, 0x07, 0x80, 1, 0xfd, 0x07, 1, 2, 3, 4);
    expect(decodeInferRequest(Uint8Array.from([...later, ...known, ...later])).modelName).toBe('m');
  });
});

describe('protobuf-es reads what libs/inference writes', () => {
  const tensors = [
    Tensor.of('probability', 'FP32', [2], [0.25, 0.75], { share: 0.5 }),
    Tensor.of('label', 'BYTES', [2, 1], ['0', '1']),
    Tensor.of('empty', 'INT64', [0], []),
  ];

  it('requests, responses and stream responses', () => {
    const request = fromBinary(
      inferencePb.ModelInferRequestSchema,
      encodeInferRequest({
        modelName: 'm',
        modelVersion: '',
        id: 'i',
        parameters: plainParameters,
        inputs: tensors,
        outputs: [{ name: 'label', parameters: {} }],
      }),
    );
    expect(request.parameters.big?.parameterChoice).toEqual({ case: 'uint64Param', value: 2n ** 64n - 1n });
    expect(request.parameters.event_time_ms?.parameterChoice).toEqual({ case: 'int64Param', value: -990_000_000_000n });
    expect(request.parameters.share?.parameterChoice).toEqual({ case: 'doubleParam', value: 0.25 });
    expect(request.inputs.map((input) => [input.name, input.datatype, input.shape])).toEqual([
      ['probability', 'FP32', [2n]],
      ['label', 'BYTES', [2n, 1n]],
      ['empty', 'INT64', [0n]],
    ]);
    expect(request.rawInputContents.map((raw) => raw.length)).toEqual([8, 10, 0]);
    const answer = { modelName: 'm', modelVersion: '7', id: 'i', parameters: {}, outputs: tensors };
    const response = fromBinary(inferencePb.ModelInferResponseSchema, encodeInferResponse(answer));
    expect(response).toMatchObject({ modelName: 'm', modelVersion: '7', id: 'i' });
    expect(Buffer.from(response.rawOutputContents[1] as Uint8Array)).toEqual(
      Buffer.from([1, 0, 0, 0, 48, 1, 0, 0, 0, 49]),
    );
    const back = decodeInferResponse(toBinary(inferencePb.ModelInferResponseSchema, response));
    expect(back.outputs.map((output) => output.toValues())).toEqual([[0.25, 0.75], ['0', '1'], []]);
    const streamed = fromBinary(
      inferencePb.ModelStreamInferResponseSchema,
      encodeStreamResponse({ error: 'bad', response: answer }),
    );
    expect([streamed.errorMessage, streamed.inferResponse?.id]).toEqual(['bad', 'i']);
  });

  it('relay frames', () => {
    const request = {
      id: 2 ** 40,
      version: 3,
      model: 'm',
      request: Uint8Array.of(1, 2),
      traceparent: 't',
      entity: 'ü',
      deadlineMs: 250,
      cancelled: true,
      stream: true,
      shadow: true,
      rolloutRevision: 1_000_000,
      rolloutWeight: 20,
    };
    const exchanged = fromBinary(relayPb.ExchangeRequestSchema, encodeExchangeRequest([request, request]));
    expect(exchanged.frames).toHaveLength(2);
    expect(exchanged.frames[1]).toMatchObject({
      ...{ ...request, id: BigInt(request.id), rolloutRevision: 1_000_000n },
    });
    decodeExchangeRequest(toBinary(relayPb.ExchangeRequestSchema, exchanged), (frame) =>
      expect(frame).toEqual(request),
    );
    const response = { id: 5, status: 14, message: 'away', response: Uint8Array.of(9), more: true, refusal: 1 };
    const answered = fromBinary(relayPb.ExchangeResponseSchema, encodeExchangeResponse([response]));
    expect(answered.frames[0]).toMatchObject({ ...response, id: 5n });
    decodeExchangeResponse(toBinary(relayPb.ExchangeResponseSchema, answered), (frame) =>
      expect(frame).toEqual(response),
    );
  });
});
