// predict: one row through the router; every row of a file through the router, serving or any V2 server; every message
// of a topic by a job of serving.

import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { counted, EVENT_TIME_AHEAD_MS_MAX, PlatformError, predictionId, systemClock } from '@millrace/domain';
import { checkFile, missingFile } from '@millrace/files';
import type { InferClient } from '@millrace/grpc';
import { plainOutputs, type TensorSpec } from '@millrace/inference';
import { type Project, probableText, projectFromDocument } from '@millrace/project';
import { csvTerms } from '@millrace/tabular';
import type { Command } from 'commander';
import { shellWord } from '../new/found.js';
import { BatchPrediction } from '../predict/batch-prediction.js';
import { isFilledIn, isWhole, rowOf, tensorsOf } from '../predict/one-row.js';
import { type Beside, type RowBlock, withBeside } from '../predict/row-block.js';
import type { TableFiles } from '../predict/table-files.duckdb.js';
import { loadProjectFile } from '../project-file.fs.js';
import { action, type Context, poll } from './context.js';
import { type CsvOptions, withCsvOptions } from './csv-options.js';
import { endpoint, time, VERSION_MAX, wholeNumber } from './option-values.js';

interface PredictOptions extends CsvOptions {
  row?: string;
  entity: string;
  id?: string;
  eventTime?: number;
  byEventTime?: boolean;
  input?: string;
  output?: string;
  modelVersion: string;
  via: string;
  project?: string;
  rowsPerRequest: number;
  inFlight: number;
  inputTopic?: string;
  outputTopic?: string;
  job?: string;
  follow?: boolean;
}

const ROWS_PER_REQUEST_MAX = 1_000_000;
const IN_FLIGHT_MAX = 256;
/** The command gives up waiting; the job goes on. */
const JOB_DEADLINE_MS = 86_400_000;

export function predictCommand(program: Command): void {
  withCsvOptions(program.command('predict'))
    .description('predicts one row, every row of a Parquet, CSV or NDJSON file, or every message of a topic')
    .argument('<model>', 'a project, or a model of the repository')
    .option('--row <json>', 'feature values as a JSON object')
    .option('--entity <key>', 'sticky key of the row; default: its column of the project’s entity', '')
    .option('--id <id>', 'of the row, under which labels find it; default: its record id')
    .option('--event-time <time>', 'event time of the row; derived features are filled from it; default: now', time)
    .option('--input <file>', 'a Parquet, CSV or NDJSON file whose columns are named as the inputs')
    .option(
      '--output <file>',
      'gets all columns of the input, the outputs, prediction_id and prediction_error (.parquet or .csv)',
    )
    .option('--by-event-time', 'rows of a file count in the windows of their own event time; default: of the answer')
    .option('--model-version <version>', 'default: what the route says', versionText, '')
    .option('--via <endpoint>', 'router, serving, or host:port of a V2 gRPC endpoint', endpoint, 'router')
    .option(
      '--project <file>',
      'a project file: which columns are derived, which texts are missing; default: the applied one',
    )
    .option('--input-topic <topic>', 'a Kafka topic of rows, by its full name; a job of serving reads it')
    .option('--output-topic <topic>', 'gets an answer for each message')
    .option('--job <name>', 'the same name goes on where it stopped; default: made of model and topics')
    .option('--follow', 'the job goes on with later messages; the command returns once it has started')
    .option('--rows-per-request <count>', 'rows of one request', wholeNumber(1, ROWS_PER_REQUEST_MAX), 1_024)
    .option('--in-flight <count>', 'requests at a time', wholeNumber(1, IN_FLIGHT_MAX), 4)
    .action(
      action(async (context, model: string, options: PredictOptions, command: Command) => {
        const form = formOf(command);
        if (form === 'row') return predictRow(context, model, options);
        if (form === 'file') return predictFile(context, model, options, String(options.input), String(options.output));
        return predictTopic(context, model, options, String(options.inputTopic), String(options.outputTopic));
      }),
    );
}

