// The hand-written codecs write and read the same bytes as protobuf-es does from the same .proto.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { binaryOutputs, type Output } from '@millrace/domain';
import fc from 'fast-check';
import { LabelSchema, RecordBatchSchema, RecordSchema } from './gen/millrace/data/v1/data_pb.js';
import { PredictionSchema } from './gen/millrace/prediction/v1/prediction_pb.js';
import { decodeLabel, encodeLabel } from './label.codec.js';
import { decodePrediction, encodePrediction, type PredictionMessage } from './prediction.codec.js';
import { decodeRecord, encodeRecord, type RecordMessage } from './record.codec.js';
import { decodeRecordBatch, encodeRecordBatch } from './record-batch.codec.js';

const text = fc.string({ minLength: 1, maxLength: 300, unit: 'grapheme' });
const integer = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
const number = fc.double({ noNaN: true, noDefaultInfinity: true });
const scalar = fc.oneof(number, text, fc.boolean(), fc.constant(null));
const aFullPrediction: Omit<PredictionMessage, 'outputs'> = {
  predictionId: 'q/0',
  project: 'p',
  entity: 'e',
  modelVersion: 1,
  eventTimeMs: 1,
  answeredAtMs: 2,
  latencyUs: 3,
  features: [1, 'a', true, null],
  traceId: '',
  modelSha256: 'sha',
  role: 'shadow',
};
const columnName = text.filter((name) => name !== '__proto__');

const record: fc.Arbitrary<RecordMessage> = fc.record({
  project: text,
  recordId: text,
  entity: text,
  eventTimeMs: integer,
  values: fc.dictionary(columnName, scalar, { maxKeys: 12, noNullPrototype: true }),
  schemaHash: text,
  source: text,
  ingestedAtMs: integer,
});

