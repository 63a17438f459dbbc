// Accuracy: the share of rows whose class at probability >= 0.5 is their label. Mergeable exactly: a count.
//
// Interval: Wilson's score interval (Wilson 1927), which stays within [0, 1] and holds for few rows and shares near 1.

import { normalQuantile } from '@millrace/statistics';
import { errorOfMeanDifference, meanOf, type RowTerm, termsOf } from '../mean-of-rows.js';
import { exactly, type Metric } from '../metric.js';
import { isRight } from '../row-terms.js';
import { rowsOf } from '../scored-rows.js';

const rightness: RowTerm = (row) => Number(isRight(row));

export const accuracy: Metric = {
  name: 'accuracy',
  title: 'Accuracy',
  formula: 'share of rows with (p >= 0.5) = y',
  tasks: ['binary'],
  direction: 'higher',
  decides: true,
  prepare: (rows) => meanOf(termsOf(rows, rightness)),
  merged: { binary: (quality) => ({ value: quality.mean(quality.right), errorBound: 0 }) },
  interval: (rows, confidence) => {
    const n = rowsOf(rows);
    const share = exactly(accuracy, rows);
    const z = normalQuantile((1 + confidence) / 2);
    const centre = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
    const reach = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
    return { lower: centre - reach, upper: centre + reach };
  },
  pairedError: (pair, clusters) => errorOfMeanDifference(pair, clusters, rightness),
};
