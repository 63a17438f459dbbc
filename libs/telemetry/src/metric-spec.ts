// What is said of a metric.

export interface MetricSpec {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** UCUM: "s", "ms", "By", "1", or a thing in braces such as "{record}". */
  readonly unit: string;
  readonly description: string;
  readonly labels: readonly string[];
  /** Histograms: upper bounds of the buckets, ascending; default: DURATION_MS_BOUNDS. */
  readonly bounds?: readonly number[];
}

/** Milliseconds, denser around the latency targets (25 ms and 100 ms). */
export const DURATION_MS_BOUNDS: readonly number[] = [
  0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 25, 35, 50, 75, 100, 250, 500, 1000, 2500, 5000, 10_000,
];
