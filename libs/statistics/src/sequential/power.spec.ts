// What is said beforehand about the test of two shares, held against the test itself on seeded streams.

import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import {
  detectableShareDifference,
  OBSERVATIONS_MAX,
  observationsFor,
  type Power,
  ShareTest,
  shareDifference,
} from '../index.js';

const power: Power = { baseline: 0.01, alpha: 0.01, power: 0.9 };
const STREAMS = 200;

describe('power', () => {
  it.each([
    [0.05, 0.2, {}],
    [0.05, 0.5, { expected: { effect: 0.05, baseline: 0.01 } }],
  ])(
    'a difference of %d at a share of %d is seen about as often as was said, after that many',
    (effect, share, options) => {
      const enough = observationsFor(effect, share, { ...power, ...options });
      const test = new ShareTest(0, 'more', options);
      let seen = 0;
      for (let seed = 1; seed <= STREAMS; seed++) {
        const rng = seededRng(seed);
        const [first, second] = [
          { k: 0, n: 0 },
          { k: 0, n: 0 },
        ];
        for (let i = 0; i < enough; i++) {
          const arm = rng.next() < share ? second : first;
          arm.n += 1;
          if (rng.next() >= (arm === second ? power.baseline + effect : power.baseline)) continue;
          arm.k += 1;
          // Between two that count, the evidence that the second has more only falls.
          if (test.logE([{ first, second, share }]) < Math.log(2 / power.alpha)) continue;
          seen += 1;
          break;
        }
      }
      expect(seen / STREAMS).toBeGreaterThan(power.power - 0.06);
      expect(seen / STREAMS).toBeLessThan(0.99);
    },
  );

  it('is what the bounds themselves say of the counts that are expected', () => {
    const even: Power = { ...power, power: 0.5 };
    const [n1, n2] = [4_000, 1_000];
    const effect = detectableShareDifference(n1, n2, even);
    const [first, second] = [
      { k: n1 * even.baseline, n: n1 },
      { k: n2 * (even.baseline + effect), n: n2 },
    ];
    expect(Math.abs(shareDifference(first, second, even.alpha).lower)).toBeLessThan(1e-4);
  });

  it('is a question that can be turned round', () => {
    const enough = observationsFor(0.03, 0.25, power);
    const detectable = detectableShareDifference(0.75 * enough, 0.25 * enough, power);
    expect(Math.abs(detectable - 0.03)).toBeLessThan(0.0005);
  });

  it('takes more observations for less: of an effect, of alpha, of traffic', () => {
    const enough = observationsFor(0.03, 0.25, power);
    expect(observationsFor(0.015, 0.25, power)).toBeGreaterThan(2 * enough);
    expect(observationsFor(0.03, 0.05, power)).toBeGreaterThan(2 * enough);
    expect(observationsFor(0.03, 0.25, { ...power, alpha: 0.001 })).toBeGreaterThan(enough);
    expect(observationsFor(0.03, 0.25, { ...power, power: 0.99 })).toBeGreaterThan(enough);
    expect(observationsFor(0.03, 0.25, { ...power, expected: { effect: 0.03, baseline: 0.01 } })).toBeLessThan(enough);
  });

  it('says so where nothing would be seen', () => {
    expect(detectableShareDifference(0, 5, power)).toBe(Number.POSITIVE_INFINITY);
    expect(detectableShareDifference(5, 0, power)).toBe(Number.POSITIVE_INFINITY);
    expect(detectableShareDifference(1, 1, power)).toBe(Number.POSITIVE_INFINITY);
    expect(observationsFor(1e-7, 0.5, power)).toBe(Number.POSITIVE_INFINITY);
    expect(observationsFor(1e-3, 0.5, power)).toBeLessThan(OBSERVATIONS_MAX);
  });

  it('refuses what is no share, no count and no probability', () => {
    for (const bad of [{ baseline: 0 }, { alpha: 1 }, { power: Number.NaN }]) {
      expect(() => observationsFor(0.03, 0.25, { ...power, ...bad })).toThrow('assertion failed');
      expect(() => detectableShareDifference(9, 9, { ...power, ...bad })).toThrow('assertion failed');
    }
    expect(() => observationsFor(0.99, 0.25, power)).toThrow('is no share');
    expect(() => observationsFor(0.03, 1, power)).toThrow('share 1');
    expect(() => detectableShareDifference(Number.NaN, 9, power)).toThrow('no counts');
  });
});
