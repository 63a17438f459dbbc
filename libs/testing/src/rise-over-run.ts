// The least-squares slope of a series of equally spaced values, as the share of their mean by which the fitted line
// rises from the first value to the last: 0.01 = 1 % over the run. Fewer than two values: 0.

export function riseOverRun(values: readonly number[]): number {
  const n = values.length;
  if (n < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const middle = (n - 1) / 2;
  let products = 0;
  let squares = 0;
  for (const [i, value] of values.entries()) {
    products += (i - middle) * (value - mean);
    squares += (i - middle) ** 2;
  }
  return ((products / squares) * (n - 1)) / mean;
}
