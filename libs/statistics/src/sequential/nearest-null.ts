// The point of a null hypothesis that is hardest to tell from an alternative: of all pairs of shares (p, p +
// margin) the one with the least (1 - share) KL(first ‖ p) + share KL(second ‖ p + margin), the reverse information
// projection (Grünwald, de Heide, Koolen 2024; Turner and Grünwald, "Exact anytime-valid confidence intervals for
// contingency tables and beyond", Stat. Probab. Lett. 2023). The pairs with second - first <= margin are a convex
// set, hence the ratio alternative / nearest, of one observation whose arm was drawn with `share`, has an
// expectation of at most 1 under every one of them, whatever the common level is. That is why the level needs no
// prior of its own here.
//
// The derivative (1 - share) (p - first) / (p (1 - p)) + share (p + margin - second) / ((p + margin) (1 - p -
// margin)) rises with p; its root lies between first and second - margin. Bisection, HALVINGS steps, no logarithm.

const HALVINGS = 40;

/**
 * The first arm's share at the nearest point of the null; the second arm's is that + margin.
 * @param first share of the first arm under the alternative, inside (0, 1)
 * @param second of the second arm, inside (0, 1), above first + margin
 * @param share of the observations that the second arm gets, [0, 1]
 */
export function nearestNull(first: number, second: number, margin: number, share: number): number {
  if (margin === 0) return first + share * (second - first);
  let low = Math.max(first, -margin);
  let high = Math.min(second - margin, 1, 1 - margin);
  if (share === 0) return low;
  if (share === 1) return high;
  for (let i = 0; i < HALVINGS; i++) {
    const p = (low + high) / 2;
    const q = p + margin;
    const slope = (1 - share) * (p - first) * q * (1 - q) + share * (q - second) * p * (1 - p);
    if (slope > 0) high = p;
    else low = p;
  }
  return (low + high) / 2;
}
