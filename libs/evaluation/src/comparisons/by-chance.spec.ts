import { expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { byChance, CHANCE } from './by-chance.js';

const passes = (rows: number, positiveShare: number, seed: number, skill = 0) => {
  const rng = seededRng(seed);
  const labels = Array.from({ length: rows }, () => Number(rng.next() < positiveShare));
  const { auc, bound } = byChance({ labels, scores: labels.map((y) => rng.normal() + skill * y) });
  return auc > bound;
};

it.each([20, 100, 500])('answers by chance pass about once in a thousand times on %d rows', (rows) => {
  const times = 4_000;
  const passed = Array.from({ length: times }, (_, seed) => passes(rows, 0.3, seed)).filter(Boolean).length;
  // Three standard errors above what is asked.
  expect(passed).toBeLessThanOrEqual(times * CHANCE + 3 * Math.sqrt(times * CHANCE));
});

it('what tells rows apart passes, on so many rows as it needs', () => {
  const share = (rows: number, skill: number) =>
    Array.from({ length: 200 }, (_, seed) => passes(rows, 0.3, seed, skill)).filter(Boolean).length / 200;
  expect(share(500, 0.7)).toBeGreaterThan(0.99);
  expect(share(60, 2)).toBeGreaterThan(0.98);
  expect(share(60, 0.7)).toBeLessThan(0.6);
});

it('a handful of rows in order by luck does not pass', () => {
  const { auc, bound } = byChance({ labels: [0, 0, 0, 1, 1, 1], scores: [1, 2, 3, 4, 5, 6] });
  expect(auc).toBe(1);
  expect(bound).toBeGreaterThan(1);
});

it('knows ties: the variance is that of all orders of the labels', () => {
  const scores = [1, 1, 2, 2, 2, 3, 4, 4];
  const areas: number[] = [];
  for (let bits = 0; bits < 2 ** scores.length; bits++) {
    const labels = scores.map((_, i) => (bits >> i) & 1);
    if (labels.reduce((sum, y) => sum + y, 0) === 3) areas.push(byChance({ labels, scores }).auc);
  }
  const variance = areas.reduce((sum, area) => sum + (area - 0.5) ** 2, 0) / areas.length;
  const { bound } = byChance({ labels: [1, 1, 1, 0, 0, 0, 0, 0], scores });
  // 3.0902 is the normal quantile of .999.
  expect(((bound - 0.5) / 3.090_232_306) ** 2).toBeCloseTo(variance, 9);
});

it('one class, or one score for all, is no number', () => {
  expect(byChance({ labels: [1, 1], scores: [0.1, 0.2] })).toEqual({ auc: Number.NaN, bound: Number.NaN });
  expect(byChance({ labels: [1, 0], scores: [0.3, 0.3] })).toEqual({ auc: 0.5, bound: Number.NaN });
  expect(byChance({ labels: [], scores: [] }).bound).toBeNaN();
});
