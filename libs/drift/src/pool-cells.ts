// Pools rare cells of two histograms, so that the chi-square approximation holds for what is left: a cell stays when
// its expected count in the smaller sample is at least `expectedMin`. Categories are pooled into one last cell, bins of
// a numeric feature with their neighbours. Cells that are empty on both sides vanish. Order is kept. Cost O(cells).

import type { FeatureCounts } from '@millrace/statistics';

export interface PooledCells {
  reference: number[];
  window: number[];
}

/** The cells of a feature or score, pooled as its kind asks. */
export function pooledCells(counts: FeatureCounts, expectedMin: number): PooledCells {
  return counts.kind === 'numeric'
    ? poolNeighbours(counts.reference.counts, counts.counts, expectedMin)
    : poolRareCells(counts.referenceCounts, counts.counts, expectedMin);
}

/** Rare categories become one last cell. */
function poolRareCells(reference: ArrayLike<number>, window: ArrayLike<number>, expectedMin: number): PooledCells {
  const smaller = smallerShare(reference, window);
  const pooled: PooledCells = { reference: [], window: [] };
  let rareReference = 0;
  let rareWindow = 0;
  for (let i = 0; i < reference.length; i++) {
    const r = reference[i] as number;
    const w = window[i] as number;
    if (r + w === 0) continue;
    if ((r + w) * smaller >= expectedMin) {
      pooled.reference.push(r);
      pooled.window.push(w);
    } else {
      rareReference += r;
      rareWindow += w;
    }
  }
  if (rareReference + rareWindow > 0) {
    pooled.reference.push(rareReference);
    pooled.window.push(rareWindow);
  }
  return pooled;
}

/** Joins each too small bin with the ones after it; what is left at the end joins the last full bin. */
function poolNeighbours(reference: ArrayLike<number>, window: ArrayLike<number>, expectedMin: number): PooledCells {
  const smaller = smallerShare(reference, window);
  const pooled: PooledCells = { reference: [], window: [] };
  let r = 0;
  let w = 0;
  for (let i = 0; i < reference.length; i++) {
    r += reference[i] as number;
    w += window[i] as number;
    if ((r + w) * smaller < expectedMin) continue;
    pooled.reference.push(r);
    pooled.window.push(w);
    r = 0;
    w = 0;
  }
  const last = pooled.reference.length - 1;
  if (last < 0) return { reference: [r], window: [w] };
  pooled.reference[last] = (pooled.reference[last] as number) + r;
  pooled.window[last] = (pooled.window[last] as number) + w;
  return pooled;
}

/** The smaller sample's share of all rows; NaN when both are empty. */
function smallerShare(reference: ArrayLike<number>, window: ArrayLike<number>): number {
  let m = 0;
  let n = 0;
  for (let i = 0; i < reference.length; i++) {
    m += reference[i] as number;
    n += window[i] as number;
  }
  return Math.min(m, n) / (m + n);
}
