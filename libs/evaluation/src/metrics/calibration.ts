// Calibration in the large: how far the mean probability is from the share of label 1. Mergeable exactly: two sums.
//
// It does not decide between models: the share of positives for every row has 0 and knows nothing.

import { intervalOfMean, meanOf, type RowTerm, termsOf } from '../mean-of-rows.js';
import type { Metric } from '../metric.js';

const difference: RowTerm = ({ score, positive }) => score - Number(positive);

export const calibration: Metric = {
  name: 'calibration',
  title: 'Calibration error',
  formula: '|mean(p) - mean(y)|',
  tasks: ['binary'],
  direction: 'lower',
  decides: false,
  prepare: (rows) => {
    const mean = meanOf(termsOf(rows, difference));
    return (weights) => Math.abs(mean(weights));
  },
  merged: {
    binary: (quality) => ({ value: Math.abs(quality.mean(quality.probabilitySum - quality.positives)), errorBound: 0 }),
  },
  interval: (rows, confidence) => {
    const { lower, upper } = intervalOfMean(termsOf(rows, difference), confidence);
    const ends = [Math.abs(lower), Math.abs(upper)] as const;
    return { lower: lower <= 0 && upper >= 0 ? 0 : Math.min(...ends), upper: Math.max(...ends) };
  },
};
