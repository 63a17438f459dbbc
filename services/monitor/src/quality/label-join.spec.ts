import { describe, expect, it } from '@jest/globals';
import { ALL, COHORTS_MAX, type Cohort, cohortKey, cohortOfVersion } from '@millrace/domain';
import fc from 'fast-check';
import { LabelJoin } from './label-join.js';
import { ProjectQuality } from './project-quality.js';
import { QualityHistory } from './quality-history.js';
import { termsOf } from './task-terms.js';

const V1 = cohortOfVersion(1);
const ONE: readonly Cohort[] = [V1];
const SLICED: readonly Cohort[] = [V1, { version: 1, slice: { column: 'a;b', value: 'x' } }];

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
          const row = step.label ? join.addLabel(step.id, 1).row : join.addPrediction(step.id, 0.5, ONE, 0);
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
    expect(join.addPrediction('a', 0.7, ONE, 42)).toEqual({ score: 0.7, cohorts: ONE, eventTimeMs: 42, label: 1 });
    expect(join.addLabel('a', 1).kind).toBe('duplicate');
    expect(join.addLabel('a', 0).kind).toBe('contradiction');
  });

  it('survives saving', () => {
    const join = new LabelJoin();
    for (let i = 0; i < 1_000; i++) join.addPrediction(`p${i}`, i / 1_000, i % 2 === 0 ? ONE : SLICED, i);
    join.addLabel('p7', 1);
    join.addLabel('later', 0);
    const restored = LabelJoin.fromState(JSON.parse(JSON.stringify(join.state())));
    expect(restored.size).toBe(join.size);
    expect(restored.addLabel('p7', 1).kind).toBe('duplicate');
    expect(restored.addLabel('p8', 0).row).toMatchObject({ score: 0.008, cohorts: ONE });
    expect(restored.addLabel('p9', 0).row?.cohorts).toEqual(SLICED);
    expect(restored.addPrediction('later', 0.2, ONE, 0)?.label).toBe(0);
  });
});

const figuresOf = (history: QualityHistory, ...[cohort, fromMs, toMs]: Parameters<ProjectQuality['figures']>) =>
  new ProjectQuality(termsOf('binary'), 10, () => [history]).figures(cohort, fromMs, toMs);

describe('QualityHistory', () => {
  it('answers for any range of buckets, and forgets the oldest past its bound', () => {
    const history = new QualityHistory(termsOf('binary'), 10, 10_000);
    for (let i = 0; i < 100; i++) history.add(V1, i, i / 100, i % 3 === 0 ? 1 : 0);
    expect(figuresOf(history, V1, 0, 100).rows).toBe(100);
    expect(figuresOf(history, V1, 20, 50).rows).toBe(30);
    expect(figuresOf(history, cohortOfVersion(2), 0, 100).rows).toBe(0);
    const restored = new QualityHistory(termsOf('binary'), 10);
    restored.restore(JSON.parse(JSON.stringify(history.statesBetween(0, 100))));
    expect(figuresOf(restored, V1, 0, 100)).toEqual(figuresOf(history, V1, 0, 100));
    for (let i = 0; i < 5_000; i++) history.add(V1, 100 + i, 0.5, 1);
    expect(history.droppedBuckets).toBeGreaterThan(0);
    expect(figuresOf(history, V1, 5_000, 5_100).rows).toBe(100);
  });

  it('adds versions up, slices of the same column and value too, and keeps the rest apart', () => {
    const history = new QualityHistory(termsOf('binary'), 10);
    const slice = { column: 'carrier', value: 'AA' };
    for (const version of [1, 2]) {
      history.add(cohortOfVersion(version), 5, 0.5, 1);
      history.add({ version, slice }, 5, 0.5, 1);
    }
    history.add({ version: 2, slice: { ...slice, value: 'UA' } }, 5, 0.5, 1);
    const rows = (cohort: Cohort) => figuresOf(history, cohort, 0, 10).rows;
    expect(rows(ALL)).toBe(2);
    expect(rows({ version: 'all', slice })).toBe(2);
    expect(rows({ version: 1, slice })).toBe(1);
    expect(history.list().map(cohortKey)).toEqual(['1', '1;carrier=AA', '2', '2;carrier=AA', '2;carrier=UA']);
  });

  it('counts the rows of cohorts past its bound, and nothing else of them', () => {
    const history = new QualityHistory(termsOf('binary'), 10);
    for (let version = 1; version <= COHORTS_MAX + 3; version++) history.add(cohortOfVersion(version), 5, 0.5, 1);
    expect(history.list()).toHaveLength(COHORTS_MAX);
    expect(history.droppedRows).toBe(3);
  });
});
