// Reads Prometheus' text format, as far as our services write it: `name{labels} value`
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
