import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { emptyRoute, TARGETS_MAX } from './route.js';
import { baselineOf, beside, firstStep } from './steps.js';

/** Versions 1 and up whose whole weights add up to 100. */
const shares = fc
  .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: TARGETS_MAX - 1 })
  .map((cuts) => [0, ...cuts.sort((a, b) => a - b), 100])
  .map((bounds) => bounds.slice(1).map((to, i) => ({ version: i + 1, weight: to - (bounds[i] as number) })));

describe('shares beside a version', () => {
  it('are whole, add up to 100, and each is within one percent of its proportion', () => {
    fc.assert(
      fc.property(shares, fc.integer({ min: 1, max: 99 }), (baseline, weight) => {
        const made = beside(baseline, 50, weight);
        expect(made.reduce((sum, share) => sum + share.weight, 0)).toBe(100);
        expect(made.length).toBeLessThanOrEqual(TARGETS_MAX);
        expect(made.find(({ version }) => version === 50)?.weight).toBe(weight);
        if (baseline.length === TARGETS_MAX) return;
        for (const { version, weight: before } of baseline) {
          const now = made.find((share) => share.version === version)?.weight ?? 0;
          expect(Math.abs(now - (before * (100 - weight)) / 100)).toBeLessThan(1);
        }
      }),
      { seed: 7 },
    );
  });

  it('leave the version out of those who had the traffic before', () => {
    const live = [
      { version: 1, weight: 60 },
      { version: 2, weight: 40 },
    ];
    expect(baselineOf(live, 2)).toEqual([{ version: 1, weight: 100 }]);
    expect(baselineOf(live, 3)).toEqual(live);
    expect(baselineOf([{ version: 2, weight: 100 }], 2)).toEqual([]);
  });

  it('salts differ between projects, versions and rollouts', () => {
    const salt = (project: string, version: number, revision: number) =>
      firstStep({ ...emptyRoute(project), revision }, { plan: [{ weight: 5 }], baseline: [], version, nowMs: 1 }).salt;
    const salts = [salt('p', 2, 4), salt('q', 2, 4), salt('p', 3, 4), salt('p', 2, 5)];
    expect(new Set(salts).size).toBe(salts.length);
  });
});
