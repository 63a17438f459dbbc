import { describe, expect, it } from '@jest/globals';
import type { SignatureInput } from '@millrace/features';
import { decodeRestRequest, type InferRequest, Tensor } from '@millrace/inference';
import { parseProject } from '@millrace/project';
import { projectTextWith } from '@millrace/testing';
import { type Derivation, derivationsOf, inputSpecs, RequestReader, textsMaxOf } from './signature.js';

const INPUTS: SignatureInput[] = [
  { name: 'distance', type: 'number' },
  { name: 'hour', type: 'integer' },
  { name: 'origin', type: 'text' },
  { name: 'holiday', type: 'boolean' },
];
const DERIVATIONS: (Derivation | undefined)[] = [undefined, { kind: 'part', part: 'hour' }, undefined, undefined];
const reader = new RequestReader(INPUTS, DERIVATIONS, 100);

const requestOf = (...inputs: Tensor[]): InferRequest => ({
  modelName: 'm',
  modelVersion: '',
  id: '',
  parameters: {},
  inputs,
  outputs: [],
});

const distance = Tensor.of('distance', 'FP64', [2], [1.5, Number.NaN]);
const hour = Tensor.of('hour', 'INT64', [2, 1], [3, 4]);
const origin = Tensor.of('origin', 'BYTES', [2], ['JFK', '']);
const holiday = Tensor.of('holiday', 'BOOL', [2], [true, false]);

describe('RequestReader', () => {
  it('gives rows in signature order, whatever the order of the tensors; NaN and empty texts are missing', () => {
    const expected = [
      [1.5, 3, 'JFK', true],
      [null, 4, null, false],
    ];
    expect(reader.read(requestOf(distance, hour, origin, holiday), undefined)).toEqual(expected);
    expect(reader.read(requestOf(holiday, origin, hour, distance), undefined)).toEqual(expected);
  });

  it('takes a null of JSON as missing, whatever the type of the input', () => {
    const body = {
      inputs: [
        { name: 'distance', datatype: 'FP64', shape: [2], data: [1.5, null] },
        { name: 'hour', datatype: 'INT64', shape: [2], data: [null, 4] },
        { name: 'origin', datatype: 'BYTES', shape: [2], data: ['JFK', null] },
        { name: 'holiday', datatype: 'BOOL', shape: [2], data: [null, true] },
      ],
    };
    const request = decodeRestRequest(new TextEncoder().encode(JSON.stringify(body)), undefined, 'm', '');
    expect(reader.read(request, undefined)).toEqual([
      [1.5, null, 'JFK', null],
      [null, 4, null, true],
    ]);
    const flags = { name: 'holiday', datatype: 'BOOL', shape: [2], data: [null, 2] };
    const odd = { inputs: [...body.inputs.slice(0, 3), flags] };
    const bytes = new TextEncoder().encode(JSON.stringify(odd));
    expect(() => reader.read(decodeRestRequest(bytes, undefined, 'm', ''), undefined)).toThrow(
      /'holiday' row 2 is 2, expected true or false/,
    );
  });

  it('takes every numeric datatype for numbers', () => {
    for (const datatype of [
      'FP64',
      'FP32',
      'FP16',
      'BF16',
      'INT64',
      'INT32',
      'INT16',
      'INT8',
      'UINT64',
      'UINT8',
    ] as const) {
      const one = requestOf(
        Tensor.of('distance', datatype, [1], [7]),
        Tensor.of('hour', datatype, [1], [5]),
        Tensor.of('origin', 'BYTES', [1], ['X']),
        Tensor.of('holiday', 'BOOL', [1], [0]),
      );
      expect(reader.read(one, undefined)).toEqual([[7, 5, 'X', false]]);
    }
  });

  it('derives what is missing in a row from the event time, as training did', () => {
    const some = Tensor.of('hour', 'FP64', [2, 1], [Number.NaN, 4]);
    const at = Date.UTC(2024, 0, 1, 13);
    const hours = (eventTimeMs: number | undefined) =>
      reader.read(requestOf(distance, some, origin, holiday), eventTimeMs).map((row) => row[1]);
    expect(hours(at)).toEqual([13, 4]);
    expect(hours(undefined)).toEqual([null, 4]);
  });

  it('derives what is left out from the event time', () => {
    const eventTimeMs = Date.UTC(2001, 2, 4, 17, 30);
    expect(reader.read(requestOf(distance, origin, holiday), eventTimeMs).map((row) => row[1])).toEqual([17, 17]);
  });

  it.each([
    ['no inputs', [], /no inputs, expected 'distance', 'hour'/],
    ['a missing input', [hour, origin, holiday], /'distance' is missing/],
    ['a derived input without event time', [distance, origin, holiday], /'hour' is missing and .*event_time_ms/],
    [
      'an unknown input',
      [distance, hour, origin, holiday, Tensor.of('x', 'FP32', [2], [1, 2])],
      /unexpected input 'x'/,
    ],
    ['an input given twice', [distance, distance, origin, holiday], /'distance' is given twice/],
    [
      'different row counts',
      [distance, Tensor.of('hour', 'INT64', [1], [1]), origin, holiday],
      /'hour' has 1 rows, 'distance' has 2/,
    ],
    [
      'a wrong shape',
      [Tensor.of('distance', 'FP64', [1, 2], [1, 2]), hour, origin, holiday],
      /'distance' has shape \[1,2\]/,
    ],
    ['no rows', [Tensor.of('distance', 'FP64', [0], [])], /'distance' has 0 rows, expected 1 to 100/],
    ['too many rows', [Tensor.of('distance', 'FP64', [101], new Float64Array(101))], /'distance' has 101 rows/],
    [
      'text for a number',
      [Tensor.of('distance', 'BYTES', [2], ['1', '2']), hour, origin, holiday],
      /'distance' has datatype BYTES/,
    ],
    [
      'a number for text',
      [distance, hour, Tensor.of('origin', 'INT64', [2], [1, 2]), holiday],
      /'origin' has datatype INT64, expected BYTES/,
    ],
    [
      'a number for a boolean',
      [distance, hour, origin, Tensor.of('holiday', 'INT8', [2], [1, 0])],
      /'holiday'.*expected BOOL/,
    ],
    [
      'a fraction for an integer',
      [distance, Tensor.of('hour', 'FP64', [2], [1, 1.5]), origin, holiday],
      /'hour' row 2 is 1.5, expected an integer/,
    ],
    [
      'an integer that a double does not hold',
      [distance, Tensor.of('hour', 'INT64', [2], [1n, 9_007_199_254_740_993n]), origin, holiday],
      /'hour' row 2 is beyond 2\^53, where numbers lose digits/,
    ],
    [
      'an infinity',
      [Tensor.of('distance', 'FP64', [2], [1, Infinity]), hour, origin, holiday],
      /'distance' row 2 is Infinity/,
    ],
    [
      'bytes that are no text',
      [distance, hour, Tensor.of('origin', 'BYTES', [2], [Uint8Array.of(255), 'a']), holiday],
      /'origin' has an element that is not valid UTF-8/,
    ],
  ] as [string, Tensor[], RegExp][])('refuses %s and names the tensor', (_what, inputs, message) => {
    expect(() => reader.read(requestOf(...inputs), undefined)).toThrow(message);
  });

  it('declares FP64, INT64, BYTES and BOOL', () => {
    expect(inputSpecs(INPUTS).map((input) => input.datatype)).toEqual(['FP64', 'INT64', 'BYTES', 'BOOL']);
  });
});

