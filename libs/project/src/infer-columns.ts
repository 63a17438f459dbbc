// Columns of a project file, proposed from what a table holds: a starting point for a person to edit, never applied by
// itself. What the columns are for is proposed in inference/proposal.ts.

import type { ColumnProfile } from './inference/column-profile.js';
import { type TableProfile, TableProfiler } from './inference/table-profile.js';
import type { ColumnSpec } from './project.js';

const LENGTH_MAX_DEFAULT = 256;

/**
 * Required = no row lacks it. No closed domain, however few values there are: the first new one would make a good
 * record bad.
 */
export function columnsOf({ rows, columns }: TableProfile): ColumnSpec[] {
  return columns.filter(({ isNested }) => !isNested).map((column) => columnOf(column, rows));
}

function columnOf({ name, type, present, longest, missing, format }: ColumnProfile, rows: number): ColumnSpec {
  return {
    name,
    type,
    required: rows > 0 && present === rows,
    // Twice the longest: the next file's longest is hardly the same.
    lengthMax: Math.max(LENGTH_MAX_DEFAULT, 2 * longest),
    outcome: false,
    ...(missing.length === 0 ? {} : { missing }),
    ...(format === undefined ? {} : { format }),
  };
}

/** Of records whose values have types of their own. */
export function inferColumns(records: readonly Readonly<Record<string, unknown>>[]): ColumnSpec[] {
  const table = new TableProfiler('typed');
  for (const record of records) table.takeRecord(record);
  return columnsOf(table.profile());
}
