// models register: a model that was trained elsewhere becomes a version of a project. Sends its files (or names the
// server that answers), shows how it is judged, says what was taken for what and what came of it, and brings it into
// service: blessed as the project's loop does, not judged only where somebody says so.

import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { AnswerOf, trainerApi } from '@millrace/api';
import { PlatformError } from '@millrace/domain';
import type { Command } from 'commander';
import { EXIT_FAILED, EXIT_OK } from '../exit-codes.js';
import { importReport, referenceOf } from '../ingest/import-report.js';
import { uploadFile } from '../ingest/upload.fs.js';
import { inputOption, outputOption } from '../register/binding-options.js';
import { modelFiles } from '../register/model-files.fs.js';
import { type RegisterOptions, registerAgain } from '../register/register-again.js';
import type { Reporter } from '../terminal/reporter.terminal.js';
import type { Stage } from '../terminal/stage.js';
import { verdictText } from '../train/training-report.js';
import { meantRevision } from './apply-here.js';
import { action, type Context, poll } from './context.js';
import { importFile } from './ingest.js';
import { type Arrival, arrivalText, bringIntoService, comesIntoService } from './into-service.js';
import { address, projectName } from './option-values.js';
import { forced } from './routes.js';
import { meantDatasets } from './told-usual.js';

type Training = AnswerOf<typeof trainerApi.endpoints.training>;
type Version = AnswerOf<typeof trainerApi.endpoints.model>;

/** A million rows are answered in minutes; what takes longer has hung. */
const DEADLINE_MS = 3_600_000;

export function registerCommand(models: Command): void {
  models
    .command('register')
    .description(
      'makes a version of a model that was trained elsewhere: an ONNX file, a SavedModel folder, a V2 server',
    )
    .argument('[model]', 'an .onnx file, or a SavedModel folder')
    .requiredOption('--project <name>', 'the project that it answers for', projectName)
    .option(
      '--input <binding...>',
      'TENSOR=column,column: which columns a tensor takes; default: by name, else by order',
    )
    .option('--output <binding...>', 'probability=TENSOR[1] or probability=logit(TENSOR[0]); default: by shape')
    .option(
      '--reference <file>',
      'a file that judges it, where it is labelled, and that drift is told from; it is ingested first',
    )
    .option('--dataset <id...>', 'the same from dataset versions; default: as train chooses them')
    .option('--upstream <address>', 'HOST:PORT of a V2 server’s gRPC endpoint that answers instead of a file', address)
    .option('--model <name>', 'with --upstream: what the server calls the model')
    .option('--model-version <version>', 'with --upstream: its version there; default: the server’s own choice')
    .option('--unjudged', 'brings it into service also where no labelled row has judged it')
    .action(
      action((context, model: string | undefined, options: RegisterOptions) => register(context, model, options)),
    );
}

async function register(context: Context, path: string | undefined, options: RegisterOptions): Promise<number> {
  const { project } = options;
  const inputs = options.input?.map(inputOption) ?? [];
  const outputs = options.output?.map(outputOption) ?? [];
  const upstream = upstreamOf(path, options);
  const files = path === undefined ? [] : modelFiles(resolve(path));
  const meant = await meantRevision(context, project);
  const { control } = context;
  const reporter = context.stages();
  const datasetVersions = await judges(context, project, options);
  const what = upstream === undefined ? (path as string) : `${upstream.model} at ${upstream.address}`;
  const model = upstream === undefined ? { files: await sent(context, project, what, files, reporter) } : { upstream };
  const leaveOutUnfit = options.dataset === undefined;
  const body = { ...model, inputs, outputs, datasetVersions, leaveOutUnfit, ...meant };
  const { trainingId } = await control.registerModel(project, body);
  const training = await finished(context, project, trainingId, reporter.stage('register', `${what} → ${project}`));
  if (training.state === 'failed') {
    const { message = 'failed', code } = training.last;
    context.print({ ...training, error: { code, message } }, () => `${what} is not registered: ${message}`, [
      `${registerAgain(path, options)}   # when that is mended`,
    ]);
    return EXIT_FAILED;
  }
  const version = await control.model(project, training.last.version ?? 0);
  const arrival = await serviceOf(context, project, version, options);
  const inService = arrival?.isInService === true;
  context.print(
    { ...training, blessed: version.blessed, reasons: version.reasons, inService },
    () =>
      [registeredText(version), ...(arrival === undefined ? [] : [arrivalText(version.version, arrival)])].join('\n'),
    nextAfter(project, version, inService),
  );
  return version.blessed || !isJudged(version) ? EXIT_OK : EXIT_FAILED;
}

