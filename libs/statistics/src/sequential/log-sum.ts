// ln(sum of e^x) without overflow; what is below 1e-16 of the largest counts as nothing. Empty, or all -Infinity:
// -Infinity.

const NOTHING = Math.log(1e-16);

export function logSum(logs: Float64Array): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logs.length; i++) if ((logs[i] as number) > top) top = logs[i] as number;
  if (top === Number.NEGATIVE_INFINITY) return top;
  let sum = 0;
  for (let i = 0; i < logs.length; i++) {
    const below = (logs[i] as number) - top;
    if (below > NOTHING) sum += Math.exp(below);
  }
  return top + Math.log(sum);
}
