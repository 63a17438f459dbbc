// Every version, first or challenger, is better than the trivial baseline by the deciding metric, on the same rows,
// and so that the interval of the difference says it: what is no better than the base rate tells the rows apart by
// chance, whatever it is compared with besides.

import { pairedComparison } from './comparison.js';
import type { Gate } from './gate.js';

export const ADVICE = 'more rows or other features may help';

export const beatsTrivial: Gate = ({ trivial, deciding, evaluation: { rows }, confidence }) => [
  {
    ...pairedComparison(deciding, trivial.difference, { whose: "the trivial baseline's", rows, confidence }),
    advice: ADVICE,
  },
];
