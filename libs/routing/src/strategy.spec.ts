// The contract of every strategy in the registry, over random traffic: whole shares of versions that are loaded,
// different names that may travel, the same answer to the same question.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type RouteTarget, TARGET_NAME, TARGETS_MAX } from './route.js';
import { DEFAULT_STRATEGY, STRATEGIES, strategyNamed } from './strategy-registry.js';

/** Versions 1 to 20 in ascending order with weights that add up to 100. */
const traffic = (count: { min: number; max: number }) =>
  fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: count.min, maxLength: count.max }).chain((versions) =>
    fc
      .uniqueArray(fc.integer({ min: 1, max: 99 }), {
        minLength: Math.max(0, versions.length - 1),
        maxLength: Math.max(0, versions.length - 1),
      })
      .map((cuts) => {
        const bounds = [0, ...cuts.sort((a, b) => a - b), 100];
        return versions
          .sort((a, b) => a - b)
          .map((version, i) => ({ version, weight: (bounds[i + 1] as number) - (bounds[i] as number) }));
      }),
  );

describe('the registry', () => {
  it('names each strategy once, as a project file can write it', () => {
    const names = STRATEGIES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z][a-z_]*$/);
    expect(names.map((name) => strategyNamed(name))).toEqual([...STRATEGIES]);
    expect(DEFAULT_STRATEGY.name).toBe('blue_green');
    expect(() => strategyNamed('big_bang')).toThrow();
  });
});

describe.each(STRATEGIES.map((strategy) => [strategy.name, strategy] as const))('%s', (_, strategy) => {
  const named = (shares: { version: number; weight: number }[]): RouteTarget[] => {
    const names = strategy.names(
      [],
      shares.map(({ version }) => version),
    );
    return shares.map((share, i) => ({ ...share, name: names[i] as string }));
  };

  it('says in one clause what it does', () => {
    expect(strategy.summary).toMatch(/^[a-z].{10,100}[^.]$/);
  });

  it('gives the first version all traffic', () => {
    expect(strategy.whenReady([], 1).weights).toEqual([{ version: 1, weight: 100 }]);
  });

  it('gives whole shares of the new version and live ones that add up to 100, and some to the new one', () => {
    fc.assert(
      fc.property(traffic({ min: 1, max: TARGETS_MAX - 1 }), fc.integer({ min: 1, max: 25 }), (shares, version) => {
        const live = named(shares);
        const { weights } = strategy.whenReady(live, version);
        const known = new Set([version, ...live.map((target) => target.version)]);
        expect(weights.reduce((sum, { weight }) => sum + weight, 0)).toBe(100);
        expect(weights.every(({ weight }) => Number.isInteger(weight) && weight > 0)).toBe(true);
        expect(weights.every((share) => known.has(share.version))).toBe(true);
        expect(new Set(weights.map((share) => share.version)).size).toBe(weights.length);
        expect(weights.length).toBeLessThanOrEqual(TARGETS_MAX);
        expect(weights.some((share) => share.version === version)).toBe(true);
        expect(strategy.whenReady(live, version)).toEqual(strategy.whenReady(live, version));
      }),
      { seed: 5 },
    );
  });

  it('gives different names that may travel, and leaves those that there are', () => {
    fc.assert(
      fc.property(traffic({ min: 0, max: TARGETS_MAX }), traffic({ min: 1, max: TARGETS_MAX }), (before, after) => {
        const live = named(before);
        const versions = after.map(({ version }) => version);
        const names = strategy.names(live, versions);
        expect(names).toHaveLength(versions.length);
        expect(new Set(names).size).toBe(names.length);
        for (const name of names) expect(name).toMatch(TARGET_NAME);
        for (const { version, name } of live)
          if (versions.includes(version)) expect(names[versions.indexOf(version)]).toBe(name);
      }),
      { seed: 6 },
    );
  });
});
