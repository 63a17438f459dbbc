// Numbers of a column that grows, eight bytes each and no object of their own: in an array of mixed values each double
// is one, which garbage collection moves about until the column is written. NaN = missing; no row has that as a value.

const FIRST_ROWS = 64;

export class NumberColumn {
  length = 0;
  /** Some are missing. */
  hasGaps = false;
  private numbers = new Float64Array(FIRST_ROWS);

  /** null = missing. */
  push(value: number | null): void {
    if (this.length === this.numbers.length) {
      const grown = new Float64Array(this.length * 2);
      grown.set(this.numbers);
      this.numbers = grown;
    }
    if (value === null) this.hasGaps = true;
    this.numbers[this.length++] = value ?? Number.NaN;
  }

  /** A view of [from, to). */
  part(from: number, to: number): Float64Array {
    return this.numbers.subarray(from, Math.min(to, this.length));
  }
}
