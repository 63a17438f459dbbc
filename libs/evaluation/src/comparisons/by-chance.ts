// Whether scores tell positive rows from negative ones at all: the rank-sum test (Mann and Whitney 1947) of AUC 1/2.
//
//   s0^2 = (n + 1 - sum(t^3 - t) / (n (n - 1))) / (12 P N),   bound = 1/2 + z s0
// P positives, N negatives, n = P + N, t the rows of each group of equal scores, z the normal quantile of 1 - CHANCE.
// The variance is that of answers by chance, not of these scores: four rows that luck has put in order do not pass,
// as they would by a variance that they make themselves. O(n log n). One class, or one score for all rows: NaN.

import { normalQuantile } from '@millrace/statistics';
import { exactly } from '../metric.js';
import { auc } from '../metrics/auc.js';
import { rowsOf, type ScoredRows } from '../scored-rows.js';
import { ascending, endsOfTies } from '../ties.js';

/** The share of worthless models that pass. A loop asks some thousand times in its life. */
export const CHANCE = 0.001;

export interface ByChance {
  auc: number;
  /** The AUC that answers by chance exceed with probability CHANCE on these rows. */
  bound: number;
}

export function byChance(rows: ScoredRows): ByChance {
  const n = rowsOf(rows);
  let positives = 0;
  for (let i = 0; i < n; i++) if (rows.labels[i] === 1) positives++;
  let tied = 0;
  let start = 0;
  for (const end of endsOfTies(ascending(rows.scores), rows.scores)) {
    tied += (end - start) ** 3 - (end - start);
    start = end;
  }
  const variance = (n + 1 - tied / (n * (n - 1))) / (12 * positives * (n - positives));
  const area = exactly(auc, rows);
  const isDefined = variance > 0 && !Number.isNaN(area);
  return { auc: area, bound: isDefined ? 0.5 + normalQuantile(1 - CHANCE) * Math.sqrt(variance) : Number.NaN };
}
