// A version that gives everybody the same number: of its finite answers, by two as they came, the pairs of equal ones.
// Each answer is in one pair, so that pairs are independent where answers are. How often the version in service repeats
// itself on the same traffic is what it is compared with: classes and repeated questions are no fault.

import type { Criterion } from '../criterion.js';

export function constant({ effect }: { effect: number }): Criterion {
  return {
    name: 'constant',
    unit: 'share',
    effect: `${Number((effect * 100).toPrecision(3))} % of the pairs that differ become equal`,
    figure: ({ equalPairs, pairs }) => equalPairs / pairs,
    cuts: [
      {
        prior: 0.05,
        worse: (p) => p + effect * (1 - p),
        edge: () => 0,
        all: ({ pairs }) => pairs,
        marked: ({ equalPairs }) => equalPairs,
        counts: ({ isEqual }) => isEqual,
      },
    ],
  };
}
