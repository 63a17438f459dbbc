// Every version, first or challenger, is better than the trivial baseline by the deciding metric, on the same rows:
// what is no better than the base rate tells the rows apart by chance, whatever it is compared with besides.

import { metricIn } from '../figure.js';
import { comparison } from './comparison.js';
import type { Gate } from './gate.js';

export const beatsTrivial: Gate = ({ trivial, deciding, evaluation }) => [
  {
    ...comparison(deciding, evaluation, {
      whose: "the trivial baseline's",
      value: metricIn(trivial, deciding),
      stated: false,
    }),
    advice: 'more rows or other features may help',
  },
];
