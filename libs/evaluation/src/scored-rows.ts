// Labelled rows and what one model said of them: the input of every exact metric. Named fields, so that labels and
// scores cannot change places. Rows whose label or score is no number are the caller's to leave out.

import { PlatformError } from '@millrace/domain';

export interface ScoredRows {
  /** Binary: 0 or 1. */
  readonly labels: ArrayLike<number>;
  /** Binary: probabilities of label 1, in the order of the labels. */
  readonly scores: ArrayLike<number>;
}

/** Two models' scores of the same rows. */
export interface ScorePair {
  readonly labels: ArrayLike<number>;
  readonly first: ArrayLike<number>;
  readonly second: ArrayLike<number>;
  /** By row, whose it is, such as a hash: rows of one entity are not independent. Absent: each is its own. */
  readonly entities?: ArrayLike<number> | undefined;
}

/** Rows, or an error where the two sides do not fit. */
export function rowsOf({ labels, scores }: ScoredRows): number {
  if (labels.length !== scores.length)
    throw new PlatformError('invalid_argument', `${labels.length} labels but ${scores.length} scores`);
  return labels.length;
}
