// apply, ingest, datasets, dlq: what belongs to ingest.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { applyText, loadProjectFile } from '../project-file.fs.js';
import { table } from '../table.js';
import { action, poll } from './context.js';

const IMPORT_DEADLINE_MS = 3_600_000;

export function dataCommands(program: Command): void {
  program
    .command('apply')
    .description('checks a project file and hands it to the platform')
    .argument('[file]', 'the project file', 'project.yaml')
    .option('--infer <sample>', 'print columns inferred from a JSON or NDJSON sample instead of applying')
    .option('--check', 'only check; needs no running platform')
    .action(
      action(async (context, file: string, options: { infer?: string; check?: boolean }) => {
        if (options.infer) {
          const answer = await context.control.inferColumns('new', readSample(options.infer));
          context.print(answer, () => JSON.stringify(answer, null, 2));
          return 0;
        }
        const loaded = loadProjectFile(file);
        if (options.check) {
          context.print({ name: loaded.project.name, faults: [] }, () => `${file}: no faults`);
          return 0;
        }
        const applied = await context.control.applyProject(applyText(loaded));
        context.print(applied, () => `applied ${applied.name}, revision ${applied.revision}`);
        return 0;
      }),
    );

  program
    .command('ingest')
    .description('loads records: a source of the project file in bulk, or a JSON/NDJSON file of records')
    .argument('<project>')
    .option('--source <name>', 'a source of the project file')
    .option('--from <date>', 'event time from')
    .option('--to <date>', 'event time to (exclusive)')
    .option('--rows <count>', 'choose this many rows by a seeded hash')
    .option('--file <path>', 'JSON array or NDJSON of records')
    .action(
      action(async (context, project: string, options: Record<string, string | undefined>) => {
        if (options.file) {
          const answer = await context.control.sendRecords(project, readSample(options.file));
          context.print(answer, () => `${answer.accepted} accepted, ${answer.rejected.length} refused`);
          return answer.rejected.length > 0 ? 1 : 0;
        }
        const { importId } = await context.control.startImport(project, {
          source: options.source ?? '',
          ...(options.from ? { fromMs: Date.parse(options.from) } : {}),
          ...(options.to ? { toMs: Date.parse(options.to) } : {}),
          ...(options.rows ? { rows: Number(options.rows) } : {}),
        });
        const state = await poll(
          async () => {
            const now = await context.control.importState(project, importId);
            return now.state === 'running' || (now.state === 'done' && !now.datasetVersion) ? undefined : now;
          },
          'the import',
          IMPORT_DEADLINE_MS,
        );
        context.print(
          state,
          () =>
            `${state.state}: ${state.accepted} accepted, ${state.rejected} refused, dataset version ${state.datasetVersion ?? 'none'}`,
        );
        return state.state === 'done' ? 0 : 1;
      }),
    );

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

  const dlq = program.command('dlq').description('dead letters: what was refused, and why');
  dlq
    .command('list')
    .description('lists dead letters, newest first')
    .argument('<project>')
    .option('--limit <count>', 'newest first', '50')
    .action(
      action(async (context, project: string, options: { limit: string }) => {
        const { deadLetters: letters } = await context.control.deadLetters(project, Number(options.limit));
        context.print(letters, () =>
          table(
            ['id', 'source', 'reasons'],
            letters.map((letter) => [
              String(letter.id).slice(0, 16),
              String(letter.source),
              ((letter.reasons ?? []) as { field: string; message: string }[])
                .map((r) => `${r.field}: ${r.message}`)
                .join('; '),
            ]),
          ),
        );
        return 0;
      }),
    );
  dlq
    .command('redrive')
    .description('takes a dead letter in again')
    .argument('<id>')
    .action(
      action(async (context, id: string) => {
        const answer = await context.control.redrive(id);
        context.print(answer, () => 'redriven');
        return 0;
      }),
    );
}

function readSample(path: string): unknown {
  const text = readFileSync(resolve(path), 'utf8').trim();
  if (text.startsWith('[')) return JSON.parse(text);
  return text.split('\n').map((line) => JSON.parse(line));
}

function iso(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16);
}
