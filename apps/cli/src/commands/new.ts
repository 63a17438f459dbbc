// new: from a file of rows to a project file that says why it is as it is.

import { existsSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, relative, resolve } from 'node:path';
import { createInterface, type Interface } from 'node:readline/promises';
import { counted, PlatformError, systemClock } from '@millrace/domain';
import { checkFile, firstBytesOf, missingFile } from '@millrace/files';
import {
  doubtOf,
  type OpenRole,
  type Proposal,
  parseProject,
  projectText,
  propose,
  TIME_FORMATS,
  type TimeFormat,
  type Wishes,
} from '@millrace/project';
import { formatOf } from '@millrace/tabular';
import { type Command, Option } from 'commander';
import { choicesText, columnsTable, nextCommands, shellWord } from '../new/found.js';
import { askDecimal, proposeWith, type Terminal, withCommas } from '../new/questions.js';
import { readTable } from '../new/read-any-table.fs.js';
import type { ReadTable } from '../new/read-table.js';
import { PROJECT_FILE, projectHere, projectNameIn } from '../project-file.fs.js';
import { action, type Context, controlOf } from './context.js';
import { type CsvOptions, withCsvOptions } from './csv-options.js';
import { stepsBeside } from './project-beside.js';

interface NewOptions extends CsvOptions {
  name?: string;
  label?: string | false;
  entity?: string | false;
  eventTime?: string | false;
  recordId?: string | false;
  features?: string;
  leaveOut?: string;
  dateFormat?: TimeFormat;
  yes?: boolean;
  output: string;
  force?: boolean;
}

export function newCommand(program: Command): void {
  withCsvOptions(program.command('new'))
    .description('reads a CSV, NDJSON or Parquet file and writes a project file for it, with the reason of each choice')
    .argument('<file>')
    .option('--name <name>', "the project's name; default: the file's")
    .option('--label <column>', 'the outcome: COLUMN, or COLUMN=VALUE, !=, >, >=, <, <=')
    .option('--no-label', 'there is none: nothing is trained, inputs and scores are watched')
    .option('--entity <column>', 'names what several rows are about')
    .option('--no-entity', 'there is none')
    .option('--event-time <column>', 'says when a row happened')
    .option('--no-event-time', 'there is none')
    .option('--record-id <column>', 'identifies a row')
    .option('--no-record-id', 'there is none')
    .option('--features <columns>', 'what the model reads, separated by commas; default: all that can be learnt from')
    .option('--leave-out <columns>', 'no features, such as what is known only after the outcome')
    .addOption(
      new Option('--date-format <format>', 'of dates that could be read in two ways').choices([...TIME_FORMATS]),
    )
    .option('--yes', 'take the best guess where nothing is said, and ask nothing')
    .option('--output <file>', 'where to write', 'project.yaml')
    .option('--force', 'write over a file that is there')
    .action(action(run));
}

async function run(context: Context, file: string, options: NewOptions): Promise<number> {
  checkFile(file);
  formatOf(basename(file), await firstBytesOf({ path: resolve(file), name: file }));
  const output = resolve(options.output);
  if (statSync(output, { throwIfNoEntry: false })?.isDirectory())
    throw new PlatformError('invalid_argument', `--output ${options.output} is a folder: name a file in it`);
  if (!existsSync(dirname(output)))
    throw missingFile(dirname(options.output), 'folder', `make it for ${options.output}`);
  if (existsSync(output) && options.force !== true) {
    const name = projectNameIn(output);
    const whose = name === undefined ? '' : `, of project '${name}'`;
    throw new PlatformError(
      'already_exists',
      `${relative(process.cwd(), output)} is there already${whose}; --force writes over it, --output writes elsewhere`,
    );
  }
  const asWritten = await readTable(resolve(file), options);
  const decimal = options.decimal ?? (await decimalMeant(asWritten, options));
  const isGuess = decimal !== options.decimal;
  const read = isGuess ? await readTable(resolve(file), { ...options, decimal }) : asWritten;
  const proposal = await decide(read, basename(file), options, isGuess).catch((thrown: unknown) => {
    throw withWarnings(PlatformError.from(thrown), read.warnings);
  });
  const text = projectText(proposal, basename(file));
  const parsed = parseProject(text, options.output);
  if (parsed.kind === 'invalid') {
    const lines = parsed.faults.map((fault) => `  ${fault.path}: ${fault.message}`);
    throw new PlatformError('invalid_argument', `no project can be made of that:\n${lines.join('\n')}`);
  }
  try {
    writeFileSync(output, text);
  } catch (thrown) {
    // What fails as it is written, not as it is opened, does not say which file.
    throw Object.assign(thrown as Error, { path: output });
  }
  const guessed = [...(isGuess ? ['decimal comma'] : []), ...proposal.open];
  const { project, document } = parsed;
  const columns = project.data.columns.map(({ name }) => name);
  const steps = stepsBeside(project.name, document, columns, {
    output: options.output,
    isHere: output === resolve(PROJECT_FILE),
    here: projectHere(),
    applied: await appliedAs(context, project.name),
  });
  report(context, proposal, read, file, options, { guessed, ...steps });
  return 0;
}

/** Nothing here needs the platform: where it is not up, nothing is applied. */
const PLATFORM_WITHIN_MS = 2_000;

