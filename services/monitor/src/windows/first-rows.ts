// The first rows that a version answered: what its reference is made of where its package brings none. Which rows these
// are depends on the rows alone and not on the order in which partitions were read: the `wanted` ones of the least
// answer times, ties by prediction id. So a restart, a redelivery or another replica ends with the same reference.
//
// Memory: at most `wanted` rows. Cost of a row: O(1) where it comes in order, else a search and an insertion.

import type { Scalar } from '@millrace/domain';

export interface FirstRow {
  answeredAtMs: number;
  predictionId: string;
  features: readonly Scalar[];
  score: number;
}

export class FirstRows {
  private readonly ids: Set<string>;

  /** `rows`: in the order of answers. */
  constructor(
    private wantedRows: number,
    private readonly rows: FirstRow[] = [],
  ) {
    this.ids = new Set(rows.map(identity));
    this.want(wantedRows);
  }

  get wanted(): number {
    return this.wantedRows;
  }

  /** In the order of answers. */
  get list(): readonly FirstRow[] {
    return this.rows;
  }

  /** Answer time of the last row that is wanted; undefined while there are too few. */
  get lastAtMs(): number | undefined {
    return this.rows[this.wantedRows - 1]?.answeredAtMs;
  }

  want(rows: number): void {
    this.wantedRows = rows;
    while (this.rows.length > rows) this.dropLast();
  }

  /** A row that came before, or comes after all that are wanted, changes nothing. */
  add(row: FirstRow): void {
    if (this.ids.has(identity(row))) return;
    let at = this.rows.length;
    while (at > 0 && isBefore(row, this.rows[at - 1] as FirstRow)) at--;
    if (at >= this.wantedRows) return;
    this.rows.splice(at, 0, row);
    this.ids.add(identity(row));
    if (this.rows.length > this.wantedRows) this.dropLast();
  }

  private dropLast(): void {
    const last = this.rows.pop();
    if (last !== undefined) this.ids.delete(identity(last));
  }
}

/** A client may have used its request id for other predictions, too. */
function identity({ predictionId, answeredAtMs }: FirstRow): string {
  return `${predictionId} ${answeredAtMs}`;
}

function isBefore(a: FirstRow, b: FirstRow): boolean {
  return a.answeredAtMs < b.answeredAtMs || (a.answeredAtMs === b.answeredAtMs && a.predictionId < b.predictionId);
}
