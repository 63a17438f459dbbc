// datasets, and what goes into ingest and what came of it.

import { timeText } from '@millrace/domain';
import type { Command } from 'commander';
import { shownId } from '../ids.js';
import { versionCommand } from '../overview/version-command.js';
import { versionSource } from '../overview/version-source.js';
import { table } from '../table.js';
import { action } from './context.js';
import { dlqCommands } from './dlq.js';
import { ingestCommand } from './ingest.js';
import { projectName, wholeNumber } from './option-values.js';

const LIMIT_MAX = 1_000;

export function dataCommands(program: Command): void {
  ingestCommand(program);

  program
    .command('datasets')
    .description('lists dataset versions')
    .argument('<project>', 'its name', projectName)
    .option('--limit <count>', 'newest dataset versions', wholeNumber(1, LIMIT_MAX), 100)
    .option('--before <number>', 'of those before this number (#)', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .action(
      action(async (context, project: string, { limit, before }: { limit: number; before?: number }) => {
        const page = await context.control.datasetsPage(project, limit, before);
        const { datasets: versions, total } = page;
        const older =
          page.before === null ? [] : [`millrace datasets ${project} --before ${page.before}   # older ones`];
        const heads = ['#', 'id', 'kind', 'of', 'rows', 'labelled', 'repeated', 'from', 'to'];
        const cells = versions.map((v) => [
          v.ordinal,
          shownId(v.id),
          v.kind,
          versionSource(v),
          v.rows,
          v.labelledRows,
          v.repeatedRows,
          timeText(v.eventTimeFromMs),
          timeText(v.eventTimeToMs),
        ]);
        const next =
          total === 0 ? `millrace ingest ${project} --file FILE` : await versionCommand(context.control, project);
        context.print(
          versions,
          (width) => {
            if (total === 0) return 'no dataset version yet';
            const shown = versions.length === 0 ? `none before ${before}` : table(heads, cells, width);
            return versions.length < total ? `${shown}\n${versions.length} of ${total} shown` : shown;
          },
          [...older, next],
        );
        return 0;
      }),
    );

  dlqCommands(program);
}
