// gc: what the retention of a project lets go of; hold: what must not be deleted, whatever retention says.

import { timeText } from '@millrace/domain';
import type { Command } from 'commander';
import { shownId } from '../ids.js';
import { table } from '../table.js';
import { collected } from './collected.js';
import { action } from './context.js';
import { addHold, type HoldOptions } from './hold-on.js';
import { projectName, someId, wholeNumber } from './option-values.js';
import { withSaid } from './said-options.js';

export function retentionCommands(program: Command): void {
  program
    .command('gc')
    .description('deletes the dataset and model versions that the retention of a project does not keep')
    .argument('<project>', 'its name', projectName)
    .option('--dry-run', 'says what would go, and why the others stay; deletes nothing')
    .action(
      action(async (context, project: string, { dryRun }: { dryRun?: boolean }) => {
        const { value, text, next } = await collected(context.control, project, dryRun === true);
        context.print(value, text, next);
        return 0;
      }),
    );
  holdCommands(program.command('hold').description('what must not be deleted, whatever retention says'));
}

function holdCommands(hold: Command): void {
  withSaid(hold.command('add'), { required: true, reason: 'why, on record', by: 'who asks for it, on record' })
    .description('keeps a dataset version, what a model was trained on, or everything of a project')
    .argument('<project>', 'its name', projectName)
    .option('--dataset <id>', 'this dataset version; or the beginning of its id')
    .option('--model <version>', 'what this model version was trained on', wholeNumber(1, 1_000_000))
    .action(
      action(async (context, project: string, options: HoldOptions) => {
        const made = await addHold(context.control, project, options);
        context.print(made, () => `hold ${made.id} is in force`, [`millrace hold list ${project}`]);
        return 0;
      }),
    );
  withSaid(hold.command('remove'), { required: true, reason: 'why, on record', by: 'who takes it off, on record' })
    .description('takes a hold off; that it was there stays on record')
    .argument('<project>', 'its name', projectName)
    .argument('<id>', 'of the hold', someId)
    .action(
      action(async (context, project: string, id: string, { reason, by }: HoldOptions) => {
        const removed = await context.control.removeHold(project, id, reason, by);
        context.print(removed, () => `hold ${id} is off`, [`millrace gc ${project} --dry-run`]);
        return 0;
      }),
    );
  hold
    .command('list')
    .description('holds of a project, removed ones too, also where the project was deleted')
    .argument('<project>', 'its name', projectName)
    .action(
      action(async (context, project: string) => {
        const holds = await context.control.holds(project);
        const rows = holds.map((one) => [
          ...[one.id, one.dataset !== '' ? shownId(one.dataset) : one.model > 0 ? `model ${one.model}` : 'everything'],
          ...[one.by, timeText(one.atMs), one.reason],
          one.removedAtMs === 0 ? 'in force' : `off since ${timeText(one.removedAtMs)}, by ${one.removedBy}`,
        ]);
        const heads = ['id', 'on', 'by', 'since', 'reason', 'state'];
        const next = `millrace hold add ${project} --reason TEXT --by NAME`;
        context.print(holds, (width) => (holds.length === 0 ? 'no hold' : table(heads, rows, width)), [next]);
        return 0;
      }),
    );
}
