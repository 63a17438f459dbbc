// Count, mean, variance, minimum and maximum in one pass, mergeable.
//
// add:   n += 1; d = x - mean; mean += d/n; m2 += d (x - mean)                       (Welford 1962)
// merge: d = mean_b - mean_a; mean = mean_a + d n_b/n; m2 = m2_a + m2_b + d^2 n_a n_b/n     (Chan, Golub, LeVeque 1979)
// Merging is commutative up to the last bit of rounding; counts, min and max exactly. Empty: NaN moments.

export interface MomentsState {
  count: number;
  mean: number;
  m2: number;
  min: number;
  max: number;
}

export class Moments {
  count = 0;
  private centre = 0;
  private m2 = 0;
  private low = Number.POSITIVE_INFINITY;
  private high = Number.NEGATIVE_INFINITY;

  add(x: number): void {
    this.count += 1;
    const d = x - this.centre;
    this.centre += d / this.count;
    this.m2 += d * (x - this.centre);
    if (x < this.low) this.low = x;
    if (x > this.high) this.high = x;
  }

  merge(other: Moments): void {
    if (other.count === 0) return;
    const n = this.count + other.count;
    const d = other.centre - this.centre;
    this.centre = this.count === 0 ? other.centre : this.centre + (d * other.count) / n;
    this.m2 += other.m2 + (this.count === 0 ? 0 : (d * d * this.count * other.count) / n);
    this.count = n;
    if (other.low < this.low) this.low = other.low;
    if (other.high > this.high) this.high = other.high;
  }

  get mean(): number {
    return this.count === 0 ? Number.NaN : this.centre;
  }

  /** Population variance. */
  get variance(): number {
    return this.count === 0 ? Number.NaN : this.m2 / this.count;
  }

  get std(): number {
    return Math.sqrt(this.variance);
  }

  get min(): number {
    return this.count === 0 ? Number.NaN : this.low;
  }

  get max(): number {
    return this.count === 0 ? Number.NaN : this.high;
  }

  state(): MomentsState {
    return { count: this.count, mean: this.centre, m2: this.m2, min: this.min, max: this.max };
  }

  static fromState(state: MomentsState): Moments {
    const moments = new Moments();
    if (state.count === 0) return moments;
    moments.count = state.count;
    moments.centre = state.mean;
    moments.m2 = state.m2;
    moments.low = state.min;
    moments.high = state.max;
    return moments;
  }
}
