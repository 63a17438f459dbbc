// The audit of a project as a table, newest first. Names are as they were said.

import type { AnswerOf, monitorApi } from '@millrace/api';
import { timeText } from '@millrace/domain';
import { table } from '../table.js';

type Audit = AnswerOf<typeof monitorApi.endpoints.audit>;
type Entry = Audit['entries'][number];

const HEAD = ['when', 'who (said)', 'by', 'from', 'did', 'to', 'result', 'why', 'what came of it'];

export function auditText({ entries, more, leftOut }: Audit, width?: number): string {
  if (entries.length === 0) return 'nothing is known to have been done';
  const broken = entries.filter(({ isSound }) => !isSound).length;
  return [
    table(HEAD, entries.map(row), width),
    ...(broken === 0 ? [] : [`!  ${broken} not as written, or something before is missing: see isSound with --json`]),
    ...(more === 0 ? [] : [`${more} older: --limit ${entries.length + more}`]),
    ...(leftOut === 0 ? [] : [`${leftOut} still older ones are in audit.v1 alone`]),
  ].join('\n');
}

const row = ({ atMs, who, tool, address, action, subject, result, reason, detail, isSound }: Entry): string[] => [
  ...[timeText(atMs), who === '' ? '-' : who, tool, address === '' ? '-' : address, action, subject],
  ...[isSound ? result : `${result} (!)`, reason === '' ? '-' : reason, detail],
];
