// ingest: a file, or a source of the project file, as one dataset version; or records of a file into the live stream.

import { resolve } from 'node:path';
import { counted, fileIdOf, PlatformError } from '@millrace/domain';
import { checkFile } from '@millrace/files';
import { TABLE_FORMATS } from '@millrace/tabular';
import type { Command } from 'commander';
import type { ImportState } from '../client/control.http.js';
import { EXIT_FAILED, EXIT_OK } from '../exit-codes.js';
import { type ImportOptions, importReport, importTerms, isMostlyRefused } from '../ingest/import-report.js';
import { toMend } from '../ingest/mend-hints.js';
import { partlySent } from '../ingest/partly-sent.js';
import { recordFile } from '../ingest/record-file.fs.js';
import { recordSlices } from '../ingest/record-slices.js';
import { refusalLines } from '../ingest/stream-refusals.js';
import { uploadFile } from '../ingest/upload.fs.js';
import { versionCommand } from '../overview/version-command.js';
import type { Stage } from '../terminal/stage.js';
import { applyHere } from './apply-here.js';
import { action, type Context, poll } from './context.js';
import { withCsvOptions } from './csv-options.js';
import { oneOf, projectName, ROWS_MAX, SEED_MAX, time, wholeNumber, wholeNumberOr } from './option-values.js';

const IMPORT_DEADLINE_MS = 86_400_000;

export function ingestCommand(program: Command): void {
  withCsvOptions(program.command('ingest'))
    .description('loads a file, or a source of the project file, as one dataset version')
    .argument('<project>', 'its name', projectName)
    .option('--file <path>', 'a CSV, NDJSON or Parquet file; its contents are sent, and go on where they stopped')
    .option('--source <name>', 'a source of the project file instead')
    .option('--format <format>', 'csv, ndjson or parquet; default: by contents and name', oneOf(TABLE_FORMATS))
    .option('--from <date>', 'event time from', time)
    .option('--to <date>', 'event time to (exclusive)', time)
    .option('--rows <count>', 'choose this many rows by a seeded hash, or "all"', wholeNumberOr('all', 1, ROWS_MAX))
    .option('--seed <number>', 'of that choice', wholeNumber(0, SEED_MAX))
    .option('--stream', 'sends the records of a JSON or NDJSON file into the live stream instead')
    .action(
      action(async (context, project: string, options: ImportOptions) => {
        const { file, source, stream } = options;
        if ((file === undefined) === (source === undefined))
          throw new PlatformError('invalid_argument', 'name either --file FILE or --source NAME');
        if (stream && file === undefined)
          throw new PlatformError('invalid_argument', '--stream sends a file: --file FILE --stream');
        const { from, to } = options;
        if (from !== undefined && to !== undefined && from >= to)
          throw new PlatformError(
            'invalid_argument',
            '--from is not before --to, which is exclusive: write it earlier',
          );
        const terms = importTerms(options);
        if (stream && Object.keys(terms).length > 0)
          throw new PlatformError('invalid_argument', '--stream takes the file as it is, without further options');
        if (file !== undefined) checkFile(file);
        await applyHere(context, project);
        await refuseUnknown(context, project);
        if (stream) return sendRecords(context, project, file as string);
        const status =
          file === undefined
            ? await imported(context, project, source as string, { source, ...terms })
            : await importFile(context, project, file, terms);
        const isGood = status.state === 'done' && !isMostlyRefused(status);
        const next = isGood ? [await versionCommand(context.control, project)] : toMend(options, status);
        context.print(status, () => importReport(file ?? (source as string), status), next);
        return isGood ? EXIT_OK : EXIT_FAILED;
      }),
    );
}

/** The stage's result; what it failed of is told by who catches it. */
async function staged<T>(
  stage: Stage,
  work: Promise<T>,
  told: (result: T) => string,
  isGood: (result: T) => boolean = () => true,
): Promise<T> {
  try {
    const result = await work;
    if (isGood(result)) stage.done(told(result));
    else stage.fail(told(result));
    return result;
  } catch (thrown) {
    stage.fail('not done');
    throw thrown;
  }
}

