// Numbers of a column in the order of its rows: how far they reach, whether they ever fall, and whether each is one
// more than the one before.

export class RisingNumbers {
  private last = Number.NEGATIVE_INFINITY;
  private taken = 0;
  private min = Number.POSITIVE_INFINITY;
  private max = Number.NEGATIVE_INFINITY;
  neverFalls = true;
  counts = true;

  /** NaN is passed over. */
  take(number: number): void {
    if (Number.isNaN(number)) return;
    this.taken += 1;
    if (number < this.last) this.neverFalls = false;
    if (this.taken > 1 && number !== this.last + 1) this.counts = false;
    this.last = number;
    this.min = Math.min(this.min, number);
    this.max = Math.max(this.max, number);
  }

  get range(): { readonly min: number; readonly max: number } {
    return { min: this.min, max: this.max };
  }
}
