// Durations or sizes in buckets of equal ratio, mergeable in any order: bucket i holds gamma^(i-1) < x <= gamma^i, so a
// quantile is known to within +-1 % of its value (DDSketch; Masson, Rim, Lee, VLDB 2019). Fixed memory: 1,024 buckets from
// 1 to about 7.8e8 (microseconds: 1 us to 13 min); smaller values count as 1, larger as the last bucket.

const ACCURACY = 0.01;
const GAMMA = (1 + ACCURACY) / (1 - ACCURACY);
const LOG_GAMMA = Math.log(GAMMA);
export const LOG_BUCKETS = 1_024;

export class LogHistogram {
  readonly counts: Float64Array;
  total = 0;

  constructor(counts?: ArrayLike<number>) {
    this.counts = new Float64Array(LOG_BUCKETS);
    if (counts === undefined) return;
    for (let i = 0; i < LOG_BUCKETS; i++) {
      this.counts[i] = counts[i] ?? 0;
      this.total += this.counts[i] as number;
    }
  }

  add(x: number): void {
    const bucket = x <= 1 ? 0 : Math.min(LOG_BUCKETS - 1, Math.ceil(Math.log(x) / LOG_GAMMA));
    if (!(bucket >= 0)) return;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.total += 1;
  }

  merge(other: LogHistogram): void {
    for (let i = 0; i < LOG_BUCKETS; i++) this.counts[i] = (this.counts[i] as number) + (other.counts[i] as number);
    this.total += other.total;
  }

  /** The value below which a share q of the values lies, within 1 %; NaN when empty. */
  quantile(q: number): number {
    if (this.total === 0) return Number.NaN;
    const rank = Math.max(1, Math.ceil(q * this.total));
    let seen = 0;
    for (let i = 0; i < LOG_BUCKETS; i++) {
      seen += this.counts[i] as number;
      if (seen >= rank) return i === 0 ? 1 : (2 * GAMMA ** i) / (GAMMA + 1);
    }
    return Number.NaN;
  }

  clear(): void {
    this.counts.fill(0);
    this.total = 0;
  }
}
