import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  ALL,
  type Cohort,
  CohortMap,
  cohortKey,
  cohortOfVersion,
  cohortText,
  compareCohorts,
  parseCohortKey,
  sameCohort,
} from './cohort.js';

const version = fc.oneof(fc.constant('all' as const), fc.integer({ min: 1, max: 999_999_999 }));
const slice = fc.oneof(
  fc.constant('all' as const),
  fc.record({ column: fc.string({ unit: 'grapheme', minLength: 1 }), value: fc.string({ unit: 'grapheme' }) }),
);
const cohort: fc.Arbitrary<Cohort> = fc.record({ version, slice });

describe('cohortKey', () => {
  it.each<[Cohort, string]>([
    [ALL, 'all'],
    [cohortOfVersion(3), '3'],
    [{ version: 3, slice: { column: 'carrier', value: 'AA' } }, '3;carrier=AA'],
    [{ version: 'all', slice: { column: 'a;b', value: 'x=/y' } }, 'all;a%3Bb=x%3D%2Fy'],
    [{ version: 2, slice: { column: 'city', value: '' } }, '2;city='],
  ])('of %j is %s', (one, key) => {
    expect(cohortKey(one)).toBe(key);
    expect(parseCohortKey(key)).toEqual(one);
  });

  it('gives every cohort back, and is equal for equal cohorts only', () => {
    fc.assert(
      fc.property(cohort, cohort, (a, b) => {
        expect(parseCohortKey(cohortKey(a))).toEqual(a);
        expect(cohortKey(a) === cohortKey(b)).toBe(sameCohort(a, b));
        expect(cohortKey(a)).not.toMatch(/[/\s]/);
      }),
    );
  });

  it('does not fail at half a surrogate pair', () => {
    const half: Cohort = { version: 1, slice: { column: 'c', value: '\ud800' } };
    expect(cohortKey(half)).toBe('1;c=%EF%BF%BD');
  });

  it.each(['', '0', '-1', '01', 'v3', '3;', '3;=x', '3;a', '3;a=b=c', '3;a=%', '3;a=%41', '3;a=b/c', '1234567890'])(
    'never is %p',
    (key) => {
      expect(parseCohortKey(key)).toBeUndefined();
    },
  );
});

describe('the order of cohorts', () => {
  it('is ALL, versions, slices after their version', () => {
    const sliced = (v: number | 'all', value: string): Cohort => ({ version: v, slice: { column: 'c', value } });
    const inOrder = [ALL, sliced('all', 'a'), cohortOfVersion(2), sliced(2, 'a'), sliced(2, 'b'), cohortOfVersion(10)];
    expect([...inOrder].reverse().sort(compareCohorts)).toEqual(inOrder);
  });
});

describe('cohortText', () => {
  it('is for people', () => {
    expect(cohortText(ALL)).toBe('all versions');
    expect(cohortText(cohortOfVersion(3))).toBe('version 3');
    expect(cohortText({ version: 3, slice: { column: 'carrier', value: 'AA' } })).toBe('version 3 where carrier is AA');
  });
});

describe('CohortMap', () => {
  it('behaves as a map by key', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(cohort, fc.nat())), (entries) => {
        const map = new CohortMap<number>();
        const model = new Map<string, number>();
        for (const [one, value] of entries) {
          expect(map.set(one, value)).toBe(true);
          model.set(cohortKey(one), value);
        }
        expect(map.size).toBe(model.size);
        expect(map.cohorts().map(cohortKey).sort()).toEqual([...model.keys()].sort());
        expect([...map.values()].sort()).toEqual([...model.values()].sort());
        for (const [one] of entries) expect(map.get(one)).toBe(model.get(cohortKey(one)));
        for (const [one] of entries) map.delete(one);
        expect(map.size).toBe(0);
      }),
    );
  });

  it('refuses a new cohort when it is full, and keeps those it has', () => {
    const map = new CohortMap<string>(2);
    expect(map.set(ALL, 'all')).toBe(true);
    expect(map.set(cohortOfVersion(1), 'one')).toBe(true);
    expect(map.set(cohortOfVersion(2), 'two')).toBe(false);
    expect(map.set({ version: 1, slice: { column: 'c', value: 'x' } }, 'x')).toBe(false);
    expect(map.set(cohortOfVersion(1), 'uno')).toBe(true);
    expect([map.ofVersion('all'), map.ofVersion(1), map.ofVersion(2)]).toEqual(['all', 'uno', undefined]);
    map.clear();
    expect(map.has(ALL)).toBe(false);
    expect(map.set(cohortOfVersion(2), 'two')).toBe(true);
  });
});
