// Row numbers that are found one after the other, as the range that a source gives. 4 bytes a row.

import type { RowRange } from './row-source.js';

export class RowList {
  private rows = new Uint32Array(65_536);
  private count = 0;

  /** Ascending. */
  push(row: number): void {
    if (this.count === this.rows.length) {
      const larger = new Uint32Array(this.rows.length * 2);
      larger.set(this.rows);
      this.rows = larger;
    }
    this.rows[this.count++] = row;
  }

  range(): RowRange {
    const rows = this.rows.slice(0, this.count);
    const first = rows[0] ?? 0;
    const isRun = this.count === 0 || (rows[this.count - 1] as number) - first + 1 === this.count;
    return isRun ? { kind: 'run', first, count: this.count } : { kind: 'list', rows };
  }
}
