// Blocks of records: the same messages, under the same keys, as are made one by one.

import { describe, expect, it } from '@jest/globals';
import type { Scalar } from '@millrace/domain';
import fc from 'fast-check';
import { encodeRecord } from './record.codec.js';
import { RecordBlock } from './record-block.codec.js';
import { messageKey } from './topics.js';

const text = fc.string({ minLength: 1, maxLength: 300, unit: 'grapheme' });
const integer = fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER });
const number = fc.double({ noNaN: true, noDefaultInfinity: true });
/** An object puts names that are numbers first, and `__proto__` nowhere. */
const name = text.filter((given) => !/^\d+$/.test(given) && given !== '__proto__');
const columns = fc.uniqueArray(fc.tuple(name, fc.boolean()), { maxLength: 8, selector: ([given]) => given });

interface Row {
  recordId: string;
  entity: string;
  eventTimeMs: number;
  row: Scalar[];
}

describe('a block of records', () => {
  const blocks = columns.chain((named) => {
    const value = (isTimestamp: boolean) =>
      fc.oneof(isTimestamp ? integer : number, text, fc.boolean(), fc.constant(null)) as fc.Arbitrary<Scalar>;
    const rows: fc.Arbitrary<Row[]> = fc.array(
      fc.record({
        recordId: text,
        entity: fc.oneof(text, fc.constant('')),
        eventTimeMs: integer,
        row: fc.tuple(...named.map(([, isTimestamp]) => value(isTimestamp))) as fc.Arbitrary<Scalar[]>,
      }),
      { maxLength: 6 },
    );
    return fc.record({ named: fc.constant(named), rows, project: text, schemaHash: text, source: text, at: integer });
  });

  it('holds what encodeRecord writes of each, behind its key', () => {
    fc.assert(
      fc.property(blocks, ({ named, rows, project, schemaHash, source, at }) => {
        const listed = named.map(([name, isTimestamp], place) => ({ name, isTimestamp, place }));
        const block = new RecordBlock({ project, schemaHash, source, columns: listed });
        // What is given up half-way leaves nothing behind.
        block.begin(0);
        block.add('given up', 'e', 1, new Array<null>(named.length).fill(null));
        block.begin(at);
        for (const { recordId, entity, eventTimeMs, row } of rows) block.add(recordId, entity, eventTimeMs, row);
        const { bytes, ends } = block.finish();
        const parts = ends.map((end, i) => Buffer.from(bytes.subarray(ends[i - 1] ?? 0, end)));
        const timestamps = new Set(named.flatMap(([name, isTimestamp]) => (isTimestamp ? [name] : [])));
        const wanted = rows.flatMap(({ row, ...head }) => {
          const given = listed.flatMap(({ name, place }) => (row[place] === null ? [] : [[name, row[place]] as const]));
          const values = Object.fromEntries(given) as Record<string, Scalar>;
          const record = { ...head, values, project, schemaHash, source, ingestedAtMs: at };
          return [
            Buffer.from(messageKey(project, head.entity || head.recordId)),
            Buffer.from(encodeRecord(record, timestamps)),
          ];
        });
        expect(parts.length).toBe(rows.length * 2);
        expect(parts).toEqual(wanted);
      }),
      { numRuns: 300 },
    );
  });
});
