// A whole project file proposed from a table: what a person has said stands, the rest is the best guess with its
// reason, and what a person should look at is named in `open`. Pure; the text of the file is made by project-text.ts.

import { hint, PlatformError } from '@millrace/domain';
import { columnsOf } from '../infer-columns.js';
import { type ColumnSpec, ID_KEYS, type LabelSpec } from '../project.js';
import { COLUMN_NAME } from '../schema.js';
import { TIME_FORMATS } from '../time-format.js';
import type { ColumnProfile } from './column-profile.js';
import { notTimes } from './doubtful-values.js';
import { chooseFeature, isBeyondDouble, leaksOf } from './feature-choice.js';
import { chooseLabel, type LabelChoice, parseLabelWish } from './label-choice.js';
import {
  type Candidate,
  entities,
  eventTimes,
  hasFewValues,
  labels,
  noEventTime,
  recordIds,
  ruleColumns,
} from './role-candidates.js';
import type { TableProfile } from './table-profile.js';

/** What the person has said. false = there is none; undefined = nothing was said. */
export interface Wishes {
  readonly name?: string | undefined;
  readonly label?: string | false | undefined;
  readonly eventTime?: string | false | undefined;
  readonly entity?: string | false | undefined;
  readonly recordId?: string | false | undefined;
  readonly features?: readonly string[] | undefined;
  /** No features, whatever they hold. */
  readonly leaveOut?: readonly string[] | undefined;
}

export type Role = 'event time' | 'entity' | 'record id' | 'label' | 'feature' | 'left out';

/** A column for a role, or none; `others` could have it too. */
export interface RoleChoice {
  readonly column: ColumnProfile | null;
  readonly why: string;
  readonly isSure: boolean;
  readonly others: readonly Candidate[];
}

export interface ProposedColumn {
  readonly profile: ColumnProfile;
  readonly role: Role;
  readonly why: string;
  /** null: the project does not name it. */
  readonly spec: ColumnSpec | null;
  readonly feature: 'numeric' | 'categorical' | null;
}

export type OpenRole = 'label' | 'event time' | 'entity';

export interface ProposedLabel {
  readonly rule: LabelSpec;
  readonly choice: LabelChoice;
  readonly why: string;
  readonly isSure: boolean;
  readonly others: readonly Candidate[];
}

export interface Proposal {
  readonly name: string;
  readonly rows: number;
  readonly columns: readonly ProposedColumn[];
  readonly columnsLeftOut: number;
  readonly eventTime: RoleChoice;
  readonly entity: RoleChoice;
  readonly recordId: RoleChoice;
  /** Of the numbers of a text file. */
  readonly decimal: '.' | ',';
  /** null: nothing is to be learnt, inputs and scores are watched. */
  readonly label: ProposedLabel | null;
  /** What is a guess that a person should look at. */
  readonly open: readonly OpenRole[];
}

/** Best guesses are taken as they are from this score on, and this far ahead of the next. */
const SURE_SCORE = 3;
const SURE_LEAD = 1;
const NAME_MAX = 63;

const isSure = ([first, second]: readonly Candidate[]): boolean =>
  first !== undefined && first.score >= SURE_SCORE && first.score - (second?.score ?? 0) >= SURE_LEAD;

/**
 * @param fileName for the project's name
 * @throws PlatformError 'invalid_argument' where no label can be found, or something that was said does not fit
 */
export function propose(table: TableProfile, fileName: string, wishes: Wishes, nowMs: number): Proposal {
  if (table.rows === 0) throw new PlatformError('invalid_argument', `${fileName} has no rows`);
  const usable = { ...table, columns: table.columns.filter((column) => unusable(column, table) === null) };
  const times = eventTimes(usable, nowMs);
  const eventTime = chooseRole('--event-time', wishes.eventTime, times, table, timeFault, noEventTime(usable, nowMs));
  const recordId = chooseRole('--record-id', wishes.recordId, recordIds(usable), table, isName);
  const taken = new Set([eventTime.column?.name, recordId.column?.name]);
  const free = { ...usable, columns: usable.columns.filter(({ name }) => !taken.has(name)) };
  const label = wishes.label === false ? null : labelOf(wishes.label, free, usable);
  const entity = chooseRole(
    '--entity',
    wishes.entity,
    entities(free).filter(({ column }) => column.name !== label?.rule.column),
    table,
    isName,
  );
  const open: OpenRole[] = [];
  if (label?.isSure === false) open.push('label');
  if (!eventTime.isSure) open.push('event time');
  if (!entity.isSure) open.push('entity');
  const roles = { eventTime, recordId, entity, label };
  const columns = proposeColumns(table, roles, wishes, fileName);
  return {
    name: wishes.name ?? nameOf(fileName),
    rows: table.rows,
    columns,
    columnsLeftOut: table.columnsLeftOut,
    ...roles,
    decimal: table.source === 'text' ? table.decimal : '.',
    open,
  };
}

