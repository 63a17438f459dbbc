// The checks of check-row.ts as one SQL condition over a file's columns, and the values that it gives as SQL
// expressions, for files whose columns have types. check-row.ts stays the truth: the condition names every row that may
// be bad, and some that are not, and those are checked there; a row that it does not name is good, with just these
// values (columnar-check.spec.ts holds both against each other). What cannot be said so (a text that is a time, a
// number in a text) makes the whole file one that is checked row by row.

import { EVENT_TIME_AHEAD_MS_MAX } from '@millrace/domain';
import type { ColumnSpec, Project } from '@millrace/project';
import { EARLIEST_MS, ID_LENGTH_MAX } from '../schema/check-row.js';
import type { RecordSchema } from '../schema/record-schema.js';

/** What the file has for a column: as an expression of its raw value, and how that comes. */
export interface GivenColumn {
  sql: string;
  kind: 'number' | 'whole' | 'text' | 'boolean' | 'time';
  /** Of a whole number: as a text of its digits, where no digit is lost. */
  digits?: string;
}

/** A record's or an entity's id, as a text. */
export interface GivenId {
  sql: string;
  /** Digits, or made here: where there is one it is good. */
  isSound: boolean;
}

export interface ColumnarPlan {
  /** True of rows that may be bad. */
  mayBeBad: string;
  /** Record id, entity, event time, label, then the stored columns, as a version's rows are staged. */
  values: readonly string[];
}

type Part = NonNullable<ColumnSpec['derive']>['part'];
type Label = Project['data']['label'];

/** A double that is a whole number, exactly. */
const SAFE = '9007199254740991';
/** Beyond it a Date is none. */
const DATE_MS_MAX = '8640000000000000';

const text = (value: string): string => `'${value.replaceAll("'", "''")}'`;
const double = (value: number): string => `'${value}'::DOUBLE`;

interface Built {
  value: string;
  faults: string[];
  id?: GivenId;
}

function bounds({ min, max }: ColumnSpec, value: string): string[] {
  return [
    ...(min === undefined ? [] : [`${value} < ${double(min)}`]),
    ...(max === undefined ? [] : [`${value} > ${double(max)}`]),
  ];
}

function numberOf(column: ColumnSpec, { sql, kind }: GivenColumn): Built | null {
  if (kind !== 'number' && kind !== 'whole') return null;
  const faults = [`NOT isfinite(${sql})`, ...bounds(column, sql)];
  if (column.type === 'integer') faults.push(`${sql} <> trunc(${sql})`, `abs(${sql}) > ${SAFE}`);
  return { value: `CASE WHEN ${sql} = 0 THEN 0::DOUBLE ELSE ${sql} END`, faults };
}

/** An integer that names something travels as that name. */
function wholeNameOf(column: ColumnSpec, { sql, kind, digits }: GivenColumn): Built | null {
  if (kind !== 'whole' || digits === undefined) return null;
  return { value: 'NULL::DOUBLE', faults: bounds(column, sql), id: { sql: digits, isSound: true } };
}

function textOf(column: ColumnSpec, given: GivenColumn): Built | null {
  // An empty text is no value.
  const value = given.kind === 'text' ? `nullif(${given.sql}, '')` : given.kind === 'whole' ? given.digits : undefined;
  // White space alone may stand for no value: then every text had to be looked at.
  if (value === undefined || column.missing?.some((one) => one.trim() === '')) return null;
  const faults = [`strlen(${value}) > ${column.lengthMax}`];
  for (const missing of column.missing ?? []) faults.push(`contains(${value}, ${text(missing)})`);
  if (column.domain !== undefined)
    faults.push(column.domain.length === 0 ? 'TRUE' : `${value} NOT IN (${column.domain.map(text).join(', ')})`);
  return { value, faults, id: { sql: value, isSound: given.kind === 'whole' } };
}

function timeOfColumn(column: ColumnSpec, { sql, kind }: GivenColumn): Built | null {
  const isNumber = kind === 'number' || kind === 'whole';
  if (kind !== 'time' && (!isNumber || column.format !== undefined)) return null;
  const faults = [`NOT isfinite(${sql})`, `${sql} <> trunc(${sql})`, `abs(${sql}) > ${SAFE}`];
  return { value: sql, faults };
}

const NULLS: Readonly<Record<ColumnSpec['type'], string>> = {
  number: 'NULL::DOUBLE',
  integer: 'NULL::DOUBLE',
  timestamp: 'NULL::DOUBLE',
  text: 'NULL::VARCHAR',
  boolean: 'NULL::BOOLEAN',
};

function built(schema: RecordSchema, index: number, given: GivenColumn | null): Built | null {
  const column = schema.columns[index] as ColumnSpec;
  if (given === null) return { value: NULLS[column.type], faults: [] };
  if (schema.wholeNames[index]) return wholeNameOf(column, given);
  switch (column.type) {
    case 'number':
    case 'integer':
      return numberOf(column, given);
    case 'text':
      return textOf(column, given);
    case 'boolean':
      return given.kind === 'boolean' ? { value: given.sql, faults: [] } : null;
    case 'timestamp':
      return timeOfColumn(column, given);
  }
}

const DATE_PARTS: Partial<Record<Part, string>> = { day: 'day', month: 'month', day_of_year: 'doy' };