describe('what fills an input that a request leaves out', () => {
  const inputs: SignatureInput[] = [
    { name: 'at', type: 'timestamp' },
    { name: 'amount', type: 'number' },
  ];
  const filling = (eventTime: boolean) => {
    const parsed = parseProject(projectTextWith({ recordId: false, entity: false, eventTime, label: true }), 'p');
    if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
    return derivationsOf(inputs, parsed.project);
  };

  it("is the request's event time for the project's, and nothing where the project has none", () => {
    expect(filling(true)).toEqual([{ kind: 'event_time' }, undefined]);
    expect(filling(false)).toEqual([undefined, undefined]);
    const bare = new RequestReader(inputs, filling(false), 100);
    expect(() => bare.read(requestOf(Tensor.of('amount', 'FP64', [1], [1])), 1_000)).toThrow("input 'at' is missing");
  });
});

describe('the longest text of an input', () => {
  it('is 4,096 characters, or as many as the column may have in training', () => {
    const inputs: SignatureInput[] = [
      { name: 'note', type: 'text' },
      { name: 'kind', type: 'text' },
    ];
    const yaml = `name: p
data:
  columns:
    - { name: note, type: text, lengthMax: 20000 }
    - { name: kind, type: text }
    - { name: y, type: boolean, outcome: true }
  label: { name: l, column: y, operation: identity }
features: [{ name: note, kind: categorical }]
`;
    const parsed = parseProject(yaml, 'p');
    if (parsed.kind !== 'ok') throw new Error(JSON.stringify(parsed.faults));
    const textsMax = textsMaxOf(inputs, parsed.project);
    const own = new RequestReader(inputs, [undefined, undefined], 100, textsMax);
    const texts = (note: number, kind: number) =>
      requestOf(
        Tensor.of('note', 'BYTES', [1], ['n'.repeat(note)]),
        Tensor.of('kind', 'BYTES', [1], ['k'.repeat(kind)]),
      );
    expect(own.read(texts(20_000, 4_096), undefined)[0]?.map((text) => String(text).length)).toEqual([20_000, 4_096]);
    expect(() => own.read(texts(20_001, 1), undefined)).toThrow("'note' row 1 has 20001 characters, at most 20000");
    expect(() => own.read(texts(1, 4_097), undefined)).toThrow("'kind' row 1 has 4097 characters, at most 4096");
    const bare = new RequestReader(inputs, [undefined, undefined], 100);
    expect(() => bare.read(texts(4_097, 1), undefined)).toThrow('at most 4096');
  });
});
