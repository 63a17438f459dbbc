// Population stability index of two histograms over the same cells.
//
//   PSI = sum_i (p_i - q_i) ln(p_i / q_i),   p_i = max(window_i / sum window, FLOOR), q_i likewise of the reference
//
// Symmetric, >= 0, 0 for equal shares; no upper bound except by FLOOR. Under no change, its mean is about
// (k - 1)(1/n + 1/m) for k cells (Yurdakul 2018, "Statistical properties of population stability index"), hence a minimum
// number of rows. Rules of thumb 0.1 / 0.2 / 0.25 (Siddiqi 2006). Cost O(cells). NaN when either side is empty.

/** Stands for an empty cell's share; 0.0001 as in Evidently, so that values compare with that tool. */
export const PSI_FLOOR = 0.0001;

export function psi(reference: ArrayLike<number>, window: ArrayLike<number>): number {
  let n = 0;
  let m = 0;
  for (let i = 0; i < reference.length; i++) {
    m += reference[i] as number;
    n += window[i] as number;
  }
  if (n === 0 || m === 0) return Number.NaN;
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const p = Math.max((window[i] as number) / n, PSI_FLOOR);
    const q = Math.max((reference[i] as number) / m, PSI_FLOOR);
    sum += (p - q) * Math.log(p / q);
  }
  return sum;
}
