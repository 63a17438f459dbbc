// dlq: what was refused and why; and once more, please.

import type { Command } from 'commander';
import { EXIT_FAILED, EXIT_OK } from '../exit-codes.js';
import { shownId } from '../ids.js';
import { cut, table } from '../table.js';
import { action } from './context.js';
import { projectName, someId, wholeNumber } from './option-values.js';

const LIMIT_MAX = 1_000;
/** Characters of a record's id; --json has the whole. */
const RECORD_SHOWN = 32;

export function dlqCommands(program: Command): void {
  const dlq = program.command('dlq').description('dead letters: what was refused, and why');
  dlq
    .command('list')
    .description('lists dead letters, newest first')
    .argument('<project>', 'its name', projectName)
    .option('--limit <count>', 'newest dead letters', wholeNumber(1, LIMIT_MAX), 50)
    .action(
      action(async (context, project: string, options: { limit: number }) => {
        const { total, deadLetters } = await context.control.deadLetters(project, options.limit);
        // Of a project that is gone they are still told; of one that never was, that.
        if (total === 0) await context.control.datasetsPage(project, 1);
        const rows = deadLetters.flatMap(({ id, source, row, recordId, reasons }) =>
          reasons.map(({ field, value, message }, i) => [
            i === 0 ? shownId(id) : '',
            i === 0 ? source : '',
            i === 0 ? (row ?? '') : '',
            i === 0 ? cut(recordId ?? '', RECORD_SHOWN) : '',
            field,
            value ?? '',
            message,
          ]),
        );
        const text = (width: number | undefined) =>
          rows.length === 0
            ? 'no dead letter: nothing was refused'
            : table(['id', 'source', 'row', 'record', 'column', 'value', 'reason'], rows, width);
        const [first] = deadLetters;
        context.print(
          deadLetters,
          (width) =>
            [text(width), ...(total > deadLetters.length ? [`${deadLetters.length} of ${total} shown`] : [])].join(
              '\n',
            ),
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
    .description('takes a dead letter in again; exit code 1 where it is refused again')
    .argument('<id>', 'as `dlq list` shows it, or the whole', someId)
    .action(
      action(async (context, id: string) => {
        const answer = await context.control.redrive(id);
        const taken = answer.accepted > 0;
        const reasons = answer.rejected
          .flatMap((one) => one.reasons)
          .map(({ field, message }) => `${field} ${message}`.trim());
        context.print(answer, () => (taken ? 'taken in' : `refused again: ${reasons.join('; ')}`), [
          taken ? 'millrace status' : 'millrace apply project.yaml   # once it is mended',
        ]);
        return taken ? EXIT_OK : EXIT_FAILED;
      }),
    );
}