async function appliedAs({ settings }: Context, project: string): Promise<unknown> {
  try {
    const known = await controlOf(settings, PLATFORM_WITHIN_MS).projects();
    return known.find(({ name }) => name === project)?.document;
  } catch {
    return undefined;
  }
}

/** Of the columns that the project names, and of those that are left out for the same reason. */
function doubts({ columns }: Proposal): string[] {
  return columns.flatMap(({ profile, spec }) => {
    const doubt = spec === null && profile.nearNumbers === undefined ? undefined : doubtOf(profile);
    return doubt === undefined ? [] : [`'${profile.name}': ${doubt}`];
  });
}

/** What was left out of the file may be why nothing can be made of it. */
function withWarnings(error: PlatformError, warnings: readonly string[]): PlatformError {
  if (error.code !== 'invalid_argument' || warnings.length === 0) return error;
  const { code, reason, facts } = error;
  return new PlatformError(code, [reason, ...warnings].join('\n  '), { facts, cause: error });
}

const listOf = (text: string | undefined) => text?.split(',').map((one) => one.trim());

/** Whether somebody is there to ask. */
const asks = ({ yes }: NewOptions) => yes !== true && process.stdin.isTTY && process.stderr.isTTY;

/** The comma, where numbers have one; undefined = as it was read. 1,234 may be a thousand: a person says it. */
async function decimalMeant({ profile }: ReadTable, options: NewOptions): Promise<',' | undefined> {
  if (withCommas(profile).length === 0) return undefined;
  if (!asks(options)) return ',';
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await askDecimal(terminalOf(lines), withCommas(profile));
  } finally {
    lines.close();
  }
}

const terminalOf = (lines: Interface): Terminal => ({
  say: (text) => process.stderr.write(`${text}\n`),
  ask: async (text) => (await lines.question(text)).trim(),
});

async function decide(read: ReadTable, fileName: string, options: NewOptions, isComma: boolean): Promise<Proposal> {
  const { name, label, entity, eventTime, recordId } = options;
  const wishes: Wishes = {
    name,
    label,
    entity,
    eventTime,
    recordId,
    features: listOf(options.features),
    leaveOut: listOf(options.leaveOut),
  };
  const nowMs = systemClock.nowMs();
  if (asks(options)) {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await proposeWith(terminalOf(lines), read.profile, fileName, wishes, nowMs);
    } finally {
      lines.close();
    }
  }
  const proposal = propose(read.profile, fileName, wishes, nowMs);
  const open = [
    ...(isComma ? ['--decimal , because numbers have a comma, which might part thousands; or --decimal .'] : []),
    ...proposal.open.map((role) => openText(role, proposal)),
  ];
  if (options.yes === true || open.length === 0) return proposal;
  const shown = open.map((one) => `  ${one}`).join('\n');
  throw new PlatformError('invalid_argument', `not clear from the file alone; --yes takes these:\n${shown}`);
}

function openText(role: OpenRole, { label, eventTime, entity }: Proposal): string {
  if (role === 'label' && label !== null) {
    const { rule, why } = label;
    const wish = rule.operation === 'identity' ? rule.column : `${rule.column}=${rule.value}`;
    return `--label ${shellWord(wish)}, because ${why}`;
  }
  const { column, why } = role === 'entity' ? entity : eventTime;
  const option = role === 'entity' ? 'entity' : 'event-time';
  return `--${option} ${shellWord(column?.name ?? '')}, because ${why}; or --no-${option}`;
}

interface Told {
  readonly guessed: readonly string[];
  readonly warnings: readonly string[];
  /** Commands before `ingest`. */
  readonly first: readonly string[];
}

function report(
  context: Context,
  proposal: Proposal,
  read: ReadTable,
  file: string,
  options: NewOptions,
  { guessed, warnings: besides, first }: Told,
): void {
  const more = [
    ...(options.delimiter === undefined ? [] : ['--delimiter', shellWord(options.delimiter)]),
    ...(options.encoding === undefined ? [] : ['--encoding', shellWord(options.encoding)]),
  ];
  const next = [...first, ...nextCommands(proposal, read.profile, read.records, file, more)];
  const { name, rows, columns } = proposal;
  const warnings = [...read.warnings, ...doubts(proposal), ...besides];
  const answer = {
    name,
    rows,
    file: options.output,
    columns: columns.map(({ profile, role, why }) => ({
      name: profile.name,
      type: profile.type,
      missing: rows - profile.present,
      distinct: profile.distinct,
      examples: profile.examples,
      role,
      why,
    })),
    guessed,
    warnings,
    next,
  };
  const text = (width: number | undefined) =>
    [
      ...warnings.map((warning) => `warning: ${warning}`),
      `${file}: ${counted(rows, 'row')}${read.isAll ? '' : ' (the first; the rest was not looked at)'}, ${counted(columns.length, 'column')}`,
      '',
      columnsTable(proposal, width),
      '',
      choicesText(proposal),
      ...(guessed.length === 0
        ? []
        : [`taken as the best guess: ${guessed.join(', ')}; look at it in ${options.output}`]),
      '',
      `wrote ${options.output} (project ${name})`,
    ].join('\n');
  context.print(answer, text, next);
}