/** As timePart (libs/project), of milliseconds. */
function part(timeMs: string, name: Part): string {
  const day = `floor(${timeMs} / 86400000)`;
  const inDay = `(${timeMs} - ${day} * 86400000)`;
  switch (name) {
    case 'hour':
      return `floor(${inDay} / 3600000)`;
    case 'minute':
      return `(floor(${inDay} / 60000) % 60)`;
    case 'minute_of_day':
      return `floor(${inDay} / 60000)`;
    case 'weekday':
      return `((((${day} + 4) % 7) + 7) % 7)`;
    default:
      return `(CASE WHEN abs(${timeMs}) <= ${DATE_MS_MAX}
        THEN date_part(${text(DATE_PARTS[name] as string)}, make_timestamp(CAST(${timeMs} AS BIGINT) * 1000))::DOUBLE END)`;
  }
}

function isId({ sql: id, isSound }: GivenId): string[] {
  if (isSound) return [`${id} IS NULL`];
  // In bytes, which are at least as many as characters.
  return [
    `${id} IS NULL`,
    `${id} = ''`,
    `strlen(${id}) > ${ID_LENGTH_MAX}`,
    `regexp_matches(${id}, '[\\x00-\\x1f\\x7f]')`,
  ];
}

const BESIDE = '^[ \\t\\r\\n]+|[ \\t\\r\\n]+$';

/** Of a value that may be none by the schema's outcomeFault, or another task's. */
function outcomeFaults(label: Label, column: ColumnSpec | undefined, value: string | undefined): string[] {
  if (label === undefined || column === undefined || value === undefined) return [];
  if (label.operation === 'identity')
    return column.type === 'number' || column.type === 'integer' ? [`${value} NOT IN (0, 1)`] : [];
  if (column.type !== 'text' || typeof label.value !== 'string') return [];
  const bound = text(label.value);
  const folded = (one: string) => `lower(regexp_replace(${one}, ${text(BESIDE)}, '', 'g'))`;
  return [`${value} <> ${bound} AND ${folded(value)} = ${folded(bound)}`];
}

/** As applyLabelRule (libs/project), of a value that is finite. */
function labelSql(label: Label, column: ColumnSpec | undefined, value: string | undefined): string {
  const none = 'NULL::DOUBLE';
  if (label === undefined || column === undefined || value === undefined) return none;
  const type = column.type === 'text' ? 'string' : column.type === 'boolean' ? 'boolean' : 'number';
  const { operation, value: bound } = label;
  const flag = (condition: string) => `(${condition})::INTEGER::DOUBLE`;
  if (operation === 'identity')
    return type === 'number' ? value : type === 'boolean' ? `${value}::INTEGER::DOUBLE` : none;
  const typeOfBound: string = typeof bound;
  if (typeOfBound !== type) return none;
  const to = typeof bound === 'string' ? text(bound) : typeof bound === 'number' ? double(bound) : String(bound);
  if (operation === 'eq') return flag(`${value} = ${to}`);
  if (operation === 'ne') return flag(`${value} <> ${to}`);
  const signs = { gt: '>', ge: '>=', lt: '<', le: '<=' } as const;
  return type === 'number' ? flag(`${value} ${signs[operation]} ${to}`) : none;
}

/**
 * Null: the file's rows are checked one by one.
 * @param given what the file has, by column position; null = no such column
 * @param recordId of the row, where the project names no column that holds it
 */
export function columnarPlan(
  schema: RecordSchema,
  given: readonly (GivenColumn | null)[],
  recordId: GivenId,
  nowMs: number,
): ColumnarPlan | null {
  const { columns, derivedFrom, eventTimeIndex, entityIndex, recordIdIndex, labelIndex, stored } = schema;
  // Without event time the rows' order is part of the version, and a bad row would change it.
  if (eventTimeIndex < 0) return null;
  const all: Built[] = [];
  for (let index = 0; index < columns.length; index++) {
    const one = built(schema, index, given[index] ?? null);
    if (one === null) return null;
    all.push(one);
  }
  const faults = all.flatMap((one) => one.faults);
  const values = all.map(({ value }) => value);
  columns.forEach((column, index) => {
    const from = derivedFrom[index] as number;
    if (column.derive !== undefined && from >= 0) {
      const derived = part(values[from] as string, column.derive.part);
      values[index] = `coalesce(${all[index]?.value}, ${derived})`;
      if (column.derive.part in DATE_PARTS) faults.push(`abs(${values[from]}) > ${DATE_MS_MAX}`);
    }
    if (column.required && (!column.outcome || column.derive !== undefined))
      faults.push(`${all[index]?.id?.sql ?? values[index]} IS NULL`);
  });
  const eventTime = values[eventTimeIndex] as string;
  faults.push(
    `${eventTime} IS NULL`,
    `${eventTime} < ${EARLIEST_MS}`,
    `${eventTime} > ${nowMs + EVENT_TIME_AHEAD_MS_MAX}`,
  );
  const idOf = (index: number): GivenId | undefined => all[index]?.id;
  const entity = entityIndex < 0 ? { sql: "''", isSound: true } : idOf(entityIndex);
  const id = recordIdIndex < 0 ? recordId : idOf(recordIdIndex);
  if (entity === undefined || id === undefined) return null;
  if (entityIndex >= 0) faults.push(...isId(entity));
  faults.push(...isId(id));
  const { label } = schema.project.data;
  if (schema.wholeNames[labelIndex]) return null;
  faults.push(...outcomeFaults(label, columns[labelIndex], values[labelIndex]));
  return {
    mayBeBad: faults.map((fault) => `(${fault})`).join(' OR '),
    values: [
      id.sql,
      entity.sql,
      eventTime,
      labelSql(label, columns[labelIndex], values[labelIndex]),
      ...stored.map((index) => values[index] as string),
    ],
  };
}