describe('records', () => {
  it('come back as they were, through either implementation', () => {
    fc.assert(
      fc.property(record, (value) => {
        const bytes = encodeRecord(value);
        expect(decodeRecord(bytes)).toEqual(value);
        const wire = fromBinary(RecordSchema, bytes);
        expect(Number(wire.eventTimeMs)).toBe(value.eventTimeMs);
        expect(Object.keys(wire.values).sort()).toEqual(Object.keys(value.values).sort());
        expect(decodeRecord(toBinary(RecordSchema, wire))).toEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  it.each<[string, Parameters<typeof create<typeof RecordSchema>>[1]]>([
    ['no project', { recordId: 'r', entity: 'e' }],
    ['no record id', { project: 'p', entity: 'e' }],
    ['an event time beyond the safe integers', { project: 'p', recordId: 'r', entity: 'e', eventTimeMs: 2n ** 60n }],
    [
      'a number that is not one',
      { project: 'p', recordId: 'r', entity: 'e', values: { a: { kind: { case: 'number', value: Number.NaN } } } },
    ],
    [
      'a column that would change the prototype',
      { project: 'p', recordId: 'r', entity: 'e', values: Object.fromEntries([['__proto__', {}]]) },
    ],
  ])('are refused with %s', (_what, init) => {
    expect(() => decodeRecord(toBinary(RecordSchema, create(RecordSchema, init)))).toThrow('[corrupt]');
  });
});

describe('labels and predictions', () => {
  it('are read by protobuf-es', () => {
    const label = fromBinary(
      LabelSchema,
      encodeLabel({
        project: 'p',
        recordId: 'r',
        predictionId: 'q/0',
        entity: 'e',
        value: -0,
        eventTimeMs: -1,
        knownAtMs: 2 ** 40,
        source: 's',
        ingestedAtMs: 5,
      }),
    );
    expect(label.eventTimeMs).toBe(-1n);
    expect(label.knownAtMs).toBe(2n ** 40n);
    expect(Object.is(label.value, -0)).toBe(true);
  });

  it.each([
    ['neither record nor prediction', { project: 'p', entity: 'e' }],
    ['a value that is not a number', { project: 'p', entity: 'e', recordId: 'r', value: Number.POSITIVE_INFINITY }],
  ])('labels are refused with %s', (_what, init) => {
    expect(() => decodeLabel(toBinary(LabelSchema, create(LabelSchema, init)))).toThrow('[corrupt]');
  });

  const number = (value: number) => ({ name: 'probability', value: { case: 'number' as const, value } });
  const prediction = { predictionId: 'q/0', project: 'p', modelVersion: 1, role: 'live', outputs: [number(0.5)] };
  const former = { ...prediction, outputs: [], label: '1' };
  it.each([
    ['no id', { ...prediction, predictionId: '' }],
    ['no version', { ...prediction, modelVersion: 0 }],
    ['no outputs', { ...prediction, outputs: [] }],
    ['too many outputs', { ...prediction, outputs: Array.from({ length: 65 }, () => number(1)) }],
    ['an output without a name', { ...prediction, outputs: [{ ...number(1), name: '' }] }],
    ['an output without a value', { ...prediction, outputs: [{ name: 'probability' }] }],
    ['an output that is not a number', { ...prediction, outputs: [number(Number.NaN)] }],
    [
      'one of several values that is not a number',
      {
        ...prediction,
        outputs: [{ name: 'p', value: { case: 'numbers' as const, value: { values: [1, Infinity] } } }],
      },
    ],
    ['a probability above one in bytes of 0.1.0', { ...former, probability: 1.5 }],
    ['a probability that is not a number in bytes of 0.1.0', { ...former, probability: Number.NaN }],
    ['an unknown role', { ...prediction, role: 'dark' }],
  ])('predictions are refused with %s', (_what, init) => {
    expect(() => decodePrediction(toBinary(PredictionSchema, create(PredictionSchema, init)))).toThrow('[corrupt]');
  });

  it.each<[string, readonly Output[]]>([
    ['a number and a text', binaryOutputs(0)],
    [
      'two numbers',
      [number(-0), { ...number(2.5), name: 'spread' }].map(({ name, value }) => ({ name, value: value.value })),
    ],
    ['several numbers', [{ name: 'probabilities', value: [0.1, 0, 0.9] }]],
    ['several texts', [{ name: 'labels', value: ['a', '', 'ü'] }]],
  ])('carry outputs of %s, which protobuf-es reads and writes alike', (_what, outputs) => {
    const value: PredictionMessage = { ...aFullPrediction, outputs };
    const bytes = encodePrediction(value);
    expect(decodePrediction(bytes)).toEqual(value);
    const wire = fromBinary(PredictionSchema, bytes);
    expect(wire.outputs.map(({ name }) => name)).toEqual(outputs.map(({ name }) => name));
    expect(decodePrediction(toBinary(PredictionSchema, wire))).toEqual(value);
  });

  it('of release 0.1.0 are read as outputs', () => {
    for (const probability of [0, 0.75]) {
      const bytes = toBinary(PredictionSchema, create(PredictionSchema, { ...former, probability }));
      expect(decodePrediction(bytes).outputs).toEqual([
        { name: 'probability', value: probability },
        { name: 'label', value: '1' },
      ]);
    }
  });

  it('count a feature that is not finite as missing', () => {
    const features = [
      { kind: { case: 'number' as const, value: Number.NaN } },
      { kind: { case: 'number' as const, value: 1 } },
    ];
    const bytes = toBinary(PredictionSchema, create(PredictionSchema, { ...prediction, features }));
    expect(decodePrediction(bytes).features).toEqual([null, 1]);
  });
});

describe('batches', () => {
  const NO_ROWS = { recordIds: [], entities: [], eventTimeMs: [] };

  it('as a file come back, and are of no schema that a reader knows which does not know files', () => {
    const head = { project: 'p', source: 's', importId: 'i', sequence: 3, last: false, ingestedAtMs: 4 };
    const value = {
      ...{ ...head, schemaHash: 'abc', recordIds: [], entities: [], eventTimeMs: [], columns: [], labels: [] },
      parquet: { bytes: Buffer.from([1, 0, 255]), rows: 2 },
    };
    const bytes = encodeRecordBatch(value);
    expect(decodeRecordBatch(bytes)).toEqual(value);
    expect(fromBinary(RecordBatchSchema, bytes)).toMatchObject({ schemaHash: 'parquet:abc', parquetRows: 2n });
  });

  const batch = {
    project: 'p',
    source: 's',
    importId: 'i',
    recordIds: ['1', '2'],
    entities: ['a', 'b'],
    eventTimeMs: [1n, 2n],
  };
  it.each<[string, Parameters<typeof create<typeof RecordBatchSchema>>[1]]>([
    ['too few entities', { ...batch, entities: ['a'] }],
    ['too many event times', { ...batch, eventTimeMs: [1n, 2n, 3n] }],
    ['too few labels', { ...batch, labels: [1] }],
    ['a short column', { ...batch, columns: [{ name: 'n', data: { case: 'numbers', value: { values: [1] } } }] }],
    [
      'a code without text',
      { ...batch, columns: [{ name: 't', data: { case: 'texts', value: { dictionary: ['a'], codes: [0, 1] } } }] },
    ],
    [
      'a missing row that is not there',
      { ...batch, columns: [{ name: 'n', missing: [2], data: { case: 'numbers', value: { values: [1, 2] } } }] },
    ],
    ['a column without data', { ...batch, columns: [{ name: 'n' }] }],
    ['no import id', { ...batch, importId: '' }],
    ['a file beside rows', { ...batch, schemaHash: 'parquet:s', parquet: new Uint8Array(1), parquetRows: 1n }],
    ['a file without rows', { ...batch, ...NO_ROWS, schemaHash: 'parquet:s', parquet: new Uint8Array(1) }],
    [
      'a file of another schema',
      { ...batch, ...NO_ROWS, schemaHash: 's', parquet: new Uint8Array(1), parquetRows: 1n },
    ],
  ])('are refused with %s', (_what, init) => {
    expect(() => decodeRecordBatch(toBinary(RecordBatchSchema, create(RecordBatchSchema, init)))).toThrow('[corrupt]');
  });

  it('of 16,384 rows make the round trip', () => {
    const rows = 16_384;
    const values = Float64Array.from({ length: rows }, (_, i) => i / 3);
    const bytes = encodeRecordBatch({
      project: 'p',
      source: 's',
      importId: 'i',
      sequence: 0,
      last: false,
      schemaHash: 'h',
      recordIds: Array.from({ length: rows }, (_, i) => `${i}`),
      entities: Array.from({ length: rows }, (_, i) => `e${i % 50}`),
      eventTimeMs: Array.from({ length: rows }, (_, i) => 981_000_000_000 + i),
      columns: [{ kind: 'number', name: 'n', values, missing: [7] }],
      labels: [],
      ingestedAtMs: 1,
    });
    const back = decodeRecordBatch(bytes);
    expect(back.recordIds).toHaveLength(rows);
    expect(back.columns[0]).toEqual({ kind: 'number', name: 'n', values, missing: [7] });
    expect(back.eventTimeMs[rows - 1]).toBe(981_000_000_000 + rows - 1);
  });
});
