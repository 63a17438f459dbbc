// Brier score: the mean squared distance of the probability from the label (Brier 1950). Mergeable from the score
// cells: each row counts as the middle of its cell, so |error| <= 2 * half a cell's width a row.

import { errorOfMeanDifference, intervalOfMean, meanOf, termsOf } from '../mean-of-rows.js';
import type { MergedValue, Metric } from '../metric.js';
import { squaredErrorOfRow } from '../row-terms.js';
import type { ScoreQuality } from '../score-quality.js';

function fromCells(quality: ScoreQuality): MergedValue {
  let sum = 0;
  let bound = 0;
  quality.eachCell(({ lower, upper, positives, negatives }) => {
    const middle = (lower + upper) / 2;
    sum += positives * (1 - middle) ** 2 + negatives * middle ** 2;
    bound += (positives + negatives) * (upper - lower);
  });
  return { value: quality.mean(sum), errorBound: quality.mean(bound) };
}

export const brier: Metric = {
  name: 'brier',
  title: 'Brier score',
  formula: 'mean((p - y)^2)',
  tasks: ['binary'],
  direction: 'lower',
  decides: true,
  prepare: (rows) => meanOf(termsOf(rows, squaredErrorOfRow)),
  merged: { binary: fromCells },
  interval: (rows, confidence) => intervalOfMean(termsOf(rows, squaredErrorOfRow), confidence),
  pairedError: (pair, clusters) => errorOfMeanDifference(pair, clusters, squaredErrorOfRow),
};
