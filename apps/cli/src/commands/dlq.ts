// dlq: what was refused and why; and once more, please.

import { PlatformError } from '@millrace/domain';
import type { Command } from 'commander';
import { EXIT_FAILED, EXIT_OK } from '../exit-codes.js';
import { shownId } from '../ids.js';
import { table } from '../table.js';
import { action } from './context.js';

const LIMIT_MAX = 1_000;

export function dlqCommands(program: Command): void {
  const dlq = program.command('dlq').description('dead letters: what was refused, and why');
  dlq
    .command('list')
    .description('lists dead letters, newest first')
    .argument('<project>')
    .option('--limit <count>', `at most ${LIMIT_MAX}`, '50')
    .action(
      action(async (context, project: string, options: { limit: string }) => {
        const limit = Number(options.limit);
        if (!Number.isSafeInteger(limit) || limit < 1 || limit > LIMIT_MAX)
          throw new PlatformError(
            'invalid_argument',
            `--limit ${options.limit}: write a number from 1 to ${LIMIT_MAX}`,
          );
        const { total, deadLetters } = await context.control.deadLetters(project, limit);
        const rows = deadLetters.flatMap(({ id, source, row, reasons }) =>
          reasons.map(({ field, value, message }, i) => [
            i === 0 ? shownId(id) : '',
            i === 0 ? source : '',
            i === 0 ? (row ?? '') : '',
            field,
            value ?? '',
            message,
          ]),
        );
        context.print(deadLetters, () =>
          [
            table(['id', 'source', 'row', 'column', 'value', 'reason'], rows),
            ...(total > deadLetters.length ? [`${deadLetters.length} of ${total} shown`] : []),
            ...(rows.length > 0 ? ['once the project file or the sender is mended: millrace dlq redrive ID'] : []),
          ].join('\n'),
        );
        return EXIT_OK;
      }),
    );
  dlq
    .command('redrive')
    .description('takes a dead letter in again; exit code 1 where it is refused again')
    .argument('<id>', 'as `dlq list` shows it, or the whole')
    .action(
      action(async (context, id: string) => {
        const answer = await context.control.redrive(id);
        const taken = answer.accepted > 0;
        const reasons = answer.rejected
          .flatMap((one) => one.reasons)
          .map(({ field, message }) => `${field} ${message}`.trim());
        context.print(answer, () => (taken ? 'taken in' : `refused again: ${reasons.join('; ')}`));
        return taken ? EXIT_OK : EXIT_FAILED;
      }),
    );
}
