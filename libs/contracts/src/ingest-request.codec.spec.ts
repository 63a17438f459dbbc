// Requests and answers of ingest's streams: the same as protobuf-es reads and writes from the same .proto.

import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Value } from './gen/millrace/data/v1/data_pb.js';
import {
  IngestLabelsRequestSchema,
  IngestRecordsRequestSchema,
  IngestRecordsResponseSchema,
} from './gen/millrace/ingest/v1/ingest_pb.js';
import { decodeIngestLabels, decodeIngestRecords, encodeIngestAnswer } from './ingest-request.codec.js';

const text = fc.string({ maxLength: 80, unit: 'grapheme' });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const value = fc.oneof(
  fc.double().map((number) => ({ kind: { case: 'number' as const, value: number } })),
  text.map((found) => ({ kind: { case: 'text' as const, value: found } })),
  fc.boolean().map((flag) => ({ kind: { case: 'flag' as const, value: flag } })),
  int64.map((ms) => ({ kind: { case: 'timestampMs' as const, value: ms } })),
  fc.constant({}),
);
const name = text.filter((found) => found !== '__proto__');

function raw(given: Value | undefined): unknown {
  const kind = given?.kind;
  if (kind?.case === undefined) return null;
  return kind.case === 'timestampMs' ? Number(kind.value) : kind.value;
}

describe('a request of records', () => {
  const requests = fc.record({
    project: text,
    sequence: int64,
    clientId: text,
    recordSequence: int64,
    records: fc.array(fc.record({ recordId: text, values: fc.dictionary(name, value, { maxKeys: 8 }) }), {
      maxLength: 5,
    }),
  });

  it('is read as protobuf-es reads it', () => {
    fc.assert(
      fc.property(requests, (given) => {
        const bytes = toBinary(
          IngestRecordsRequestSchema,
          create(IngestRecordsRequestSchema, given as MessageInitShape<typeof IngestRecordsRequestSchema>),
        );
        const wanted = fromBinary(IngestRecordsRequestSchema, bytes);
        const read = decodeIngestRecords(bytes);
        expect(read.project).toBe(wanted.project);
        expect(BigInt(read.sequence)).toBe(wanted.sequence);
        expect([read.clientId, BigInt(read.recordSequence)]).toEqual([wanted.clientId, wanted.recordSequence]);
        expect(read.items.map(({ recordId, values }) => [recordId, Object.entries(values)])).toEqual(
          wanted.records.map(({ recordId, values }) => [
            recordId,
            Object.entries(values).map(([key, found]) => [key, raw(found)]),
          ]),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('keeps a column named __proto__, so that it is refused with its record', () => {
    const field = (number: number, bytes: Buffer) =>
      Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
    const entry = Buffer.concat([field(1, Buffer.from('__proto__')), field(2, field(2, Buffer.from('x')))]);
    const [record] = decodeIngestRecords(field(3, field(2, entry))).items;
    expect(Object.entries(record?.values ?? {})).toEqual([['__proto__', 'x']]);
  });

  it.each([
    ['a length past the end', [0x1a, 9, 0]],
    ['a record that ends within a field', [0x1a, 2, 0x0a, 5]],
    ['a group', [0x1b]],
    ['a varint without end', [0x10, ...new Array<number>(11).fill(0x80)]],
  ])('with %s is the sender’s fault', (_what, bytes) => {
    expect(() => decodeIngestRecords(Uint8Array.from(bytes))).toThrow('malformed message');
  });
});

describe('a request of labels', () => {
  const labels = fc.record({
    recordId: text,
    predictionId: text,
    entity: text,
    eventTimeMs: int64,
    knownAtMs: int64,
    outcome: fc.oneof(
      fc.double().map((number) => ({ case: 'value' as const, value: number })),
      value.map((found) => ({ case: 'raw' as const, value: found })),
      fc.constant({ case: undefined }),
    ),
  });

  it('is read as protobuf-es reads it', () => {
    fc.assert(
      fc.property(fc.array(labels, { maxLength: 5 }), (given) => {
        const init = { labels: given } as MessageInitShape<typeof IngestLabelsRequestSchema>;
        const bytes = toBinary(IngestLabelsRequestSchema, create(IngestLabelsRequestSchema, init));
        const wanted = fromBinary(IngestLabelsRequestSchema, bytes).labels;
        expect(decodeIngestLabels(bytes).items).toEqual(
          wanted.map(({ recordId, predictionId, entity, eventTimeMs, knownAtMs, outcome }) => ({
            recordId,
            predictionId,
            entity,
            eventTimeMs: Number(eventTimeMs),
            knownAtMs: Number(knownAtMs),
            value: outcome.case === 'value' ? outcome.value : null,
            raw: outcome.case === 'raw' ? raw(outcome.value) : null,
          })),
        );
      }),
      { numRuns: 300 },
    );
  });
});

describe('an answer', () => {
  it('is what protobuf-es would have written', () => {
    const reason = fc.record({ code: fc.constant('wrong_type' as const), field: text, message: text });
    const answers = fc.record({
      sequence: fc.oneof(int64, fc.integer()),
      accepted: fc.nat(),
      rejections: fc.array(
        fc.record({ index: fc.nat(), recordId: text, reasons: fc.array(reason, { maxLength: 3 }) }),
        {
          maxLength: 4,
        },
      ),
    });
    fc.assert(
      fc.property(answers, (answer) => {
        const { sequence, accepted, rejections } = fromBinary(IngestRecordsResponseSchema, encodeIngestAnswer(answer));
        expect(sequence).toBe(BigInt(answer.sequence));
        expect(accepted).toBe(answer.accepted);
        expect(rejections.map(({ index, recordId }) => ({ index, recordId }))).toEqual(
          answer.rejections.map(({ index, recordId }) => ({ index, recordId })),
        );
        expect(rejections.map(({ reasons }) => reasons.map(({ $typeName: _, ...found }) => found))).toEqual(
          answer.rejections.map(({ reasons }) => reasons),
        );
      }),
      { numRuns: 200 },
    );
  });
});