const versionText = (text: string): string => String(wholeNumber(1, VERSION_MAX)(text));

/** What each form needs, and what it takes besides. */
const FORMS = {
  row: { needs: ['row'], takes: ['entity', 'id', 'eventTime', 'modelVersion', 'via'] },
  file: {
    needs: ['input', 'output'],
    takes: [
      ...['modelVersion', 'via', 'project', 'byEventTime', 'rowsPerRequest', 'inFlight'],
      ...['delimiter', 'decimal', 'encoding'],
    ],
  },
  topic: { needs: ['inputTopic', 'outputTopic'], takes: ['modelVersion', 'job', 'follow'] },
} as const;

/** Throws invalid_argument where the options belong to none or to several: none may be without effect. */
function formOf(command: Command): keyof typeof FORMS {
  const given = command.options
    .map((option) => option.attributeName())
    .filter((name) => command.getOptionValueSource(name) === 'cli');
  const flag = (name: string) => command.options.find((option) => option.attributeName() === name)?.long;
  const forms = Object.entries(FORMS) as [keyof typeof FORMS, { needs: readonly string[]; takes: readonly string[] }][];
  const [form, one] = forms.find(([, { needs }]) => needs.some((name) => given.includes(name))) ?? [];
  const lacks = one?.needs.filter((name) => !given.includes(name)) ?? [];
  if (form === undefined || one === undefined || lacks.length > 0) {
    throw new PlatformError(
      'invalid_argument',
      `${lacks.length > 0 ? `${lacks.map(flag).join(', ')} is missing: ` : ''}give --row JSON, or --input FILE and --output FILE, or --input-topic and --output-topic`,
    );
  }
  const idle = given.filter((name) => !one.needs.includes(name) && !one.takes.includes(name));
  if (idle.length === 0) return form;
  const named = `${idle.map(flag).join(', ')} ${idle.length === 1 ? 'does' : 'do'} not go with ${one.needs.map(flag).join(' and ')}`;
  throw new PlatformError('invalid_argument', `${named}: leave ${idle.length === 1 ? 'it' : 'them'} out`);
}

/** Of the platform, which knows the project and watches what is predicted. */
const isOwn = (via: string): boolean => via === 'router' || via === 'serving';

function endpointOf(context: Context, via: string): string {
  const { routerGrpc, servingGrpc } = context.settings.addresses;
  return via === 'router' ? routerGrpc : via === 'serving' ? servingGrpc : via;
}

/** Loaded where it is wanted: gRPC is a third of a command's start. */
async function inferClient(context: Context, via: string): Promise<InferClient> {
  const { InferClient } = await import('@millrace/grpc');
  return new InferClient(endpointOf(context, via));
}

