// Which rows of a text file lie in an event-time range, found one after the other. 4 bytes a row.

import type { RowRange } from './row-source.js';

export class RowList {
  private rows = new Uint32Array(65_536);
  private count = 0;

  /** From `fromMs` to before `toMs`. */
  constructor(
    private readonly fromMs: number,
    private readonly toMs: number,
  ) {}

  /**
   * Ascending. @param eventTimeMs NaN = a broken row, or one whose time nobody can read: it belongs to no range and is
   * taken along, so that it is told as bad instead of passed over. So is every row where there is no event time.
   */
  offer(row: number, eventTimeMs: number): void {
    if (eventTimeMs < this.fromMs || eventTimeMs >= this.toMs) return;
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
