// The difference of two models on the same rows, block by block: rows in the order of their time are cut into blocks
// of equal size, and each block gives one difference of the metric. Neighbours in time are alike (a storm, a busy
// hour), so that a test which took rows as independent would be surer than it may be; blocks are much less so (batch
// means, Conway 1963). Any metric can be compared in this way, also one that is no mean of its rows, such as the AUC;
// blocks in which it is not defined, such as those of one class only, are left out. O(rows log rows).

import { Moments, type Moments2 } from '@millrace/statistics';
import { exactly, type Metric } from '../metric.js';
import { rowsOf, type ScorePair } from '../scored-rows.js';

/** Below it an AUC would often have one class only, and a mean would be far from normal. */
const BLOCK_ROWS_MIN = 20;

export interface BlockDifferences {
  /**
   * Of one number a block: by how much the first model is better than the second (negative: worse), whichever way is
   * better for the metric.
   */
  blocks: Moments2;
  blockRows: number;
}

/** About as many blocks as a block has rows: the number that keeps both the bias and the noise of batch means low. */
export const blockRowsFor = (rows: number): number => Math.max(BLOCK_ROWS_MIN, Math.ceil(Math.sqrt(rows)));

/** Rows in the order of their time; the last ones that fill no block are left out. */
export function blockDifferences(metric: Metric, { labels, first, second }: ScorePair): BlockDifferences {
  const rows = rowsOf({ labels, scores: first });
  const blockRows = blockRowsFor(rows);
  const sign = metric.direction === 'higher' ? 1 : -1;
  const blocks = new Moments();
  for (let start = 0; start + blockRows <= rows; start += blockRows) {
    const cut = (of: ArrayLike<number>) => Array.prototype.slice.call(of, start, start + blockRows) as number[];
    const block = cut(labels);
    const own = exactly(metric, { labels: block, scores: cut(first) });
    const other = exactly(metric, { labels: block, scores: cut(second) });
    const difference = sign * (own - other);
    if (!Number.isNaN(difference)) blocks.add(difference);
  }
  const { count, mean, m2 } = blocks.state();
  return { blocks: { count, mean, m2 }, blockRows };
}
