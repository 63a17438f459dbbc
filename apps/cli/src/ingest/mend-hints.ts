// What to type next where no version came of an import, or one of the few rows that were good: the same command again,
// with every option that was given.

import { timeText } from '@millrace/domain';
import type { ImportState } from '../client/control.http.js';
import { shellWord } from '../new/found.js';
import type { ImportOptions } from './import-report.js';

export function toMend(given: ImportOptions, status: ImportState): string[] {
  const options = { ...given, ...delimiterSaid(status) };
  const { from, to, ...rest } = options;
  const { project, rejected, rowsChosen } = status;
  if (rejected > 0) {
    const seen = `millrace dlq list ${project}   # which rows were refused, and why; mend the file or the project file`;
    return [seen, ingestAgain(project, isComma(status) ? { ...options, decimal: ',' } : options)];
  }
  // No row was of that range: the same without it.
  if (rowsChosen === 0 && (from !== undefined || to !== undefined)) return [ingestAgain(project, rest)];
  // Good rows that no version came of: what failed was the platform, as where Kafka was gone.
  const again = ingestAgain(project, options);
  const isMended = rowsChosen > 0 || options.delimiter !== given.delimiter;
  return [isMended ? again : `${again}   # when the file is mended, or the project file, and that applied`];
}

/** Ingest has seen a decimal comma where it read points. */
const isComma = ({ warnings }: ImportState): boolean => warnings.some((warning) => warning.includes("`--decimal ','`"));

/** Ingest has seen that the header is written with another delimiter than the one that was said. */
function delimiterSaid({ message = '' }: ImportState): { delimiter?: string } {
  const [, quoted, bare] = /; say --delimiter (?:'(.)'|(tab))$/.exec(message) ?? [];
  const delimiter = quoted ?? bare;
  return delimiter === undefined ? {} : { delimiter };
}

function ingestAgain(project: string, options: ImportOptions): string {
  const { file, source, format, delimiter, decimal, encoding, from, to, rows, seed } = options;
  const said: readonly (readonly [string, string | number | undefined])[] = [
    ['--source', source],
    ['--file', file],
    ['--format', format],
    ['--delimiter', delimiter === '\t' ? 'tab' : delimiter],
    ['--decimal', decimal],
    ['--encoding', encoding],
    ['--from', from === undefined ? undefined : timeOption(from)],
    ['--to', to === undefined ? undefined : timeOption(to)],
    ['--rows', rows],
    ['--seed', seed],
  ];
  const given = said.flatMap(([flag, value]) => (value === undefined ? [] : [`${flag} ${shellWord(String(value))}`]));
  return ['millrace', 'ingest', project, ...given].join(' ');
}

const timeOption = (ms: number): string => (ms % 1_000 === 0 ? timeText(ms) : new Date(ms).toISOString());