async function predictFile(
  context: Context,
  model: string,
  options: PredictOptions,
  input: string,
  output: string,
): Promise<number> {
  const { rowsPerRequest, inFlight } = options;
  const [from, to] = [resolve(input), resolve(output)];
  checkFile(input);
  if (from === to) throw new PlatformError('invalid_argument', 'input and output are the same file');
  if (!/\.(parquet|pq|csv)$/i.test(to))
    throw new PlatformError('invalid_argument', `${output}: name a .parquet or .csv file`);
  if (!existsSync(dirname(to))) throw missingFile(dirname(output), 'folder', `make it for ${output}`);
  const own = options.via === 'router' || options.via === 'serving';
  const project =
    options.project !== undefined
      ? loadProjectFile(options.project).project
      : own
        ? await projectNamed(context, model)
        : undefined;
  const decimal = options.decimal ?? project?.data.decimal;
  const terms = csvTerms({ ...options, ...(decimal === undefined ? {} : { decimal }) });
  const client = await inferClient(context, options.via);
  let files: TableFiles | undefined;
  context.whenStopped(`${output} is not written`);
  const stage = context.stages().stage('predict', `${model}: ${input} → ${output}`);
  try {
    const metadata = await client.metadata(model, options.modelVersion);
    const tables = await import('../predict/table-files.duckdb.js');
    const names = metadata.inputs.map(({ name }) => name);
    files = await tables.TableFiles.open(from, terms, names);
    for (const warning of files.warnings) process.stderr.write(`warning: ${warning}\n`);
    const sources = files.sources(metadata.inputs, project);
    for (const warning of lackingInputs(files, sources, metadata.inputs, project, input))
      process.stderr.write(`warning: ${warning}\n`);
    const beside = besideOf(files, project, options, input);
    const { recordId } = project?.data ?? {};
    const repeats = beside.some(([kind]) => kind === 'ids') ? await files.repeats(recordId as string) : 0;
    if (repeats > 0)
      process.stderr.write(
        `warning: ${counted(repeats, 'row')} of ${input} with a ${recordId} that an earlier one has: its label is for the first\n`,
      );
    const results = await files.results(metadata.outputs, own);
    const { rowsTotal } = files;
    const startedMs = systemClock.monotonicMs();
    const prediction = new BatchPrediction(
      {
        model,
        version: options.modelVersion,
        inputs: sources.map((source) => source.input),
        outputs: metadata.outputs,
        rowsPerRequest,
        inFlight,
        ...(project === undefined ? {} : { windowMs: project.monitoring.windowMs }),
      },
      {
        infer: (request) => client.infer(request),
        write: (rows) => results.append(rows),
        progress: (done, bad) => stage.progress(done, rowsTotal, `${done} rows${bad > 0 ? `, ${bad} refused` : ''}`),
        pause: (ms) => new Promise((wake) => setTimeout(wake, ms)),
        clock: systemClock,
      },
    );
    const read = files.read([...sources, ...beside.map(([, source]) => source)]);
    const outcome = await prediction.run(
      told(
        read,
        beside.map(([kind]) => kind),
      ),
    );
    results.close();
    const { unreadable } = files;
    await files.write(to);
    const seconds = (systemClock.monotonicMs() - startedMs) / 1_000;
    stage.done(`${outcome.predicted} of ${outcome.rows} rows predicted`);
    const summary = {
      model,
      input: from,
      output: to,
      ...outcome,
      unreadable: unreadable.lines,
      unreadableCount: unreadable.count,
      leftToServer: metadata.inputs.flatMap(({ name }) =>
        sources.some(({ input: { spec } }) => spec.name === name) ? [] : [name],
      ),
      seconds: Math.round(seconds * 1_000) / 1_000,
      rowsPerSecond: Math.round(outcome.rows / Math.max(seconds, 1e-3)),
    };
    const text = () =>
      [
        `${to}: ${counted(outcome.predicted, 'row')} predicted, ${outcome.bad} refused, ${counted(unreadable.count, 'line')} unreadable, ${summary.rowsPerSecond} rows/s`,
        ...outcome.badRows.map(({ row, error }) => `  row ${row}: ${error}`),
        ...unreadable.lines.slice(0, outcome.badRows.length + 20).map(({ line, error }) => `  line ${line}: ${error}`),
      ].join('\n');
    if (outcome.rows + unreadable.count === 0) process.stderr.write(`warning: ${input} has a header, and no rows\n`);
    context.print(summary, text, isOwn(options.via) ? nextAfter(model, outcome) : []);
    return outcome.bad + unreadable.count > 0 ? 1 : 0;
  } catch (thrown) {
    stage.fail('not done');
    throw thrown;
  } finally {
    files?.close();
    client.close();
  }
}

function nextAfter(model: string, { rows, predicted }: { rows: number; predicted: number }): string[] {
  if (rows === 0) return [];
  return [predicted > 0 ? `millrace drift ${model}` : `millrace predict ${model} --row '{}'   # names its inputs`];
}

