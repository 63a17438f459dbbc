// NaN and infinities, among the answers whose first number was looked at. Whoever gets one can do nothing with it, and
// the call counts as answered.

import type { Criterion } from '../criterion.js';
import { points } from './errors.js';

export function unusable({ effect }: { effect: number }): Criterion {
  return {
    name: 'unusable',
    unit: 'share',
    effect: `${points(effect)} more answers of NaN or infinity`,
    figure: ({ unusable, scored }) => unusable / (unusable + scored),
    cuts: [
      {
        prior: 0.002,
        worse: (p) => p + effect,
        edge: () => 0,
        all: ({ scored, unusable }) => unusable + scored,
        marked: ({ unusable }) => unusable,
        counts: ({ score }) => (score === undefined ? undefined : !Number.isFinite(score)),
      },
    ],
  };
}
