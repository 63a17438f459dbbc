import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { LabelJoin } from './label-join.js';
import { QualityBook } from './quality-book.js';

describe('LabelJoin', () => {
  it('joins each pair once, whichever comes first', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(500), { maxLength: 300 }), fc.integer({ min: 1, max: 9 }), (ids, seed) => {
        const join = new LabelJoin();
        const steps = ids.flatMap((id) => [
          { id: `${id}/0`, label: false, order: (id * seed * 31) % 997 },
          { id: `${id}/0`, label: true, order: (id * seed * 17) % 991 },
        ]);
        steps.sort((a, b) => a.order - b.order);
        let joined = 0;
        for (const step of steps) {
          const row = step.label ? join.addLabel(step.id, 1).row : join.addPrediction(step.id, 0.5, 1, 0);
          if (row !== undefined) joined++;
        }
        expect(joined).toBe(ids.length);
        expect(join.waitingLabels).toBe(0);
      }),
    );
  });

  it('tells duplicates from contradictions, before and after the prediction', () => {
    const join = new LabelJoin();
    expect(join.addLabel('a', 1).kind).toBe('waiting');
    expect(join.addLabel('a', 1).kind).toBe('duplicate');
    expect(join.addLabel('a', 0).kind).toBe('contradiction');
    expect(join.addPrediction('a', 0.7, 3, 42)).toEqual({ probability: 0.7, version: 3, eventTimeMs: 42, outcome: 1 });
    expect(join.addLabel('a', 1).kind).toBe('duplicate');
    expect(join.addLabel('a', 0).kind).toBe('contradiction');
  });

  it('survives saving', () => {
    const join = new LabelJoin();
    for (let i = 0; i < 1_000; i++) join.addPrediction(`p${i}`, i / 1_000, 1, i);
    join.addLabel('p7', 1);
    join.addLabel('later', 0);
    const restored = LabelJoin.fromState(JSON.parse(JSON.stringify(join.state())));
    expect(restored.size).toBe(join.size);
    expect(restored.addLabel('p7', 1).kind).toBe('duplicate');
    expect(restored.addLabel('p8', 0).row?.probability).toBeCloseTo(0.008, 12);
    expect(restored.addPrediction('later', 0.2, 1, 0)?.outcome).toBe(0);
  });
});

describe('QualityBook', () => {
  it('answers for any range of buckets, and forgets the oldest past its bound', () => {
    const book = new QualityBook(10, 10_000);
    for (let i = 0; i < 100; i++) book.add(1, i, i / 100, i % 3 === 0 ? 1 : 0);
    expect(book.figures(1, 0, 100).rows).toBe(100);
    expect(book.figures(1, 20, 50).rows).toBe(30);
    expect(book.figures(2, 0, 100).rows).toBe(0);
    const restored = new QualityBook(10);
    restored.restore(JSON.parse(JSON.stringify(book.statesBetween(0, 100))));
    expect(restored.figures(1, 0, 100)).toEqual(book.figures(1, 0, 100));
    for (let i = 0; i < 5_000; i++) book.add(1, 100 + i, 0.5, 1);
    expect(book.droppedBuckets).toBeGreaterThan(0);
    expect(book.figures(1, 5_000, 5_100).rows).toBe(100);
  });
});
