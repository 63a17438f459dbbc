// How a person says which columns a model's tensors take and where its answer holds what the project asks for:
// `--input TENSOR=column,column`, `--output probability=TENSOR[1]` or `--output probability=logit(TENSOR[0])`. A column
// whose name has a comma is written in double quotes.

import type { BodyOf, trainerApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';

type Registration = BodyOf<typeof trainerApi.endpoints.registerModel>;
export type InputOption = NonNullable<Registration['inputs']>[number];
export type OutputOption = NonNullable<Registration['outputs']>[number];

const COLUMN = /\s*(?:"([^"]*)"|([^,"]+))\s*(?:,|$)/y;
const OUTPUT = /^([^=]+)=(?:(logit)\((.+?)(?:\[(\d{1,9})\])?\)|((?!logit\().+?)(?:\[(\d{1,9})\])?)$/;

/** @throws PlatformError 'invalid_argument' with how it is written */
export function inputOption(text: string): InputOption {
  // The last "=": tensor names may hold one, lists of columns rarely.
  const at = text.lastIndexOf('=');
  const tensor = text.slice(0, Math.max(0, at)).trim();
  const rest = text.slice(at + 1);
  const columns: string[] = [];
  COLUMN.lastIndex = 0;
  while (COLUMN.lastIndex < rest.length) {
    const found = COLUMN.exec(rest);
    const column = (found?.[1] ?? found?.[2] ?? '').trim();
    if (column === '') throw wrong('--input', text, 'TENSOR=column,column');
    columns.push(column);
  }
  if (tensor === '' || columns.length === 0) throw wrong('--input', text, 'TENSOR=column,column');
  return { tensor, columns };
}

/** @throws PlatformError 'invalid_argument' with how it is written */
export function outputOption(text: string): OutputOption {
  const [, output, logit, inner, innerIndex, plain, plainIndex] = OUTPUT.exec(text.trim()) ?? [];
  const tensor = (inner ?? plain ?? '').trim();
  if (output === undefined || tensor === '')
    throw wrong('--output', text, 'probability=TENSOR[1] or probability=logit(TENSOR[0])');
  const index = Number(innerIndex ?? plainIndex ?? 0);
  return { output: output.trim(), tensor, index, of: logit === undefined ? 'value' : 'logit' };
}

function wrong(option: string, text: string, form: string): PlatformError {
  return new PlatformError('invalid_argument', `${option} ${text.slice(0, 80)}: write ${option} ${form}`);
}
