// Student's quantiles against scipy 1.17's stats.t.ppf.

import { describe, expect, it } from '@jest/globals';
import { normalQuantile } from './normal.js';
import { studentQuantile } from './student.js';

const KNOWN: readonly (readonly [p: number, freedom: number, t: number])[] = [
  [0.01, 0.5, -1028.4910104716218],
  [0.5, 0.5, 0.0],
  [0.9, 0.5, 10.27032441023451],
  [0.975, 0.5, 164.55767348048818],
  [0.9999, 0.5, 10284911.563165644],
  [0.01, 1, -31.82051595377396],
  [0.5, 1, 0.0],
  [0.9, 1, 3.0776835371752544],
  [0.975, 1, 12.706204736174694],
  [0.9999, 1, 3183.098757118502],
  [0.01, 1.7, -8.910124860634818],
  [0.5, 1.7, 0.0],
  [0.9, 1.7, 2.0413497586255245],
  [0.975, 1.7, 5.1188389882530565],
  [0.9999, 1.7, 134.80320476491448],
  [0.01, 2, -6.964556734283274],
  [0.5, 2, 0.0],
  [0.9, 2, 1.8856180831641272],
  [0.975, 2, 4.302652729749462],
  [0.9999, 2, 70.70007107496818],
  [0.01, 5, -3.364929998907218],
  [0.5, 5, 0.0],
  [0.9, 5, 1.4758840488244815],
  [0.975, 5, 2.5705818356363146],
  [0.9999, 5, 9.677566300882814],
  [0.01, 12.3, -2.6711998358988156],
  [0.5, 12.3, 0.0],
  [0.9, 12.3, 1.3542946376388478],
  [0.975, 12.3, 2.172933481758962],
  [0.9999, 12.3, 5.214117118183748],
  [0.01, 40, -2.4232567793348583],
  [0.5, 40, 0.0],
  [0.9, 40, 1.3030770526071949],
  [0.975, 40, 2.021075390306273],
  [0.9999, 40, 4.094207102730718],
  [0.01, 1000, -2.330082674755513],
  [0.5, 1000, 0.0],
  [0.9, 1000, 1.2823987214609247],
  [0.975, 1000, 1.9623390808264083],
  [0.9999, 1000, 3.7328516045753966],
  [0.01, 1e6, -2.3263516031208056],
  [0.5, 1e6, 0.0],
  [0.9, 1e6, 1.281552412129939],
  [0.975, 1e6, 1.959966356814107],
  [0.9999, 1e6, 3.719030274762571],
];

describe("quantiles of Student's distribution", () => {
  it.each(KNOWN)('at %d with %d degrees of freedom', (p, freedom, t) => {
    expect(Math.abs(studentQuantile(p, freedom) - t)).toBeLessThanOrEqual(1e-9 * Math.abs(t) + 1e-12);
  });

  it('are normal with infinitely many, and no number for what is none', () => {
    expect(studentQuantile(0.975, Number.POSITIVE_INFINITY)).toBe(normalQuantile(0.975));
    expect([studentQuantile(0, 3), studentQuantile(1, 3)]).toEqual([
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
    for (const [p, freedom] of [
      [-0.1, 3],
      [1.1, 3],
      [0.9, 0],
      [Number.NaN, 3],
      [0.9, Number.NaN],
    ] as const)
      expect(studentQuantile(p, freedom)).toBeNaN();
  });
});