function upstreamOf(path: string | undefined, { upstream, model, modelVersion }: RegisterOptions) {
  if ((path === undefined) === (upstream === undefined))
    throw new PlatformError(
      'invalid_argument',
      'name either a model file or folder, or --upstream HOST:PORT --model NAME',
    );
  if (upstream === undefined) {
    if (model === undefined && modelVersion === undefined) return undefined;
    throw new PlatformError('invalid_argument', '--model and --model-version belong to --upstream');
  }
  if (model === undefined)
    throw new PlatformError('invalid_argument', '--upstream needs --model NAME, what the server calls the model');
  return { address: upstream, model, version: modelVersion ?? '' };
}

/** A file of rows as a dataset version; where not all is well, what came of its rows is told. */
export async function referenceVersion(context: Context, project: string, file: string): Promise<string> {
  const status = await importFile(context, project, file, {});
  if (status.rejected + status.warnings.length > 0) process.stderr.write(`${importReport(file, status)}\n`);
  return referenceOf(file, status);
}

/** Dataset versions that judge it and that the reference is made of; none where the project has none. */
async function judges(context: Context, project: string, { reference, dataset }: RegisterOptions): Promise<string[]> {
  if (reference !== undefined && dataset !== undefined)
    throw new PlatformError('invalid_argument', 'name either --reference FILE or --dataset ID');
  if (reference !== undefined) return [await referenceVersion(context, project, reference)];
  const datasets = await context.control.datasets(project);
  if (dataset === undefined && datasets.length === 0) return [];
  return meantDatasets(context.control, project, datasets, dataset);
}

async function sent(
  { control }: Context,
  project: string,
  what: string,
  files: ReturnType<typeof modelFiles>,
  reporter: Reporter,
): Promise<{ path: string; upload: string }[]> {
  const stage = reporter.stage('send', what);
  const calls = {
    startUpload: control.startModelUpload.bind(control),
    sendUpload: control.sendModelUpload.bind(control),
  };
  const uploads: { path: string; upload: string }[] = [];
  try {
    for (const { path, file } of files) {
      const progress = (bytes: number, of: number) =>
        stage.progress(uploads.length + bytes / of, files.length, `${uploads.length + 1} of ${files.length} file(s)`);
      const upload = await uploadFile(calls, project, file, { hashed: () => undefined, sent: progress });
      uploads.push({ path, upload });
    }
  } catch (thrown) {
    stage.fail('not done');
    throw thrown;
  }
  stage.done(`${files.length} file(s)`);
  return uploads;
}

/** Follows a registration to its end. */
export async function finished(
  { control }: Context,
  project: string,
  trainingId: string,
  stage: Stage,
): Promise<Training> {
  const training = await poll(
    async () => {
      const now = await control.training(project, trainingId);
      if (now.state === 'finished' || now.state === 'failed') return now;
      const { step = 0, steps = 1, kind } = now.last;
      const text = kind === 'progress' ? `${step} of ${steps} rows answered` : 'opens the model and reads the rows';
      stage.progress(step, steps, now.state === 'queued' ? 'waits for the training that runs' : text);
      return undefined;
    },
    'the registration',
    DEADLINE_MS,
  );
  if (training.state === 'failed') stage.fail('not registered');
  else stage.done(`version ${training.last.version}`);
  return training;
}

const isJudged = ({ evaluation }: Version): boolean => evaluation !== undefined;

/** undefined where nobody has asked for it. */
async function serviceOf(
  context: Context,
  project: string,
  version: Version,
  { unjudged }: RegisterOptions,
): Promise<Arrival | undefined> {
  if (version.blessed) return comesIntoService(context, project, version.version);
  if (isJudged(version) || !(unjudged || (await wanted(context, version)))) return undefined;
  return bringIntoService(context, project, version.version, 'registered, not judged');
}

/** Asked only where a person can answer. */
async function wanted({ json }: Context, { verdict }: Version): Promise<boolean> {
  if (json || !process.stdin.isTTY || !process.stderr.isTTY) return false;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question(`${verdict}. Bring it into service all the same? [y/N] `);
  lines.close();
  return /^y(?:es)?$/i.test(answer.trim());
}

function registeredText(version: Version): string {
  const from = version.upstream === undefined ? 'a file' : `${version.upstream.model} at ${version.upstream.address}`;
  return `${verdictText(version)}\n  registered from ${from}`;
}

function nextAfter(project: string, { version, ...rest }: Version, inService: boolean): string[] {
  if (inService) return [`millrace predict ${project} --input FILE --output scored.csv`, `millrace drift ${project}`];
  const start = `millrace rollout start ${project} ${version}`;
  if (rest.blessed) return [`millrace loop ${project}`, start];
  return isJudged({ version, ...rest })
    ? [`millrace models ${project}`, `${forced(project, version)}   # all the same`]
    : [
        `${start}   # unjudged`,
        `millrace models register … --project ${project} --reference FILE   # of labelled rows`,
      ];
}
