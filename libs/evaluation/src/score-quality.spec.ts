import { expect, it } from '@jest/globals';
import { evaluateMerged } from './evaluate.js';
import { ScoreQuality } from './score-quality.js';

it('is saved in the form that checkpoints of the monitor hold since 0.1', () => {
  const quality = new ScoreQuality();
  for (const [probability, outcome] of [
    [0.5, 1],
    [0.5, 0],
    [1, 1],
    [0.2, 1],
  ] as const)
    quality.add(probability, outcome);
  const state = quality.state();
  const { logLossSum, ...counts } = state;
  expect(counts).toEqual({
    rows: 4,
    positives: 3,
    right: 2,
    probabilitySum: 2.2,
    // Cell and outcome (cell * 2 + outcome), and how many rows.
    codes: [14113, 1, 16384, 1, 16385, 1, 32767, 1],
  });
  expect(logLossSum).toBeCloseTo(2 * Math.log(2) - Math.log(0.2), 6);
  expect(evaluateMerged(ScoreQuality.fromState(state))).toEqual(evaluateMerged(quality));
});

it('holds at most 128 KiB, and the same counts on both sides of where it becomes dense', () => {
  const few = new ScoreQuality();
  const many = new ScoreQuality();
  for (let i = 0; i < 40_000; i++) {
    const probability = ((i * 7_919) % 10_007) / 10_007;
    many.add(probability, i % 3 === 0 ? 1 : 0);
    if (i < 1_000) few.add(probability, i % 3 === 0 ? 1 : 0);
  }
  expect(few.bytes).toBeLessThan(8_192);
  expect(many.bytes).toBe(131_072);
  const restored = ScoreQuality.fromState(many.state());
  expect(restored.state()).toEqual(many.state());
  few.merge(many);
  expect(few.rows).toBe(41_000);
});
