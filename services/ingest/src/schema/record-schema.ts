// What records of a project look like, compiled once per project revision: columns by position, their checks, and the
// schema hash. The hash covers what gives rows their meaning (columns, entity, event time, label rule), nothing else,
// so that a change of training settings does not make a new schema.

import { type ColumnSpec, canonicalJson, type Project } from '@millrace/project';

export interface RecordSchema {
  readonly project: Project;
  readonly hash: string;
  readonly columns: readonly ColumnSpec[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** Closed domains as sets, by column position. */
  readonly domains: readonly (ReadonlySet<string> | null)[];
  readonly entityIndex: number;
  readonly eventTimeIndex: number;
  readonly labelIndex: number;
  /** Positions of the columns that dataset files carry: all but outcomes. */
  readonly stored: readonly number[];
  /** Position of the timestamp a derived column is filled from; -1 for the others. */
  readonly derivedFrom: readonly number[];
  readonly timestampColumns: ReadonlySet<string>;
}

/** The text whose SHA-256 is the schema hash. */
export function schemaText(project: Project): string {
  const { columns, entity, eventTime, label } = project.data;
  return canonicalJson({ columns, entity, eventTime, label });
}

export function compileSchema(project: Project, sha256Hex: (text: string) => string): RecordSchema {
  const { columns } = project.data;
  const indexOf = new Map(columns.map((column, index) => [column.name, index]));
  const position = (name: string): number => indexOf.get(name) ?? -1;
  return {
    project,
    hash: sha256Hex(schemaText(project)),
    columns,
    indexOf,
    domains: columns.map((column) => (column.domain === undefined ? null : new Set(column.domain))),
    entityIndex: position(project.data.entity),
    eventTimeIndex: position(project.data.eventTime),
    labelIndex: position(project.data.label.column),
    stored: columns.flatMap((column, index) => (column.outcome ? [] : [index])),
    derivedFrom: columns.map((column) => (column.derive === undefined ? -1 : position(column.derive.from))),
    timestampColumns: new Set(columns.filter((column) => column.type === 'timestamp').map((column) => column.name)),
  };
}
