import { describe, expect, it } from '@jest/globals';
import type { LabelMessage, RecordMessage } from '@millrace/contracts';
import fc from 'fast-check';
import { LiveVersions } from './live-versions.js';

const SPAN = 100;
const HOLD = 20;
const record = (recordId: string, eventTimeMs: number): RecordMessage => ({
  project: 'p',
  recordId,
  entity: 'e',
  eventTimeMs,
  values: {},
  schemaHash: 'h',
  source: 's',
  ingestedAtMs: 0,
});
const label = (recordId: string, eventTimeMs: number, value = 1, knownAtMs = eventTimeMs + 5): LabelMessage => ({
  project: 'p',
  recordId,
  predictionId: '',
  entity: 'e',
  value,
  eventTimeMs,
  knownAtMs,
  source: 's',
  ingestedAtMs: 0,
});
const at = (offset: number, topic = 'records.v1', partition = 0) => ({ topic, partition, offset });
const open = (bounds = { rowsMax: 1_000, pendingLabelsMax: 1_000 }, closedThroughMs?: number) =>
  new LiveVersions(SPAN, HOLD, bounds, closedThroughMs);

describe('LiveVersions', () => {
  it('closes a span when the watermark passes its end, the delay and the allowance', () => {
    const live = open();
    live.add(record('a', 10), at(0));
    live.add(record('b', 110), at(1));
    expect(live.due(119)).toEqual([]);
    expect(live.due(120)).toEqual([0]);
    expect(live.due(1_000)).toEqual([0, 100]);
    const closing = live.beginClose(0);
    expect(closing).toMatchObject({ startMs: 0, endMs: 100 });
    expect(closing.rows.map((row) => row.record.recordId)).toEqual(['a']);
    expect(live.due(1_000)).toEqual([100]);
  });

  it('joins labels that come before or after their record; of two the later known counts', () => {
    const live = open();
    expect(live.addLabel(label('a', 10, 1), at(0, 'labels.v1'))).toBe('waiting');
    live.add(record('a', 10), at(0));
    expect(live.addLabel(label('a', 10, 0, 50), at(1, 'labels.v1'))).toBe('repeated');
    expect(live.addLabel(label('a', 10, 1, 40), at(2, 'labels.v1'))).toBe('repeated');
    expect(live.beginClose(0).rows[0]?.label).toBe(0);
  });

  it('knows repeated ids in open and closing spans, and asks about those of closed ones', () => {
    const live = open();
    expect(live.add(record('a', 10), at(0))).toBe('added');
    expect(live.add(record('a', 10), at(1))).toBe('duplicate');
    live.beginClose(0);
    expect(live.add(record('a', 10), at(2))).toBe('duplicate');
    live.endClose(0);
    expect(live.add(record('a', 10), at(3))).toBe('closed');
  });

  it('puts late rows into the next open version, with labels that waited there', () => {
    const live = open();
    live.add(record('a', 10), at(0));
    live.add(record('b', 210), at(1));
    live.beginClose(0);
    live.endClose(0);
    expect(live.add(record('late', 20), at(2))).toBe('closed');
    live.addLabel(label('late', 20), at(0, 'labels.v1'));
    live.addLate(record('late', 20), at(2));
    const next = live.beginClose(200);
    expect(next.rows.map((row) => [row.record.recordId, row.label])).toEqual([
      ['b', null],
      ['late', 1],
    ]);
    expect(live.lateRows).toBe(1);
  });

  it('opens the next span for a late row when none is open', () => {
    const live = open(undefined, 300);
    expect(live.add(record('a', 250), at(0))).toBe('closed');
    live.addLate(record('a', 250), at(0));
    expect(live.openSpans()).toEqual([300]);
  });

  it('holds the floor at the first row or label of an open version, until it is announced', () => {
    const live = open();
    live.add(record('a', 10), at(5));
    live.addLabel(label('a', 10), at(3, 'labels.v1', 2));
    live.add(record('b', 110), at(6));
    expect(live.floor('records.v1', 0)).toBe(5);
    expect(live.floor('labels.v1', 2)).toBe(3);
    expect(live.floor('labels.v1', 0)).toBeNull();
    const { offsets } = live.beginClose(0);
    expect(offsets).toContainEqual({ topic: 'records.v1', partition: 0, first: 5, last: 5 });
    expect(live.floor('records.v1', 0)).toBe(5);
    live.endClose(0);
    expect(live.floor('records.v1', 0)).toBe(6);
    expect(live.floor('labels.v1', 2)).toBeNull();
  });

  it('takes a failed close up again with the same rows', () => {
    const live = open();
    live.add(record('a', 10), at(0));
    live.beginClose(0);
    live.retryClose(0);
    expect(live.due(120)).toEqual([0]);
    expect(live.beginClose(0).rows).toHaveLength(1);
  });

  it('is full at its bound, and drops the oldest waiting label at its own', () => {
    const live = open({ rowsMax: 2, pendingLabelsMax: 2 });
    live.add(record('a', 10), at(0));
    expect(live.full).toBe(false);
    live.add(record('b', 150), at(1));
    expect(live.full).toBe(true);
    expect(live.oldest()).toBe(0);
    for (const id of ['x', 'y', 'z']) live.addLabel(label(id, 10), at(0, 'labels.v1'));
    expect(live.unmatchedLabels).toBe(1);
  });

  it('gives the same versions whatever the order of partitions and repetitions, when nothing is late', () => {
    const events = fc.array(fc.record({ id: fc.nat(40), isLabel: fc.boolean() }), { maxLength: 120 });
    fc.assert(
      fc.property(events, fc.infiniteStream(fc.nat()), (all, keys) => {
        const run = (order: typeof all) => {
          const live = open();
          order.forEach(({ id, isLabel }, offset) => {
            if (isLabel) live.addLabel(label(`r${id}`, id * 9, id % 2), at(offset, 'labels.v1'));
            else live.add(record(`r${id}`, id * 9), at(offset));
          });
          return live.due(Number.POSITIVE_INFINITY).flatMap((startMs) => {
            const { rows } = live.beginClose(startMs);
            live.endClose(startMs);
            return [[startMs, rows.map((row) => `${row.record.recordId}=${row.label}`).sort()]];
          });
        };
        const rowsOnly = (versions: ReturnType<typeof run>) =>
          versions.filter(([, rows]) => (rows as string[]).length > 0);
        const other = [...all, ...all.slice(0, 10)]
          .map((event) => ({ event, key: keys.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ event }) => event);
        expect(rowsOnly(run(other))).toEqual(rowsOnly(run(all)));
      }),
    );
  });

  it('never lets the floor pass a row that is not in a closed version', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('record' as const), at: fc.nat(500) }),
      fc.record({ kind: fc.constant('close' as const), at: fc.nat(600) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const live = open();
        const held = new Map<string, number>();
        steps.forEach((event, offset) => {
          if (event.kind === 'record') {
            const row = record(`r${offset}`, event.at);
            if (live.add(row, at(offset)) === 'closed') live.addLate(row, at(offset));
            held.set(row.recordId, offset);
            return;
          }
          for (const startMs of live.due(event.at)) {
            for (const row of live.beginClose(startMs).rows) held.delete(row.record.recordId);
            live.endClose(startMs);
          }
          const needed = [...held.values()];
          expect(live.floor('records.v1', 0)).toBe(needed.length === 0 ? null : Math.min(...needed));
        });
      }),
    );
  });
});