const isName = ({ type, name }: ColumnProfile): string | undefined =>
  type === 'text' || type === 'integer' ? undefined : `'${name}' is ${type}; a name is text or integer`;

const timeFault = (column: ColumnProfile): string | undefined => {
  const { type, name, couldBe } = column;
  if (type === 'timestamp') return undefined;
  const near = notTimes(column);
  if (near !== undefined) return `${near}. Mend those rows, or say the form with --date-format`;
  if (couldBe !== undefined) return `'${name}' may be ${couldBe.join(' or ')}; say --date-format ${couldBe[0]}`;
  return `'${name}' is ${type}; its times are in no form that is known (${TIME_FORMATS.join(', ')}, or ISO 8601)`;
};

function chooseRole(
  option: string,
  wish: string | false | undefined,
  candidates: readonly Candidate[],
  table: TableProfile,
  fault: (column: ColumnProfile) => string | undefined,
  whyNone = 'no column looks like it',
): RoleChoice {
  if (wish === false) return { column: null, why: 'you said so', isSure: true, others: [] };
  if (wish !== undefined) {
    const column = named(option, wish, table);
    const wrong = fault(column) ?? lacking(column, table);
    if (wrong !== undefined) throw new PlatformError('invalid_argument', `${option}: ${wrong}`);
    return { column, why: 'you said so', isSure: true, others: [] };
  }
  const [best, ...others] = candidates;
  if (best === undefined) return { column: null, why: whyNone, isSure: true, others: [] };
  return { column: best.column, why: best.why, isSure: isSure(candidates), others };
}

function named(option: string, name: string, { columns }: TableProfile): ColumnProfile {
  const column = columns.find((one) => one.name === name);
  if (column !== undefined) return column;
  const known = columns.map((one) => one.name);
  throw new PlatformError('invalid_argument', `${option}: there is no column '${name}'. ${hint(name, known)}`);
}

function lacking({ name, present }: ColumnProfile, { rows }: TableProfile): string | undefined {
  return present === rows ? undefined : `'${name}' is missing in ${rows - present} of ${rows} rows, which would be bad`;
}

const RULE_COLUMNS_TOLD = 3;

function ruleExample(column: ColumnProfile): string {
  const { name, distinct, range, values } = column;
  return hasFewValues(column)
    ? `--label '${name}=${values[0]?.text ?? 'VALUE'}' (one of its ${distinct} values)`
    : `--label '${name}>VALUE' (a number from ${range?.min} to ${range?.max})`;
}

function labelOf(wish: string | undefined, free: TableProfile, all: TableProfile): ProposedLabel {
  const found = labels(free);
  const [best] = found;
  if (wish === undefined && best === undefined) {
    const example = ruleColumns(free).slice(0, RULE_COLUMNS_TOLD).map(ruleExample).join(', ');
    throw new PlatformError(
      'invalid_argument',
      `no column has two values, so none is a label by itself: say --label COLUMN=VALUE, or COLUMN>VALUE for a number, or --no-label where nothing is to be learnt${example === '' ? '' : `. It may be ${example}`}`,
      { facts: { role: 'label' } },
    );
  }
  const names = all.columns.map(({ name }) => name);
  const rule =
    wish === undefined
      ? ({ column: (best as Candidate).column.name, operation: 'identity', value: null } as const)
      : parseLabelWish(wish, names);
  const choice = chooseLabel(rule, named('--label', rule.column, all), all.decimal);
  const whyColumn = wish === undefined ? (best as Candidate).why : 'you said so';
  // A value that was said needs no second reason.
  const why = rule.value === null ? `${whyColumn}, and ${choice.why}` : whyColumn;
  return {
    rule: {
      name:
        choice.column.name
          .toLowerCase()
          .replace(/[^a-z0-9]+/g, '_')
          .replace(/^_*(?=[^a-z])|_+$/g, '')
          .slice(0, NAME_MAX) || 'label',
      column: choice.column.name,
      operation: choice.operation,
      value: choice.value,
      delayMs: 0,
    },
    choice,
    why,
    isSure: wish !== undefined ? choice.isSure : choice.isSure && isSure(found),
    others: found,
  };
}

/** Why a project cannot name the column; null where it can. */
function unusable({ name, isNested }: ColumnProfile, { columns }: TableProfile): string | null {
  if (isNested) return 'it holds objects or lists';
  if (/\p{Cc}/u.test(name)) return 'its name holds a line break or another control character; rename it to use it';
  if (!new RegExp(COLUMN_NAME, 'u').test(name))
    return name === '' ? 'it has no name' : 'its name is longer than 128 characters, begins with @ or is __proto__';
  const first = columns.find((other) => other.name.toLowerCase() === name.toLowerCase());
  return first?.name === name ? null : `its name differs from '${first?.name}' by case only`;
}

