// How many dataset versions a retraining may learn from, and what more rows have been worth.

import { describe, expect, it } from '@jest/globals';
import { COST_TUNING } from './cost-tuning.js';
import { curveOf, rowChoices } from './taught-rows.js';

describe('the dataset versions that a retraining may learn from', () => {
  it('are twice as many each time, up to the most that the project allows', () => {
    expect(rowChoices({ versions: 3, versionsMax: 48 })).toEqual([3, 6, 12, 24, 48]);
    expect(rowChoices({ versions: 3, versionsMax: 47 })).toEqual([3, 6, 12, 24]);
    expect(rowChoices({ versions: 3, versionsMax: 3 })).toEqual([3]);
    expect(rowChoices({ versions: 5 })).toEqual([5]);
  });
});

describe('what few rows cost', () => {
  const more = 1 / 1_000 - 1 / 8_000;
  const lesson = (gained: number, rows = 2_000) => ({ more, gained, rows });

  it('is what is thought of any learner where nothing has been seen', () => {
    expect(curveOf([]).c).toBeCloseTo(COST_TUNING.curve);
    expect(curveOf([]).deviation).toBeCloseTo(COST_TUNING.curve * COST_TUNING.curveDeviation);
  });

  it('follows what retrainings on more rows have gained, the more of them the surer', () => {
    const learner = 30;
    const seen = Array.from({ length: 8 }, () => lesson(learner * more));
    expect(curveOf(seen).c).toBeGreaterThan(0.8 * learner);
    expect(curveOf(seen.slice(0, 1)).c).toBeGreaterThan(curveOf([]).c);
    expect(curveOf(seen).deviation).toBeLessThan(curveOf(seen.slice(0, 1)).deviation);
    expect(curveOf([lesson(0), lesson(0), lesson(0)]).c).toBeLessThan(0.5 * COST_TUNING.curve);
  });

  it('is nothing where more rows have made it worse, and hardly moved by what few rows have seen', () => {
    expect(curveOf(Array.from({ length: 8 }, () => lesson(-0.01))).c).toBe(0);
    expect(curveOf([lesson(0.02, 10)]).c).toBeCloseTo(COST_TUNING.curve, 0);
  });
});
