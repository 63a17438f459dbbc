// stream: closing what is open of a project's live stream, and setting its clock back.

import { counted, timeText } from '@millrace/domain';
import type { Command } from 'commander';
import { action } from './context.js';
import { projectName, time } from './option-values.js';

export function streamCommands(program: Command): void {
  const stream = program.command('stream').description('the live stream of a project');
  stream
    .command('close')
    .description('makes a dataset version of what is open now, whatever the watermark says')
    .argument('<project>', 'its name', projectName)
    .action(
      action(async (context, project: string) => {
        const closed = await context.control.closeDatasets(project);
        const next = closed === 0 ? `millrace ingest ${project} --file FILE` : `millrace datasets ${project}`;
        context.print(
          { closed },
          () => (closed === 0 ? 'nothing was open' : `closed: ${counted(closed, 'dataset version')}`),
          [next],
        );
        return 0;
      }),
    );
  stream
    .command('reset-watermark')
    .description('sets the clock of the stream back, after senders with wrong clocks moved it')
    .argument('<project>', 'its name', projectName)
    .option('--to <time>', 'event time, not ahead of now; default: now', time)
    .action(
      action(async (context, project: string, options: { to?: number }) => {
        const toMs = await context.control.resetWatermark(project, options.to);
        context.print({ toMs }, () => `the watermark of ${project} is ${timeText(toMs)} at most`, ['millrace status']);
        return 0;
      }),
    );
}
