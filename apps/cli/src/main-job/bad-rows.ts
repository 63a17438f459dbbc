// Known bad rows for a bulk load, made from the project's own schema: each breaks one rule, so that each must be
// refused with a reason. They prove on every run that validation works; nothing here knows the example.

import { type ColumnSpec, type Project } from '@millrace/project';

export interface BadRow {
  recordId: string;
  values: Record<string, unknown>;
}

/** @returns `count` bad rows, cycling over the rules that the schema has */
export function makeBadRows(project: Project, good: Record<string, unknown>, count: number): BadRow[] {
  const breaks = project.data.columns.flatMap((column) => breaksOf(column));
  return Array.from({ length: count }, (_, i) => {
    const [name, value] = breaks[i % breaks.length] as [string, unknown];
    const values: Record<string, unknown> = { ...good };
    if (value === undefined) delete values[name];
    else values[name] = value;
    return { recordId: `bad-${i + 1}`, values };
  });
}

function breaksOf(column: ColumnSpec): [string, unknown][] {
  const breaks: [string, unknown][] = [];
  if (column.required) breaks.push([column.name, undefined]);
  if (column.type === 'number' || column.type === 'integer') breaks.push([column.name, 'not a number']);
  if (column.type === 'timestamp') breaks.push([column.name, 'not a time']);
  if (column.type === 'text')
    breaks.push([column.name, 'x'.repeat(column.lengthMax + 1)], [column.name, { nested: true }]);
  if (column.min !== undefined) breaks.push([column.name, column.min - 1]);
  if (column.max !== undefined) breaks.push([column.name, column.max + 1]);
  if (column.domain !== undefined) breaks.push([column.name, 'outside-the-domain']);
  return breaks;
}
