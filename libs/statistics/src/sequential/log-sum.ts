// ln(sum of e^x) without overflow. Empty, or all -Infinity: -Infinity.

export function logSum(logs: Float64Array): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logs.length; i++) if ((logs[i] as number) > top) top = logs[i] as number;
  if (top === Number.NEGATIVE_INFINITY) return top;
  let sum = 0;
  for (let i = 0; i < logs.length; i++) sum += Math.exp((logs[i] as number) - top);
  return top + Math.log(sum);
}
