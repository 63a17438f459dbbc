// Proposes a schema from a sample of raw rows (`millrace apply --infer`): a starting point for a person to edit, never
// applied by itself. Types are the narrowest that hold for every non-missing value of the sample.

import type { ColumnSpec, ColumnType } from './project.js';

/** A text column with at most this many values, each seen about 50 times, is proposed as a closed domain. */
const DOMAIN_VALUES_MAX = 20;
const ROWS_PER_VALUE_MIN = 50;
const COLUMNS_MAX = 1_000;
const ISO_TIME = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

function typeOf(value: unknown): ColumnType {
  if (typeof value === 'boolean') return 'boolean';
  // One that a double does not hold is an id, which only an integer column keeps whole.
  if (typeof value === 'bigint') return 'integer';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'integer' : 'number';
  if (typeof value === 'string' && ISO_TIME.test(value) && !Number.isNaN(Date.parse(value))) return 'timestamp';
  return 'text';
}

function widen(a: ColumnType | null, b: ColumnType): ColumnType {
  if (a === null || a === b) return b;
  const numeric = (type: ColumnType) => type === 'integer' || type === 'number';
  return numeric(a) && numeric(b) ? 'number' : 'text';
}

function isMissing(value: unknown): boolean {
  return value === null || value === undefined || value === '' || (typeof value === 'number' && Number.isNaN(value));
}

/** Columns in the order of their first appearance. Required = present in every row of the sample. */
export function inferColumns(sample: readonly Readonly<Record<string, unknown>>[]): ColumnSpec[] {
  const seen = new Map<string, { type: ColumnType | null; present: number; texts: Set<string>; longest: number }>();
  for (const row of sample) {
    for (const [name, value] of Object.entries(row)) {
      let column = seen.get(name);
      if (column === undefined) {
        if (seen.size >= COLUMNS_MAX) continue;
        column = { type: null, present: 0, texts: new Set(), longest: 0 };
        seen.set(name, column);
      }
      if (isMissing(value)) continue;
      column.present += 1;
      column.type = widen(column.type, typeOf(value));
      const text = String(value);
      column.longest = Math.max(column.longest, text.length);
      if (column.texts.size <= DOMAIN_VALUES_MAX) column.texts.add(text);
    }
  }
  return [...seen].map(([name, column]) => {
    const type = column.type ?? 'text';
    const spec: ColumnSpec = {
      name,
      type,
      required: sample.length > 0 && column.present === sample.length,
      lengthMax: Math.max(256, 2 * column.longest),
      outcome: false,
    };
    const closed =
      type === 'text' &&
      column.texts.size <= DOMAIN_VALUES_MAX &&
      column.present >= ROWS_PER_VALUE_MIN * Math.max(1, column.texts.size);
    if (closed) spec.domain = [...column.texts].sort();
    return spec;
  });
}
