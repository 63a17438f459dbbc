// Failures that are the platform's fault (failure.ts), among all answers.

import type { Criterion } from '../criterion.js';

export function errors({ effect }: { effect: number }): Criterion {
  return {
    name: 'errors',
    unit: 'share',
    effect: `${points(effect)} more failures`,
    figure: ({ failed, answered }) => failed / answered,
    cuts: [
      {
        prior: 0.01,
        worse: (p) => p + effect,
        edge: () => 0,
        all: ({ answered }) => answered,
        marked: ({ failed }) => failed,
        counts: ({ isFailed }) => isFailed,
      },
    ],
  };
}

/** A share as percentage points. */
export const points = (share: number): string => `${Number((share * 100).toPrecision(3))} points`;
