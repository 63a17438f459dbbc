// Reads sums and histogram quantiles out of Prometheus' text format, as far as the router writes it: `name{labels} value`
// lines; comments and anything else are skipped.

export interface MetricLine {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** More lines than any of our services writes; the rest is not read. */
const LINES_MAX = 20_000;
const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+([^\s]+)(?:\s+\d+)?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

export function parsePrometheus(text: string): MetricLine[] {
  const lines: MetricLine[] = [];
  for (const line of text.split('\n', LINES_MAX)) {
    if (line === '' || line.startsWith('#')) continue;
    const match = LINE.exec(line);
    if (match === null) continue;
    const value = match[3] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match[3]);
    if (Number.isNaN(value)) continue;
    const labels: Record<string, string> = {};
    for (const [, name, text] of (match[2] ?? '').matchAll(LABEL)) labels[name as string] = text as string;
    lines.push({ name: match[1] as string, labels, value });
  }
  return lines;
}

export function sumOf(
  lines: readonly MetricLine[],
  name: string,
  matches: (labels: Readonly<Record<string, string>>) => boolean = () => true,
): number {
  let sum = 0;
  for (const line of lines) if (line.name === name && matches(line.labels)) sum += line.value;
  return sum;
}

/** Cumulative bucket counts by upper bound, ascending, summed over all other labels. */
export function bucketsOf(lines: readonly MetricLine[], name: string): { le: number; count: number }[] {
  const sums = new Map<number, number>();
  for (const line of lines) {
    if (line.name !== `${name}_bucket`) continue;
    const le = line.labels.le === '+Inf' ? Number.POSITIVE_INFINITY : Number(line.labels.le);
    sums.set(le, (sums.get(le) ?? 0) + line.value);
  }
  return [...sums].map(([le, count]) => ({ le, count })).sort((a, b) => a.le - b.le);
}

/** The quantile of the observations between two readings, linear within a bucket; NaN where there were none. */
export function quantileBetween(
  before: readonly { le: number; count: number }[],
  after: readonly { le: number; count: number }[],
  q: number,
): number {
  const earlier = new Map(before.map(({ le, count }) => [le, count]));
  const grown = after.map(({ le, count }) => ({ le, count: count - (earlier.get(le) ?? 0) }));
  const total = grown[grown.length - 1]?.count ?? 0;
  if (!(total > 0)) return Number.NaN;
  let low = 0;
  let seen = 0;
  for (const { le, count } of grown) {
    if (count >= q * total) {
      if (le === Number.POSITIVE_INFINITY) return low;
      return count === seen ? le : low + ((le - low) * (q * total - seen)) / (count - seen);
    }
    low = le;
    seen = count;
  }
  return low;
}
