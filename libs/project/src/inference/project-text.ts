// A proposal as the text of a project file: every choice with its reason beside it, what was left out as a comment that
// can be taken in. `parseProject` takes what comes out.

import type { ColumnSpec } from '../project.js';
import type { ColumnProfile } from './column-profile.js';
import { doubtOf } from './doubtful-values.js';
import { isBeyondDouble } from './feature-choice.js';
import type { Proposal, ProposedColumn, RoleChoice } from './proposal.js';
import { windowFor } from './window-choice.js';

const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*( [A-Za-z0-9_]+)*$/;
/** Words that YAML reads as something else than a text. */
const WORDS = /^(true|false|null|yes|no|on|off|y|n|nan|inf)$/i;
const LENGTH_MAX_DEFAULT = 256;
/** The schema's own bound. */
const LENGTH_MAX = 65_536;
/** Columns left out that are listed; a table of hundreds would bury the file. */
const LEFT_OUT_MAX = 100;

/** A scalar that YAML, in a block or a flow, reads as the same value. */
function yamlScalar(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value);
  return PLAIN.test(value) && !WORDS.test(value) ? value : JSON.stringify(value);
}

const comment = (text: string): string => text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
const thousands = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');

export function projectText(proposal: Proposal, fileName: string): string {
  const { columns } = proposal;
  const listed = columns.filter(({ spec }) => spec !== null);
  const lines = [
    `# Written by \`millrace new\` from the ${thousands(proposal.rows)} rows of ${comment(fileName)}. Change what is wrong:`,
    '# `millrace apply project.yaml --check` names every fault, `millrace ingest` and `millrace train` take the file as it',
    '# is then. All keys: docs/project.schema.json.',
    `name: ${proposal.name}`,
    '',
    'data:',
    ...roleLines('eventTime', 'Event time', proposal.eventTime, 'a record has the time at which it came'),
    ...roleLines('entity', 'Entity', proposal.entity, 'requests do not stay with one version'),
    ...roleLines('recordId', 'Record id', proposal.recordId, 'a row is known by its file and its number in it'),
    ...labelLines(proposal.label),
    ...windowLines(proposal, 'versionEvery'),
    ...decimalLines(proposal),
    '  columns:',
    ...listed.map((column) => columnLine(column, proposal.rows)),
    '',
    'features:',
    ...columns.flatMap(featureLine),
    ...leftOutLines(columns, proposal.columnsLeftOut),
    ...windowLines(proposal, 'window'),
  ];
  return `${lines.join('\n')}\n`;
}

function roleLines(key: string, title: string, { column, why, others }: RoleChoice, without: string): string[] {
  if (column === null)
    return [`  # No ${title.toLowerCase()}, because ${comment(why)}: ${without}. Else: ${key}: COLUMN`];
  const other =
    others.length === 0 ? '' : ` It could be ${others.map((one) => `'${comment(one.column.name)}'`).join(', ')}, too.`;
  return [
    `  # ${title}: '${comment(column.name)}', because ${comment(why)}.${other}`,
    `  ${key}: ${yamlScalar(column.name)}`,
  ];
}

function decimalLines({ decimal }: Proposal): string[] {
  if (decimal === '.') return [];
  return [
    '  # Numbers of CSV files are written with a decimal comma (1,5); without this key with a point.',
    "  decimal: ','",
  ];
}

function labelLines(label: Proposal['label']): string[] {
  if (label === null)
    return [
      '  # No label, because you said so: nothing is trained, inputs and scores are watched.',
      '  # Else: label: { name: NAME, column: COLUMN, operation: eq, value: VALUE }, and outcome: true at its column',
    ];
  const { rule, why } = label;
  const keys = [`operation: ${rule.operation}`];
  if (rule.value !== null) keys.push(`value: ${yamlScalar(rule.value)}`);
  return [
    `  # Label: '${comment(rule.column)}', because ${comment(why)}. Where it comes later than its record: delay: 1d`,
    `  label: { name: ${rule.name}, column: ${yamlScalar(rule.column)}, ${keys.join(', ')} }`,
  ];
}

/** An entry of `data.columns`. */
export function columnText({ name, type, required, lengthMax, outcome, missing, format }: ColumnSpec): string {
  const keys = [`name: ${yamlScalar(name)}`, `type: ${type}`];
  if (required) keys.push('required: true');
  if (outcome) keys.push('outcome: true');
  if (type === 'text' && lengthMax !== LENGTH_MAX_DEFAULT) keys.push(`lengthMax: ${Math.min(lengthMax, LENGTH_MAX)}`);
  if (missing !== undefined) keys.push(`missing: [${missing.map((text) => JSON.stringify(text)).join(', ')}]`);
  if (format !== undefined) keys.push(`format: ${format}`);
  return `- { ${keys.join(', ')} }`;
}

/** A double would name other whole numbers than the file's. */
function rangeText(profile: ColumnProfile, { min, max }: { min: number; max: number }): string {
  return isBeyondDouble(profile) ? 'whole numbers beyond 2^53' : `${min} to ${max}`;
}

function columnLine({ spec, profile, role }: ProposedColumn, rows: number): string {
  const { type } = profile;
  const missing = rows - profile.present;
  const doubt = doubtOf(profile);
  const said = [
    `${profile.isCounted ? '' : 'over '}${thousands(profile.distinct)} value${profile.distinct === 1 ? '' : 's'}`,
    ...(missing === 0 ? [] : [`missing in ${thousands(missing)} row${missing === 1 ? '' : 's'}`]),
    ...(profile.range === null || type === 'timestamp' ? [] : [rangeText(profile, profile.range)]),
    ...(role === 'feature' ? [] : [role]),
    ...(doubt === undefined ? [] : [comment(doubt)]),
  ];
  return `    ${columnText(spec as ColumnSpec)} # ${said.join(', ')}`;
}

function featureLine({ profile, role, why, feature }: ProposedColumn): string[] {
  if (role !== 'feature') return [];
  return [`  - { name: ${yamlScalar(profile.name)}, kind: ${feature} } # ${comment(why)}`];
}

function leftOutLines(columns: readonly ProposedColumn[], more: number): string[] {
  const out = columns.filter(({ role }) => role === 'left out');
  if (out.length === 0 && more === 0) return [];
  const hidden = Math.max(0, out.length - LEFT_OUT_MAX) + more;
  return [
    '# Left out (a feature needs its column under data.columns, too):',
    ...out
      .slice(0, LEFT_OUT_MAX)
      .map(({ profile, why }) => `#   ${comment(JSON.stringify(profile.name))} (${profile.type}): ${comment(why)}`),
    ...(hidden === 0 ? [] : [`#   and ${hidden} more columns`]),
  ];
}

/** Spans that hold enough rows of a stream that comes as the file did. */
function windowLines({ eventTime, rows }: Proposal, key: 'window' | 'versionEvery'): string[] {
  const range = eventTime.column?.range;
  if (range === undefined || range === null) return [];
  const { text, perSpan } = windowFor(rows, range.max - range.min);
  const why = `in the file that is ${thousands(Math.round(perSpan))} rows on average`;
  return key === 'versionEvery'
    ? [`  # One dataset version of the live stream; ${why}.`, `  versionEvery: ${text}`]
    : ['', 'monitoring:', `  # One window of event time; ${why}.`, `  window: ${text}`];
}
