// dlq: what was refused and why; and once more, please.

import { timeText } from '@millrace/domain';
import type { Command } from 'commander';
import { EXIT_FAILED, EXIT_OK } from '../exit-codes.js';
import { shownId } from '../ids.js';
import { cut, table } from '../table.js';
import { action } from './context.js';
import { projectName, someId, wholeNumber } from './option-values.js';

const LIMIT_MAX = 1_000;
/** Characters of a record's id; --json has the whole. */
const RECORD_SHOWN = 32;

const HEADS = ['id', 'source', 'row', 'record', 'column', 'value', 'reason'];

interface ListOptions {
  limit: number;
  redriven?: boolean;
}

/** Where it went: whoever looks for it looks there. */
const takenText = ({ kind, project }: { kind: 'record' | 'label'; project: string }) =>
  kind === 'label'
    ? `taken in: it is a label of ${project} again, and joins the record or prediction that it names`
    : `taken in: it is in the live stream of ${project} now, and the next dataset version that closes has it`;

export function dlqCommands(program: Command): void {
  const dlq = program.command('dlq').description('dead letters: what was refused, and why');
  dlq
    .command('list')
    .description('lists dead letters that nobody has taken in again, newest first')
    .argument('<project>', 'its name', projectName)
    .option('--limit <count>', 'newest dead letters', wholeNumber(1, LIMIT_MAX), 50)
    .option('--redriven', 'those that were taken in again, too, and when')
    .action(
      action(async (context, project: string, { limit, redriven: all = false }: ListOptions) => {
        const { total, redriven, deadLetters } = await context.control.deadLetters(project, limit, all);
        // Of a project that is gone they are still told; of one that never was, that.
        if (total === 0) await context.control.datasetsPage(project, 1);
        const rows = deadLetters.flatMap(({ id, source, row, recordId, reasons, redrivenAtMs }) =>
          reasons.map(({ field, value, message }, i) => [
            i === 0 ? shownId(id) : '',
            i === 0 ? source : '',
            i === 0 ? (row ?? '') : '',
            i === 0 ? cut(recordId ?? '', RECORD_SHOWN) : '',
            field,
            value ?? '',
            message,
            ...(all ? [i === 0 && redrivenAtMs > 0 ? timeText(redrivenAtMs) : ''] : []),
          ]),
        );
        const text = (width: number | undefined) =>
          rows.length === 0
            ? `no dead letter: ${total === 0 ? 'nothing was refused' : 'what was refused was taken in again'}`
            : table([...HEADS, ...(all ? ['taken in'] : [])], rows, width);
        const first = deadLetters.find(({ redrivenAtMs }) => redrivenAtMs === 0);
        const listed = all ? total : total - redriven;
        context.print(
          deadLetters,
          (width) =>
            [
              text(width),
              ...(listed > deadLetters.length ? [`${deadLetters.length} of ${listed} shown`] : []),
              ...(all || redriven === 0 ? [] : [`${redriven} more were taken in again: --redriven shows them`]),
            ].join('\n'),
          [
            first === undefined
              ? `millrace datasets ${project}`
              : `millrace dlq redrive ${shownId(first.id)}   # once the project file or the sender is mended`,
          ],
        );
        return EXIT_OK;
      }),
    );
  dlq
    .command('redrive')
    .description('takes a dead letter in again; exit code 1 where it is refused again, 5 where it was taken in already')
    .argument('<id>', 'as `dlq list` shows it, or the whole', someId)
    .option('--again', 'also where it was taken in already')
    .action(
      action(async (context, id: string, options: { again?: boolean }) => {
        const answer = await context.control.redrive(id, options.again === true);
        const { project } = answer;
        const taken = answer.accepted > 0;
        const reasons = answer.rejected
          .flatMap((one) => one.reasons)
          .map(({ field, message }) => `${field} ${message}`.trim());
        context.print(answer, () => (taken ? takenText(answer) : `refused again: ${reasons.join('; ')}`), [
          taken
            ? `millrace ${answer.kind === 'label' ? 'drift' : 'datasets'} ${project}`
            : `millrace dlq list ${project}   # send it again as it should be; or mend project.yaml, apply it, and redrive again`,
        ]);
        return taken ? EXIT_OK : EXIT_FAILED;
      }),
    );
}
