// apply, datasets: what belongs to ingest, beside its loads and dead letters.

import { resolve } from 'node:path';
import { columnsOf, columnText } from '@millrace/project';
import type { Command } from 'commander';
import { readTable } from '../new/read-any-table.fs.js';
import { applyText, loadProjectFile, openSources } from '../project-file.fs.js';
import { table } from '../table.js';
import { action } from './context.js';
import { dlqCommands } from './dlq.js';
import { ingestCommand } from './ingest.js';

export function dataCommands(program: Command): void {
  program
    .command('apply')
    .description('checks a project file and hands it to the platform')
    .argument('[file]', 'the project file', 'project.yaml')
    .option(
      '--infer <sample>',
      'print the columns of a CSV, NDJSON or Parquet file instead of applying; needs no running platform',
    )
    .option('--check', 'only check; needs no running platform')
    .action(
      action(async (context, file: string, options: { infer?: string; check?: boolean }) => {
        if (options.infer) {
          const { profile } = await readTable(resolve(options.infer), {});
          const columns = columnsOf(profile);
          context.print({ columns, rows: profile.rows }, () => columns.map(columnText).join('\n'));
          return 0;
        }
        const loaded = loadProjectFile(file);
        if (options.check) {
          context.print({ name: loaded.project.name, faults: [] }, () => `${file}: no faults`);
          return 0;
        }
        await openSources(context.settings.home, loaded);
        const applied = await context.control.applyProject(applyText(loaded));
        context.print(applied, () => `applied ${applied.name}, revision ${applied.revision}`);
        return 0;
      }),
    );

  ingestCommand(program);

  program
    .command('datasets')
    .description('lists dataset versions')
    .argument('<project>')
    .action(
      action(async (context, project: string) => {
        const versions = await context.control.datasets(project);
        context.print(versions, () =>
          table(
            ['#', 'id', 'kind', 'rows', 'labelled', 'from', 'to'],
            versions.map((v) => [
              v.ordinal,
              v.id.slice(0, 12),
              v.kind,
              v.rows,
              v.labelledRows,
              iso(v.eventTimeFromMs),
              iso(v.eventTimeToMs),
            ]),
          ),
        );
        return 0;
      }),
    );

  dlqCommands(program);
}

function iso(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16);
}
