import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { BUCKETS, bucketOf, makeSplit, placeOf, projectSalt, type Split } from './split.js';

const at = (weight: number) =>
  makeSplit([
    { version: 2, weight },
    { version: 1, weight: 100 - weight },
  ]);
const salt = projectSalt('p');
const versionOf = (split: Split, bucket: number) => split.versions[placeOf(split, bucket)] ?? 0;

describe('split', () => {
  it('gives each version its share within 3 sigma', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), fc.integer(), (weight, seed) => {
        const n = 20_000;
        const split = at(weight);
        let second = 0;
        for (let i = 0; i < n; i++) if (versionOf(split, bucketOf(`${seed}-${i}`, salt)) === 2) second += 1;
        const p = weight / 100;
        // 4.5 sigma: over 50 draws of 3 sigma one in eight runs would fail by chance.
        expect(Math.abs(second - n * p)).toBeLessThan(4.5 * Math.sqrt(n * p * (1 - p)));
      }),
      { numRuns: 50, seed: 1 },
    );
  });

  it('moves only the difference when a weight changes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }), (before, after) => {
        const [old, fresh] = [at(before), at(after)];
        let moved = 0;
        for (let bucket = 0; bucket < BUCKETS; bucket++) {
          if (versionOf(old, bucket) !== versionOf(fresh, bucket)) moved += 1;
        }
        expect(moved).toBe(Math.abs(after - before) * 100);
      }),
      { numRuns: 30 },
    );
  });

  it('divides all buckets among any number of versions, by weight', () => {
    const weights = [1, 2, 7, 20, 30, 40];
    const split = makeSplit(weights.map((weight, i) => ({ version: 9 - i, weight })));
    const counts = new Map<number, number>();
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const version = versionOf(split, bucket);
      counts.set(version, (counts.get(version) ?? 0) + 1);
    }
    expect([...counts].sort(([a], [b]) => b - a).map(([, count]) => count / 100)).toEqual(weights);
  });

  it('puts a key into the same bucket always, and into others for other projects', () => {
    const keys = Array.from({ length: 1000 }, (_, i) => `entity-${i}`);
    const other = projectSalt('q');
    expect(keys.map((key) => bucketOf(key, salt))).toEqual(keys.map((key) => bucketOf(`${key}`, projectSalt('p'))));
    expect(keys.filter((key) => bucketOf(key, salt) === bucketOf(key, other)).length).toBeLessThan(10);
  });

  it('has no version where there are no targets', () => {
    expect(versionOf(makeSplit([]), 17)).toBe(0);
  });
});
