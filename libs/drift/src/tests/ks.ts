// Two-sample Kolmogorov-Smirnov of a numeric feature.
//
//   D = sup_x |F_window(x) - F_reference(x)|
//   p = Q_KS((sqrt(ne) + 0.12 + 0.11/sqrt(ne)) D),  ne = n m / (n + m)   (asymptotic; Stephens 1970)
//
// The window is counted exactly below, at and between the reference's distinct quantiles, where F_reference is known to
// 1/(2m) (QuantileLadder), and between two of them F stays in one such range: |D_coded - D| <= 0.0005 for 1,001
// quantiles, and 0 for at most 1,000 reference rows. Ties make p conservative (too large). Cost O(quantiles). An empty
// side gives NaN; a constant feature has one quantile, D 0 and p 1.

import { kolmogorovTail, type NumericCounts } from '@millrace/statistics';
import { BY_EFFECT_AND_P, type Detector, type Measurement, SHARE_OPTION } from '../detector.js';

export function ksPValue(statistic: number, n: number, m: number): number {
  const root = Math.sqrt((n * m) / (n + m));
  return kolmogorovTail((root + 0.12 + 0.11 / root) * statistic);
}

function ks({ ladder, ladderCounts, rows, missing }: NumericCounts): Measurement {
  const n = rows - missing;
  if (n === 0 || ladder.rows === 0) return { statistic: Number.NaN, pValue: Number.NaN };
  let above = 0;
  let under = 0;
  let seen = 0;
  const look = (share: number, reference: number) => {
    if (share - reference > above) above = share - reference;
    else if (reference - share > under) under = reference - share;
  };
  for (let j = 0; j < ladder.points.length; j++) {
    seen += ladderCounts[2 * j] as number;
    look(seen / n, ladder.below[j] as number);
    seen += ladderCounts[2 * j + 1] as number;
    look(seen / n, ladder.at[j] as number);
  }
  const statistic = Math.max(above, under);
  return { statistic, pValue: ksPValue(statistic, n, ladder.rows) };
}

export const ksDetector: Detector<'numeric', 'ksStatistic'> = {
  name: 'ks',
  title: 'Kolmogorov–Smirnov',
  subjects: ['numeric'],
  options: {
    ksStatistic: {
      ...SHARE_OPTION,
      default: 0.1,
      description: 'Kolmogorov-Smirnov statistic needed besides p < alpha.',
      reason:
        'a tenth of the rows on the other side of a value; unshifted windows of the flights example stay below 0.037',
    },
  },
  threshold: 'ksStatistic',
  rule: BY_EFFECT_AND_P,
  blamesVersion: false,
  formula: 'sup |F_window(x) - F_reference(x)|; p-value of the asymptotic Kolmogorov law',
  paper: 'Smirnov 1948; Stephens, J. R. Stat. Soc. B 32, 1970',
  measure: ({ counts }) => ks(counts),
};
