// What `millrace new` tells of a file: the table of its columns, the choices that were made, the commands that come
// next with a row of the file in them.

import { exactJson } from '@millrace/domain';
import { labelCondition, type Proposal, type TableProfile, textValue, writtenValue } from '@millrace/project';
import { cut, table } from '../table.js';

const NAME_SHOWN = 32;
const EXAMPLES_SHOWN = 36;
const WHY_SHOWN = 60;
/** A longer row is no line for a terminal. */
const ROW_SHOWN_MAX = 2_000;

export function columnsTable({ rows, columns }: Proposal, width: number | undefined): string {
  return table(
    ['column', 'type', 'missing', 'distinct', 'examples', 'role'],
    columns.map(({ profile, role, why, feature }) => [
      cut(profile.name, NAME_SHOWN),
      profile.type,
      rows - profile.present,
      profile.isCounted ? profile.distinct : `> ${profile.distinct}`,
      cut(profile.examples.join(', '), EXAMPLES_SHOWN),
      role === 'feature'
        ? `feature, ${feature}`
        : role === 'left out'
          ? width === undefined
            ? `left out: ${why}`
            : cut(`left out: ${why}`, WHY_SHOWN)
          : role,
    ]),
    width,
  );
}

/** A line for each role: what has it, and why. */
export function choicesText({ eventTime, entity, recordId, label }: Proposal): string {
  const role = (name: string, { column, why }: Proposal['entity']) =>
    `${name.padEnd(11)} ${column === null ? 'none' : `'${column.name}'`}, because ${why}`;
  return [
    `${'label'.padEnd(11)} ${labelText(label)}`,
    role('event time', eventTime),
    role('entity', entity),
    role('record id', recordId),
  ].join('\n');
}

function labelText(label: Proposal['label']): string {
  if (label === null) return 'none, because you said so: nothing is trained, inputs and scores are watched';
  const condition = labelCondition(label.rule);
  return `'${label.rule.column}'${condition === '' ? '' : ` ${condition}`}, because ${label.why}`;
}

/** For a shell, in single quotes where it needs any. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The next commands of the first hour, `options` being those that `ingest` needs to read the file, too. */
export function nextCommands(
  proposal: Proposal,
  profile: TableProfile,
  records: readonly Readonly<Record<string, unknown>>[],
  file: string,
  options: readonly string[],
): string[] {
  const { name } = proposal;
  const ingest = ['millrace ingest', name, '--file', shellWord(file), ...options].join(' ');
  if (proposal.label === null)
    return [ingest, `millrace models register FILE --project ${name} --unjudged   # a model that you have`];
  return [ingest, `millrace train ${name}`, `millrace predict ${name} ${exampleRow(proposal, profile, records)}`];
}

function exampleRow(
  { columns }: Proposal,
  { source, decimal }: TableProfile,
  records: readonly Readonly<Record<string, unknown>>[],
): string {
  const inputs = columns.filter(({ role }) => role === 'feature').map(({ profile }) => profile);
  const rows = records.map((record) =>
    Object.fromEntries(
      inputs.flatMap((column) => {
        const { name } = column;
        const raw = record[name] ?? null;
        const value = source === 'text' ? textValue(column, raw as string | null, decimal) : writtenValue(column, raw);
        return value === null || value === '' ? [] : [[name, value]];
      }),
    ),
  );
  const row = rows.reduce((best, one) => (Object.keys(one).length > Object.keys(best).length ? one : best), {});
  const text = exactJson(row);
  return text.length > ROW_SHOWN_MAX ? '--input FILE --output scored.csv' : `--row ${shellWord(text)}`;
}
