// Derived columns: UTC parts of a timestamp, filled in where a record or request brings no value of its own. The same
// function runs in ingest, training and serving, so that a feature cannot mean two things.

import type { Scalar } from '@millrace/domain';
import type { DeriveSpec, Project } from './project.js';

const DAY_MS = 86_400_000;

/** UTC part of a time in milliseconds; weekday 0 = Sunday, month 1..12, day 1..31, day_of_year 1..366. */
export function timePart(timeMs: number, part: DeriveSpec['part']): number {
  const day = Math.floor(timeMs / DAY_MS);
  const inDayMs = timeMs - day * DAY_MS;
  switch (part) {
    case 'hour':
      return Math.floor(inDayMs / 3_600_000);
    case 'minute':
      return Math.floor(inDayMs / 60_000) % 60;
    case 'minute_of_day':
      return Math.floor(inDayMs / 60_000);
    case 'weekday':
      // 1 January 1970 was a Thursday.
      return (((day + 4) % 7) + 7) % 7;
    case 'day':
      return new Date(timeMs).getUTCDate();
    case 'month':
      return new Date(timeMs).getUTCMonth() + 1;
    case 'day_of_year': {
      // Set on a date: Date.UTC takes the years 0 to 99 for those of the 20th century.
      const newYear = new Date(timeMs).setUTCMonth(0, 1);
      return day - Math.floor(newYear / DAY_MS) + 1;
    }
  }
}

/**
 * The values with every derived column filled where it is absent or null. A source that is missing leaves the column
 * missing. Returns the same object when there is nothing to fill.
 */
export function deriveColumns(
  project: Project,
  values: Readonly<Record<string, Scalar>>,
): Readonly<Record<string, Scalar>> {
  let filled: Record<string, Scalar> | null = null;
  for (const column of project.data.columns) {
    if (column.derive === undefined) continue;
    const present = values[column.name];
    if (present !== undefined && present !== null) continue;
    const source = values[column.derive.from];
    if (typeof source !== 'number' || !Number.isFinite(source)) continue;
    filled ??= { ...values };
    filled[column.name] = timePart(source, column.derive.part);
  }
  return filled ?? values;
}
