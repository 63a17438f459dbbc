// Pools rare cells of two histograms, so that the chi-square approximation holds for what is left: a cell stays when its
// expected count in the smaller sample is at least `expectedMin`. Categories are pooled into one last cell, bins of a numeric
// feature with their neighbours. Cells that are empty on both sides vanish. Order is kept.

/** Cochran's rule of thumb (1954), for chi-square. */
export const EXPECTED_MIN = 5;
/** For PSI: a cell that is empty by chance counts as 0.0001 and weighs heavily; with 10 expected that is one in 22,000. */
export const PSI_EXPECTED_MIN = 10;

export interface PooledCells {
  reference: number[];
  window: number[];
}

export function poolRareCells(
  reference: ArrayLike<number>,
  window: ArrayLike<number>,
  expectedMin: number = EXPECTED_MIN,
): PooledCells {
  let m = 0;
  let n = 0;
  for (let i = 0; i < reference.length; i++) {
    m += reference[i] as number;
    n += window[i] as number;
  }
  const smaller = Math.min(m, n) / (m + n);
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
export function poolNeighbours(
  reference: ArrayLike<number>,
  window: ArrayLike<number>,
  expectedMin: number,
): PooledCells {
  let m = 0;
  let n = 0;
  for (let i = 0; i < reference.length; i++) {
    m += reference[i] as number;
    n += window[i] as number;
  }
  const smaller = Math.min(m, n) / (m + n);
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
