// Latencies by phase: exact values in growing Float64Arrays (a main job has a few hundred thousand), so that the
// quantiles in the summary carry no bucket error.

export interface LatencySummary {
  count: number;
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
}

/** Values kept per phase; later ones are counted, not kept. */
const LATENCIES_MAX = 4_000_000;

export class Latencies {
  private values = new Float64Array(1_024);
  private kept = 0;
  private seen = 0;

  add(ms: number): void {
    this.seen++;
    if (this.kept >= LATENCIES_MAX) return;
    if (this.kept === this.values.length) {
      const grown = new Float64Array(Math.min(LATENCIES_MAX, this.values.length * 2));
      grown.set(this.values);
      this.values = grown;
    }
    this.values[this.kept++] = ms;
  }

  get count(): number {
    return this.seen;
  }

  /** Nearest-rank quantiles in milliseconds; zeros when empty. */
  summary(): LatencySummary {
    const sorted = this.values.slice(0, this.kept).sort();
    const at = (q: number) => (sorted.length === 0 ? 0 : round(sorted[Math.ceil(q * sorted.length) - 1] as number));
    return { count: this.seen, p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1) };
  }
}

function round(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