/** What the model reads and the file has no column for. */
function lackingInputs(
  { columns }: TableFiles,
  sources: ReturnType<TableFiles['sources']>,
  inputs: readonly TensorSpec[],
  project: Project | undefined,
  input: string,
): string[] {
  const lacking = inputs.filter(({ name }) => {
    const source = sources.find(({ input: { spec } }) => spec.name === name);
    return source === undefined ? !isFilledIn(name, project) : source.isAbsent === true;
  });
  if (lacking.length === 0) return [];
  const names = lacking.map(({ name }) => `'${name}'`).join(', ');
  const taken = project === undefined ? '' : ' and which counts as missing in every row';
  return [`${input} has no column ${names}, which the model reads${taken}; it has ${[...columns.keys()].join(', ')}`];
}

/** Columns that say of a row what is no input: of the platform's own versions, which the monitor watches. */
function besideOf(
  files: TableFiles,
  project: Project | undefined,
  options: PredictOptions,
  input: string,
): (readonly [Beside, ReturnType<TableFiles['sources']>[number]])[] {
  const times = eventTimeOf(files, project, options, input).map((source) => ['times', source] as const);
  if (project === undefined || !isOwn(options.via)) return times;
  const { recordId, entity } = project.data;
  const named = (kind: Beside, column: string | undefined) => {
    const source = column === undefined ? undefined : files.nameSource(column, project);
    return source === undefined ? [] : [[kind, source] as const];
  };
  return [...times, ...named('ids', recordId), ...named('entities', entity)];
}

/** The file's column of event times, where rows are to count by it. Throws invalid_argument where there is none. */
function eventTimeOf(
  files: TableFiles,
  project: Project | undefined,
  { byEventTime }: PredictOptions,
  input: string,
): ReturnType<TableFiles['sources']> {
  if (byEventTime !== true) return [];
  const name = project?.data.eventTime;
  if (name === undefined)
    throw new PlatformError('invalid_argument', '--by-event-time: the project names no data.eventTime; leave it out');
  if (!files.columns.has(name))
    throw new PlatformError('invalid_argument', `--by-event-time: ${input} has no column '${name}', the event time`);
  return files.sources([{ name, datatype: 'INT64', shape: [-1] }], project);
}

async function* told(blocks: AsyncIterable<RowBlock>, kinds: readonly Beside[]): AsyncIterable<RowBlock> {
  for await (const block of blocks) yield withBeside(block, kinds);
}

/** Ctrl-C leaves the job running: it is serving's. */
async function predictTopic(
  context: Context,
  model: string,
  options: PredictOptions,
  input: string,
  output: string,
): Promise<number> {
  const { control } = context;
  const follow = options.follow === true;
  const started = await control.startJob({
    model,
    version: options.modelVersion,
    input,
    output,
    follow,
    ...(options.job === undefined ? {} : { name: options.job }),
  });
  context.whenStopped(`the job ${started.name} goes on without it`);
  const stage = context.stages().stage('predict', `${model}: ${input} → ${output}`);
  const ended = await poll(
    async () => {
      const job = await control.job(started.name);
      stage.progress(
        job.answered,
        job.answered + (job.remaining ?? 1),
        `${job.answered} answered, ${job.refused} refused${job.error === '' ? '' : `, waits: ${job.error}`}`,
      );
      const over = job.state !== 'starting' && (follow || job.state !== 'running');
      return over ? job : undefined;
    },
    'the job',
    JOB_DEADLINE_MS,
  );
  const text = `job ${ended.name}: ${ended.state}, ${ended.answered} answered, ${ended.refused} of them refused`;
  const good = ended.state === 'done' || ended.state === 'running';
  if (good) stage.done(text);
  else stage.fail(`${text} ${ended.error}`);
  context.print(ended, () => text, [`millrace drift ${model}`]);
  return good && ended.refused === 0 ? 0 : 1;
}

