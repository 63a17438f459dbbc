// Log loss: the mean of -ln of the probability that the model gave to what happened (formula and clipping:
// row-terms.ts). Mergeable exactly: a sum.

import { errorOfMeanDifference, intervalOfMean, meanOf, termsOf } from '../mean-of-rows.js';
import type { Metric } from '../metric.js';
import { logLossOfRow } from '../row-terms.js';

export const logLoss: Metric = {
  name: 'log_loss',
  title: 'Log loss',
  formula: '-mean(y ln p + (1 - y) ln(1 - p)), p clipped to [1e-7, 1 - 1e-7]',
  tasks: ['binary'],
  direction: 'lower',
  decides: true,
  prepare: (rows) => meanOf(termsOf(rows, logLossOfRow)),
  merged: { binary: (quality) => ({ value: quality.mean(quality.logLossSum), errorBound: 0 }) },
  interval: (rows, confidence) => intervalOfMean(termsOf(rows, logLossOfRow), confidence),
  pairedError: (pair, clusters) => errorOfMeanDifference(pair, clusters, logLossOfRow),
};
