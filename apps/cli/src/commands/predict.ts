// predict: one row through the router; every row of a file through the router, serving or any V2 server; every message
// of a topic by a job of serving.

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { PlatformError, systemClock } from '@millrace/domain';
import type { Command } from 'commander';
import { InferClient } from '../client/infer.grpc.js';
import { BatchPrediction } from '../predict/batch-prediction.js';
import { predictOne } from '../predict/one-row.http2.js';
import { rowOf, rowTimeOf } from '../predict/one-row.js';
import { TableFiles } from '../predict/table-files.duckdb.js';
import { loadProjectFile } from '../project-file.fs.js';
import { Reporter } from '../terminal/reporter.terminal.js';
import { action, type Context, poll } from './context.js';

interface PredictOptions {
  row?: string;
  entity: string;
  eventTime?: string;
  input?: string;
  output?: string;
  modelVersion: string;
  via: string;
  project?: string;
  rowsPerRequest: string;
  inFlight: string;
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
  program
    .command('predict')
    .description('predicts one row, every row of a Parquet or CSV file, or every message of a topic')
    .argument('<model>', 'a project, or a model of the repository')
    .option('--row <json>', 'feature values as a JSON object')
    .option('--entity <key>', 'sticky key of the row', '')
    .option('--event-time <date>', 'event time of the row; derived features are filled from it')
    .option('--input <file>', 'a .parquet, .csv or .tsv file whose columns are named as the inputs')
    .option('--output <file>', 'gets all columns of the input, the outputs and prediction_error (.parquet or .csv)')
    .option('--model-version <version>', 'default: what the route says', '')
    .option('--via <endpoint>', 'router, serving, or host:port of a V2 gRPC endpoint', 'router')
    .option('--project <file>', 'a project file; columns that it derives are filled in')
    .option('--input-topic <topic>', 'a Kafka topic of rows, by its full name; a job of serving reads it')
    .option('--output-topic <topic>', 'gets an answer for each message')
    .option('--job <name>', 'the same name goes on where it stopped; default: made of model and topics')
    .option('--follow', 'the job goes on with later messages; the command returns once it has started')
    .option('--rows-per-request <count>', 'rows of one request', '1024')
    .option('--in-flight <count>', 'requests at a time', '4')
    .action(
      action(async (context, model: string, options: PredictOptions) => {
        if (options.row !== undefined && options.input === undefined) return predictRow(context, model, options);
        if (options.input !== undefined && options.output !== undefined && options.row === undefined)
          return predictFile(context, model, options, options.input, options.output);
        if (options.inputTopic !== undefined && options.outputTopic !== undefined)
          return predictTopic(context, model, options, options.inputTopic, options.outputTopic);
        throw new PlatformError(
          'invalid_argument',
          'give --row JSON, or --input FILE and --output FILE, or --input-topic and --output-topic',
        );
      }),
    );
}

function endpointOf(context: Context, via: string): string {
  const { routerGrpc, servingGrpc } = context.settings.addresses;
  if (via === 'router') return routerGrpc;
  if (via === 'serving') return servingGrpc;
  if (/^[^:/]+:\d{1,5}$/.test(via)) return via;
  throw new PlatformError('invalid_argument', `--via ${via}: write router, serving or host:port`);
}

function countOf(text: string, option: string, max: number): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1 && count <= max) return count;
  throw new PlatformError('invalid_argument', `${option} ${text}: write a number from 1 to ${max}`);
}

async function predictFile(
  context: Context,
  model: string,
  options: PredictOptions,
  input: string,
  output: string,
): Promise<number> {
  const rowsPerRequest = countOf(options.rowsPerRequest, '--rows-per-request', ROWS_PER_REQUEST_MAX);
  const inFlight = countOf(options.inFlight, '--in-flight', IN_FLIGHT_MAX);
  const [from, to] = [resolve(input), resolve(output)];
  if (!existsSync(from)) throw new PlatformError('not_found', `there is no file ${input}`);
  if (from === to) throw new PlatformError('invalid_argument', 'input and output are the same file');
  if (!/\.(parquet|pq|csv)$/i.test(to))
    throw new PlatformError('invalid_argument', `${output}: name a .parquet or .csv file`);
  const project = options.project === undefined ? undefined : loadProjectFile(options.project).project;
  const client = new InferClient(endpointOf(context, options.via));
  let files: TableFiles | undefined;
  // The result is what stdout is for.
  const stage = new Reporter(process.stderr, systemClock).stage('predict', `${model}: ${input} → ${output}`);
  try {
    const metadata = await client.metadata(model, options.modelVersion);
    files = await TableFiles.open(from);
    const sources = files.sources(metadata.inputs, project);
    const results = await files.results(metadata.outputs);
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
      },
      {
        infer: (request) => client.infer(request),
        write: (rows) => results.append(rows),
        progress: (done, bad) => stage.progress(done, rowsTotal, `${done} rows${bad > 0 ? `, ${bad} refused` : ''}`),
        pause: (ms) => new Promise((wake) => setTimeout(wake, ms)),
        clock: systemClock,
      },
    );
    const outcome = await prediction.run(files.read(sources));
    results.close();
    const unreadable = await files.unreadable();
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
    context.print(summary, () =>
      [
        `${to}: ${outcome.predicted} rows predicted, ${outcome.bad} refused, ${unreadable.count} lines unreadable, ${summary.rowsPerSecond} rows/s`,
        ...outcome.badRows.map(({ row, error }) => `  row ${row}: ${error}`),
        ...unreadable.lines.slice(0, outcome.badRows.length + 20).map(({ line, error }) => `  line ${line}: ${error}`),
      ].join('\n'),
    );
    return outcome.bad + unreadable.count > 0 ? 1 : 0;
  } catch (thrown) {
    stage.fail(PlatformError.from(thrown).reason);
    throw thrown;
  } finally {
    files?.close();
    client.close();
  }
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
  const stage = new Reporter(process.stderr, systemClock).stage('predict', `${model}: ${input} → ${output}`);
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
  context.print(ended, () => text);
  return good && ended.refused === 0 ? 0 : 1;
}

async function predictRow(context: Context, model: string, options: PredictOptions): Promise<number> {
  if (options.project !== undefined)
    throw new PlatformError(
      'invalid_argument',
      '--project goes with --input; a row names every feature, or --event-time',
    );
  const values = rowOf(options.row ?? '');
  const eventTimeMs = rowTimeOf(options.eventTime, systemClock);
  const endpoint = endpointOf(context, options.via);
  const row = { model, version: options.modelVersion, entity: options.entity, eventTimeMs, values };
  const answer = await predictOne(endpoint, row);
  context.print(answer, () => JSON.stringify(answer));
  return 0;
}