interface Roles {
  readonly eventTime: RoleChoice;
  readonly recordId: RoleChoice;
  readonly entity: RoleChoice;
  readonly label: Proposal['label'];
}

function proposeColumns(
  table: TableProfile,
  roles: Roles,
  { features, leaveOut = [] }: Wishes,
  fileName: string,
): ProposedColumn[] {
  const isId = (name: string) => name === roles.recordId.column?.name || name === roles.entity.column?.name;
  const beyond = new Set(table.columns.filter(isBeyondDouble).map(({ name }) => name));
  const specs = new Map(
    columnsOf(table).map((spec) => [
      spec.name,
      // Ingest takes their digits as a text.
      beyond.has(spec.name) && !isId(spec.name) ? { ...spec, type: 'text' as const } : spec,
    ]),
  );
  for (const name of features ?? []) named('--features', name, table);
  for (const name of leaveOut) named('--leave-out', name, table);
  const { label } = roles;
  const leaks = label === null ? new Map<string, number>() : leaksOf(table, label.rule);
  const roleOf = (name: string): { role: Role; why: string } | null => {
    if (label !== null && name === label.rule.column) return { role: 'label', why: label.why };
    if (name === roles.eventTime.column?.name) return { role: 'event time', why: roles.eventTime.why };
    if (name === roles.recordId.column?.name) return { role: 'record id', why: roles.recordId.why };
    if (name === roles.entity.column?.name) return { role: 'entity', why: roles.entity.why };
    return null;
  };
  const columns = table.columns.map((profile): ProposedColumn => {
    const role = roleOf(profile.name);
    const fault = unusable(profile, table);
    if (role !== null && fault !== null)
      throw new PlatformError(
        'invalid_argument',
        `${fileName}: '${profile.name}' cannot be the ${role.role}: ${fault}`,
      );
    const spec = specs.get(profile.name) as ColumnSpec;
    const required = role !== null && role.role !== 'label';
    const base = { profile, spec: { ...spec, required, outcome: role?.role === 'label' }, feature: null };
    if (role !== null) return { ...base, ...role };
    const said = features === undefined ? undefined : features.includes(profile.name);
    const leak = leaks.get(profile.name);
    if (fault !== null) return { profile, role: 'left out', why: fault, spec: null, feature: null };
    if (leaveOut.includes(profile.name))
      return { profile, role: 'left out', why: 'you said so', spec: null, feature: null };
    if (said === false)
      return { profile, role: 'left out', why: '--features does not name it', spec: null, feature: null };
    if (leak !== undefined && said === undefined) {
      const why = `it says the label without exception (${leak} rows): add it only if it is known before the outcome is`;
      return { profile, role: 'left out', why, spec: null, feature: null };
    }
    const choice = chooseFeature(profile, table.rows);
    if (choice.kind !== 'none') return { ...base, role: 'feature', why: choice.why, feature: choice.kind };
    if (said !== true) return { profile, role: 'left out', why: choice.why, spec: null, feature: null };
    const numeric =
      !beyond.has(profile.name) &&
      (profile.type === 'number' || profile.type === 'integer' || profile.type === 'timestamp');
    return {
      ...base,
      role: 'feature',
      why: `you said so, though ${choice.why}`,
      feature: numeric ? 'numeric' : 'categorical',
    };
  });
  if (columns.some(({ role }) => role === 'feature'))
    return columns.map((column) => withOwnName(column, roles, specs.get(column.profile.name), table));
  const reasons = columns.map(
    ({ profile, role, why }) => `'${profile.name}' is ${role}${role === 'left out' ? `, for ${why}` : ''}`,
  );
  throw new PlatformError('invalid_argument', `no column is left as a feature: ${reasons.slice(0, 10).join('; ')}`);
}

/**
 * What is called as an id and is none (it comes twice) has to be declared, or ingest would take it for the row's id.
 */
function withOwnName(
  column: ProposedColumn,
  { recordId }: Roles,
  spec: ColumnSpec | undefined,
  table: TableProfile,
): ProposedColumn {
  const isMeant = ID_KEYS.includes(column.profile.name) && recordId.column === null && column.spec === null;
  if (!isMeant || spec === undefined || unusable(column.profile, table) !== null) return column;
  return { ...column, spec: { ...spec, required: false } };
}

/** "My Loans 2024.csv" → my-loans-2024, "2024.csv" → t-2024. */
function nameOf(fileName: string): string {
  const slug = fileName
    .replace(/\.[A-Za-z0-9]+$/, '')
    .toLowerCase()
    // größen is grossen, and naïve naive.
    .replaceAll('ß', 'ss')
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  const name = /[a-z]/.test(slug) ? slug.replace(/^[^a-z]+/, '') : slug === '' ? 'project' : `t-${slug}`;
  return name.slice(0, NAME_MAX);
}
