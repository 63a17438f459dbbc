// apply, projects: what the platform knows of projects, and how one comes and goes.

import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { openArtifactStore } from '@millrace/artifacts';
import { PlatformError } from '@millrace/domain';
import { columnsOf, columnText } from '@millrace/project';
import type { Command } from 'commander';
import { readTable } from '../new/read-any-table.fs.js';
import { OVERVIEW_HEAD, overviewRow, projectOverviews } from '../overview/project-overview.js';
import { applyText, loadProjectFile, openSources } from '../project-file.fs.js';
import { table } from '../table.js';
import { action, type Context } from './context.js';
import { projectName } from './option-values.js';
import { type Said, said, withSaid } from './said-options.js';

/** A project's file keeps no names. */
const IN_AUDIT = { by: 'who asks; kept in the audit', reason: 'why; kept in the audit' };

export function projectCommands(program: Command): void {
  withSaid(program.command('apply'), IN_AUDIT)
    .description('checks a project file and hands it to the platform')
    .argument('[file]', 'the project file', 'project.yaml')
    .option(
      '--infer <sample>',
      'print the columns of a CSV, NDJSON or Parquet file instead of applying; needs no running platform',
    )
    .option('--check', 'only check; needs no running platform')
    .action(action(apply));

  const projects = program.command('projects').description('the projects of this platform');
  projects
    .command('list')
    .description('lists projects: rows, versions, the version in service, alarms that last, phase of the loop')
    .action(
      action(async (context) => {
        const all = await projectOverviews(context.control);
        context.print(
          all,
          (width) => (all.length === 0 ? 'no project yet' : table(OVERVIEW_HEAD, all.map(overviewRow), width)),
          [all.length === 0 ? 'millrace new FILE' : 'millrace status'],
        );
        return 0;
      }),
    );
  withSaid(projects.command('delete'), IN_AUDIT)
    .description('forgets a project: nothing is taken in, answered, watched or retrained for it; its files stay')
    .argument('<project>', 'its name', projectName)
    .option('--yes', 'do not ask for its name')
    .action(
      action(async (context, project: string, options: Said & { yes?: boolean }) => {
        if (!options.yes) await confirmed(project);
        const removed = await context.control.removeProject(project, said(options));
        context.print(
          removed,
          () =>
            `${removed.name} is deleted; its dataset versions and model packages stay in ${openArtifactStore(context.settings.artifacts).place}`,
          ['millrace projects list'],
        );
        return 0;
      }),
    );
}

/** Whether a person meant it: the name once more. */
async function confirmed(project: string): Promise<void> {
  if (!process.stdin.isTTY)
    throw new PlatformError('invalid_argument', `deleting ${project} has to be meant: add --yes`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const typed = await terminal.question(`Type ${project} to delete it: `);
  terminal.close();
  if (typed.trim() !== project) throw new PlatformError('cancelled', `${project} is not deleted`);
}

async function apply(context: Context, file: string, options: Said & { infer?: string; check?: boolean }) {
  if (options.infer) {
    const { profile } = await readTable(resolve(options.infer), {});
    const columns = columnsOf(profile);
    context.print({ columns, rows: profile.rows }, () => columns.map(columnText).join('\n'));
    return 0;
  }
  const loaded = loadProjectFile(file, 'write `millrace apply FILE`');
  const { name, data } = loaded.project;
  if (options.check) {
    context.print({ name, faults: [] }, () => `${file}: no faults`, [`millrace apply ${file}`]);
    return 0;
  }
  await openSources(context.settings.home, loaded);
  const applied = await context.control.applyProject(applyText(loaded), said(options));
  const source = Object.keys(data.sources)[0];
  const next =
    source === undefined ? `millrace ingest ${name} --file FILE` : `millrace ingest ${name} --source ${source}`;
  context.print(applied, () => `applied ${applied.name}, revision ${applied.revision}`, [next]);
  return 0;
}