async function predictRow(context: Context, model: string, options: PredictOptions): Promise<number> {
  const row = rowOf(options.row ?? '');
  const client = await inferClient(context, options.via);
  try {
    const { inputs } = await client.metadata(model, options.modelVersion);
    const own = isOwn(options.via);
    const project = own ? await projectNamed(context, model) : undefined;
    const names = namesIn(row, project, options);
    const { tensors, missing, unused } = tensorsOf(row, inputs, isWhole(row, inputs) ? undefined : project);
    const idle = unused.filter((column) => !names.columns.includes(column));
    if (idle.length > 0) process.stderr.write(`${idle.join(', ')}: no input of this model, not used\n`);
    if (missing.length > 0) process.stderr.write(`${missing.join(', ')}: not in the row, taken as missing\n`);
    const answer = await client.infer({
      modelName: model,
      modelVersion: options.modelVersion,
      id: names.id,
      parameters: {
        ...(names.entity === '' ? {} : { entity: names.entity }),
        event_time_ms: BigInt(options.eventTime ?? systemClock.nowMs()),
      },
      inputs: tensors,
      outputs: [],
    });
    const answered = { version: Number(answer.modelVersion), ...plainOutputs(answer.outputs) };
    if (!context.json && own) process.stderr.write(await meaning(context, model, answered));
    if (own && (options.eventTime ?? 0) > systemClock.nowMs() + EVENT_TIME_AHEAD_MS_MAX)
      process.stderr.write('warning: --event-time is more than a day ahead: the answer counts in no window\n');
    const known = project === undefined ? undefined : predictionId(answer.id, 0);
    const shown = known === undefined ? answered : { ...answered, predictionId: known };
    const label = project?.data.label === undefined ? [] : [labelStep(model, known ?? '', names.entity, project)];
    context.print(shown, () => JSON.stringify(shown), own ? [`millrace drift ${model}`, ...label] : []);
    return 0;
  } finally {
    client.close();
  }
}

/** How the outcome is told when it is known. */
function labelStep(model: string, prediction: string, entity: string, { data }: Project): string {
  const whose = data.entity === undefined ? '' : ` --entity ${entity === '' ? 'KEY' : shellWord(entity)}`;
  const when = data.eventTime === undefined ? '' : ' --event-time DATE';
  return `millrace labels add ${model} --prediction ${shellWord(prediction)} --value VALUE${whose}${when}   # when it is known`;
}

/** What the row, or an option, says of itself: its id, its entity, and which of its columns say so. */
function namesIn(
  row: Readonly<Record<string, unknown>>,
  project: Project | undefined,
  { id, entity }: PredictOptions,
): { id: string; entity: string; columns: string[] } {
  const { recordId, entity: key } = project?.data ?? {};
  const textOf = (column: string | undefined): string => {
    const value = column === undefined ? undefined : row[column];
    return typeof value === 'object' || value === undefined ? '' : String(value);
  };
  return {
    id: id ?? textOf(recordId),
    entity: entity || textOf(key),
    columns: [recordId, key].filter((column) => column !== undefined),
  };
}

/**
 * What the outputs say, in the words of the rule that the version has learnt, whatever the project file says now; empty
 * where it had none, or nobody knows it.
 */
async function meaning(
  { control }: Context,
  model: string,
  { version, ...outputs }: Readonly<Record<string, unknown>> & { version: number },
): Promise<string> {
  if (outputs.probability === undefined) return '';
  const found = await control.model(model, version).catch(() => undefined);
  const what = probableText(found?.labelRule ?? '');
  return what === '' ? '' : `probability of ${what}; label 1 says so, label 0 does not\n`;
}

/** undefined where the platform cannot be asked, or has no such project: then the model is no project's. */
async function projectNamed(context: Context, name: string): Promise<Project | undefined> {
  const projects = await context.control.projects().catch(() => []);
  const found = projects.find((project) => project.name === name);
  return found === undefined ? undefined : projectFromDocument(JSON.stringify(found.document));
}
