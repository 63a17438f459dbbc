// What records of a project look like, compiled once per project revision: columns by position, their checks, what a
// row says of itself (id, entity, event time), and the schema hash. The hash covers what gives rows their meaning
// (columns, record id, entity, event time, label rule), nothing else, so that a change of training settings does not
// make a new schema.

import { type Scalar, taskOf } from '@millrace/domain';
import { type ColumnSpec, canonicalJson, outcomeFault, type Project } from '@millrace/project';

export interface RecordSchema {
  readonly project: Project;
  readonly hash: string;
  /** Processing time: labels that came before were made by another rule. 0 = there are none. */
  readonly labelRuleSinceMs: number;
  readonly columns: readonly ColumnSpec[];
  readonly indexOf: ReadonlyMap<string, number>;
  /** Closed domains as sets, by column position. */
  readonly domains: readonly (ReadonlySet<string> | null)[];
  /** -1 = the project names no such column; of the next three, too. */
  readonly recordIdIndex: number;
  readonly entityIndex: number;
  readonly eventTimeIndex: number;
  readonly labelIndex: number;
  /** What is wrong with the outcome column's value, where there is one. */
  readonly outcomeFault: (raw: Scalar) => string | undefined;
  /** By column position: an integer that names a record or an entity, all of whose digits count. */
  readonly wholeNames: readonly boolean[];
  /** Positions of the columns that dataset files carry: all but outcomes. */
  readonly stored: readonly number[];
  /** Position of the timestamp a derived column is filled from; -1 for the others. */
  readonly derivedFrom: readonly number[];
}

/** The text whose SHA-256 is the schema hash. */
export function schemaText(project: Project): string {
  const { columns, recordId, entity, eventTime, label } = project.data;
  return canonicalJson({ columns, recordId, entity, eventTime, label });
}

export function compileSchema(
  project: Project,
  sha256Hex: (text: string) => string,
  labelRuleSinceMs = 0,
): RecordSchema {
  const { columns, recordId, entity, eventTime, label } = project.data;
  const indexOf = new Map(columns.map((column, index) => [column.name, index]));
  const position = (name: string | undefined): number => (name === undefined ? -1 : (indexOf.get(name) ?? -1));
  return {
    project,
    hash: sha256Hex(schemaText(project)),
    labelRuleSinceMs,
    columns,
    indexOf,
    domains: columns.map((column) => (column.domain === undefined ? null : new Set(column.domain))),
    recordIdIndex: position(recordId),
    entityIndex: position(entity),
    eventTimeIndex: position(eventTime),
    labelIndex: position(label?.column),
    outcomeFault: faultOf(project),
    wholeNames: columns.map(({ name, type }) => type === 'integer' && (name === recordId || name === entity)),
    stored: columns.flatMap((column, index) => (column.outcome ? [] : [index])),
    derivedFrom: columns.map((column) => (column.derive === undefined ? -1 : position(column.derive.from))),
  };
}

/** Of an outcome that is the label as it is, or that a rule compares with a text. */
function faultOf({ data: { label }, scope }: Project): RecordSchema['outcomeFault'] {
  if (label?.operation !== 'identity') return (raw) => outcomeFault(label, raw);
  const { labelFault } = taskOf(scope.task);
  return (raw) => (typeof raw === 'number' ? labelFault(raw) : undefined);
}

/** The row's own id, where the project names its column; else the one that came beside it. */
export function recordIdOf({ recordIdIndex }: RecordSchema, row: readonly Scalar[], beside: string): string {
  return recordIdIndex < 0 ? beside : String(row[recordIdIndex]);
}

/** Empty where the project has no entity. */
export function entityOf({ entityIndex }: RecordSchema, row: readonly Scalar[]): string {
  return entityIndex < 0 ? '' : String(row[entityIndex]);
}

/** A row of a project without event time has the time of its arrival. */
export function eventTimeOf({ eventTimeIndex }: RecordSchema, row: readonly Scalar[], arrivedAtMs: number): number {
  return eventTimeIndex < 0 ? arrivedAtMs : (row[eventTimeIndex] as number);
}
