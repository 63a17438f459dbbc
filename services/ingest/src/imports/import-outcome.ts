// What an import says when it made no version: why, and what to do.

import type { ImportProgress } from './import-run.js';
import { type Refusal, refusalText } from './refusals.js';

/** Kinds of refusals in a sentence. */
const TOLD_MAX = 3;
const DECIMAL_COMMA = /^"?[+-]?\d{1,15},\d+"?$/;

export function noRowsMessage(
  project: string,
  file: string,
  progress: ImportProgress,
  reasons: readonly Refusal[],
  isRange: boolean,
): string {
  if (progress.rowsChosen === 0)
    return isRange
      ? `${file} has no row in that range of event time: leave --from and --to out, or widen them`
      : `${file} has a header and no rows below it`;
  const top = reasons.slice(0, TOLD_MAX).map(refusalText).join('; ');
  return `no row of ${progress.rowsChosen} was accepted: ${top}; \`millrace dlq list ${project}\` shows them`;
}

/** What refusals look like when the decimal sign was another. */
export function decimalWarnings(reasons: readonly Refusal[]): string[] {
  const found = reasons.find(
    ({ code, example }) => code === 'wrong_type' && example.value !== null && DECIMAL_COMMA.test(example.value),
  );
  if (found === undefined) return [];
  return [
    `numbers such as ${found.example.value} of ${found.column} have a decimal comma: write \`decimal: ','\` under data ` +
      "of the project file, or `--decimal ','` to the command",
  ];
}
