// datasets, and what goes into ingest and what came of it.

import { timeText } from '@millrace/domain';
import type { Command } from 'commander';
import { shownId } from '../ids.js';
import { versionCommand } from '../overview/version-command.js';
import { table } from '../table.js';
import { action } from './context.js';
import { dlqCommands } from './dlq.js';
import { ingestCommand } from './ingest.js';
import { projectName } from './option-values.js';

export function dataCommands(program: Command): void {
  ingestCommand(program);

  program
    .command('datasets')
    .description('lists dataset versions')
    .argument('<project>', 'its name', projectName)
    .action(
      action(async (context, project: string) => {
        const versions = await context.control.datasets(project);
        const heads = ['#', 'id', 'kind', 'of', 'rows', 'labelled', 'from', 'to'];
        const cells = versions.map((v) => [
          v.ordinal,
          shownId(v.id),
          v.kind,
          v.source,
          v.rows,
          v.labelledRows,
          timeText(v.eventTimeFromMs),
          timeText(v.eventTimeToMs),
        ]);
        const next =
          versions.length === 0
            ? `millrace ingest ${project} --file FILE`
            : await versionCommand(context.control, project);
        context.print(
          versions,
          (width) => (versions.length === 0 ? 'no dataset version yet' : table(heads, cells, width)),
          [next],
        );
        return 0;
      }),
    );

  dlqCommands(program);
}