const bytesText = (bytes: number) =>
  bytes < 100_000 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

function upload({ control, stages }: Context, project: string, file: string): Promise<string> {
  const stage = stages().stage('send', file);
  let size = 0;
  // Half of the way is the hash.
  const sent = uploadFile(control, project, resolve(file), {
    hashed: (bytes, of) => stage.progress(bytes, 2 * of, `looking at ${bytesText(of)}`),
    sent: (bytes, of) => {
      size = of;
      stage.progress(of + bytes, 2 * of, `${bytesText(bytes)} of ${bytesText(of)}`);
    },
  });
  return staged(stage, sent, () => bytesText(size));
}

/** Before a file is looked at from its first byte to its last. */
async function refuseUnknown({ control }: Context, project: string): Promise<void> {
  const known = await control.projects();
  if (known.some(({ name }) => name === project)) return;
  throw new PlatformError('not_found', `no project '${project}'`, { facts: { project } });
}

type ImportTerms = Parameters<Context['control']['startImport']>[1];

/** A file as one dataset version: its contents are sent and imported. */
export async function importFile(
  context: Context,
  project: string,
  file: string,
  terms: ImportTerms,
): Promise<ImportState> {
  context.whenStopped('the same command goes on where it stopped');
  const sent = await upload(context, project, file);
  return imported(context, project, file, { upload: sent, ...terms });
}

async function imported(
  { control, stages, whenStopped }: Context,
  project: string,
  what: string,
  terms: ImportTerms,
): Promise<ImportState> {
  const { importId } = await control.startImport(project, terms);
  whenStopped(`the import goes on without it; \`millrace datasets ${project}\` lists what comes of it`);
  const stage = stages().stage('ingest', `${what} → ${project}`);
  const end = poll(
    async () => {
      const now = await control.importState(project, importId).catch((thrown: unknown) => {
        throw ofAnother(thrown);
      });
      stage.progress(now.rowsRead, now.rowsChosen, `${counted(now.accepted, 'row')} accepted, ${now.rejected} refused`);
      return now.state === 'running' ? undefined : now;
    },
    'the import',
    IMPORT_DEADLINE_MS,
  );
  return staged(
    stage,
    end,
    ({ accepted, rejected }) => `${counted(accepted, 'row')}${rejected === 0 ? '' : `, ${rejected} refused`}`,
    (ended) => ended.state === 'done' && !isMostlyRefused(ended),
  );
}

/** An import that was begun is known to the process that has it: others that answer for it do not know it. */
function ofAnother(thrown: unknown): PlatformError {
  const error = PlatformError.from(thrown);
  if (error.code !== 'not_found') return error;
  return new PlatformError('unavailable', `the process that has the import does not answer: ${error.reason}`, {
    cause: thrown,
  });
}

async function sendRecords({ control, print }: Context, project: string, file: string): Promise<number> {
  const { records, sha256 } = recordFile(file);
  // As the rows of an import are called that have no id of their own.
  const clientId = fileIdOf(sha256);
  let accepted = 0;
  const rejected: Awaited<ReturnType<typeof control.sendRecords>>['rejected'][number][] = [];
  try {
    for (const { at, records: part } of recordSlices(records)) {
      const answer = await control.sendRecords(project, part, { clientId, sequence: at + 1 });
      accepted += answer.accepted;
      rejected.push(...answer.rejected.map((one) => ({ ...one, index: at + one.index })));
    }
  } catch (thrown) {
    throw partlySent(thrown, accepted, 'records');
  }
  print(
    { accepted, rejected },
    () =>
      [
        `${file}: ${counted(accepted, 'record')} accepted, ${rejected.length} refused`,
        ...refusalLines(rejected, records),
      ].join('\n'),
    [rejected.length > 0 ? `millrace dlq list ${project}` : `millrace datasets ${project}`],
  );
  return rejected.length > 0 ? EXIT_FAILED : EXIT_OK;
}
