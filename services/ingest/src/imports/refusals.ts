// Why rows of an import were refused, counted by code and column, each kind with its first row as an example. Bounded:
// KINDS_MAX kinds; what comes after them is counted together.

import type { Reason } from '@millrace/contracts';
import { shown } from '../schema/check-row.js';

export interface Refusal {
  code: string;
  /** Empty where it is the whole row. */
  column: string;
  count: number;
  example: {
    file: string;
    /** From 1. */
    row: number;
    column: string;
    value: string | null;
    reason: string;
  };
}

const KINDS_MAX = 256;
/** More than a person reads. */
const TOLD_MAX = 50;

export class Refusals {
  private readonly kinds = new Map<string, Refusal>();

  /** @param row from 0 @param held what the row holds in a column */
  add(file: string, row: number, reasons: readonly Reason[], held: (column: string) => unknown): void {
    const counted = new Set<string>();
    for (const { code, field, message } of reasons) {
      const key = this.kinds.size < KINDS_MAX || this.kinds.has(`${code} ${field}`) ? `${code} ${field}` : 'others';
      if (counted.has(key)) continue;
      counted.add(key);
      const known = this.kinds.get(key);
      if (known !== undefined) {
        known.count += 1;
        continue;
      }
      const value = field === '' ? null : (held(field) ?? null);
      const example = {
        file,
        row: row + 1,
        column: field,
        value: value === null ? null : shown(value),
        reason: message,
      };
      this.kinds.set(key, {
        code: key === 'others' ? key : code,
        column: key === 'others' ? '' : field,
        count: 1,
        example,
      });
    }
  }

  /** The most frequent first. */
  list(): Refusal[] {
    return [...this.kinds.values()].sort((a, b) => b.count - a.count).slice(0, TOLD_MAX);
  }
}

/** One kind in a sentence: "12 × amount: "ten" is not a number (row 3)". */
export function refusalText({ count, column, example }: Refusal): string {
  return `${count} × ${column === '' ? '' : `${column}: `}${example.reason} (row ${example.row})`;
}
