// watch: router and monitor before a V2 server that Millrace did not start, until Ctrl-C.

import { join } from 'node:path';
import { PlatformError } from '@millrace/domain';
import { type Project, projectFromDocument } from '@millrace/project';
import { type Command, InvalidArgumentError } from 'commander';
import type { RegisteredVersion } from '../client/control.http.js';
import type { Reporter } from '../terminal/reporter.terminal.js';
import { askUpstream, type FoundUpstream } from '../watch/ask-upstream.grpc.js';
import { type OutputWish, outputWish, type WatchedModel, watchedModel } from '../watch/project-of-model.js';
import { watchPlan } from '../watch/watch-plan.js';
import { type WatchedVersion, watchReport } from '../watch/watch-report.js';
import { action, type Context, poll } from './context.js';
import { address, duration, port, projectName } from './option-values.js';
import { finished, referenceVersion } from './register.js';
import { bringUp, stopAll, stopSignal } from './run.js';

interface WatchOptions {
  upstream: string;
  upstreamHttp?: string;
  model?: string[];
  project?: string;
  output?: OutputWish;
  reference?: string;
  window: string;
  httpPort?: number;
  grpcPort?: number;
}

const REGISTRY_DEADLINE_MS = 30_000;
const ROLLOUT_DEADLINE_MS = 120_000;

export function watchCommand(program: Command): void {
  program
    .command('watch')
    .description('router and monitor before a V2 server that runs already (Triton, KServe, MLServer), until Ctrl-C')
    .requiredOption(
      '--upstream <host:port>',
      'its gRPC endpoint, or its REST endpoint with gRPC one port above',
      address,
    )
    .option('--upstream-http <host:port>', 'its REST endpoint; default: one port below, where it answers', address)
    .option('--model <name...>', 'models to watch, as the server calls them; default: all that are ready')
    .option('--project <name>', "of a single model; default: the model's name in small letters", projectName)
    .option('--output <what>', 'of a single model: score=TENSOR[INDEX], or probability=TENSOR[INDEX]', output)
    .option('--reference <file>', 'of a single model: rows to compare with; default: the first that it answers')
    .option('--window <duration>', 'time span in which rows are compared', duration, '15m')
    .option('--http-port <port>', 'V2 REST for clients; default: MILLRACE_ROUTER_HTTP_PORT, 8000', port)
    .option('--grpc-port <port>', 'V2 gRPC for clients; default: MILLRACE_ROUTER_GRPC_PORT, 8001', port)
    .action(action((context, options: WatchOptions) => watch(context, options)));
}

function output(text: string): OutputWish {
  const wish = outputWish(text);
  if (wish !== undefined) return wish;
  throw new InvalidArgumentError('Write score=TENSOR, score=TENSOR[INDEX] or probability=TENSOR[INDEX].');
}

async function watch(context: Context, options: WatchOptions): Promise<number> {
  // Before anything is started: a wrong address must cost nothing.
  const found = await askUpstream(options.upstream, options.upstreamHttp, options.model ?? []);
  const { models, left } = chosenModels(found, options);
  const { settings } = context;
  const ports = {
    ...settings.ports,
    ...(options.httpPort === undefined ? {} : { routerHttp: options.httpPort }),
    ...(options.grpcPort === undefined ? {} : { routerGrpc: options.grpcPort }),
  };
  const reporter = context.stages();
  const stop = stopSignal(reporter);
  const supervisor = await bringUp(
    context,
    { workers: 0, ports, choose: (plans) => watchPlan(plans, found) },
    reporter,
    stop,
  );
  try {
    const terms = { grpc: found.grpc, reference: options.reference, reporter };
    const versions: WatchedVersion[] = [];
    for (const model of models) versions.push(await stop.unlessAsked(watched(context, model, terms)));
    const report = {
      ...found,
      versions,
      left,
      ports,
      monitor: settings.addresses.monitor,
      logs: join(settings.home, 'logs'),
    };
    const [first] = versions;
    context.print(report, () => watchReport(report), first === undefined ? [] : [`millrace drift ${first.project}`]);
    if (!context.json) process.stdout.write('Ctrl-C stops it; the upstream goes on.\n');
    return await stop.ended();
  } finally {
    await stopAll(supervisor, reporter);
  }
}

interface NamedModel {
  model: string;
  watched: WatchedModel;
}

/** Those that were not named and cannot be watched are passed on all the same. */
function chosenModels(found: FoundUpstream, { model, project, output, reference, window }: WatchOptions) {
  const isNamed = model !== undefined;
  if (found.models.length > 1 && (project ?? output ?? reference) !== undefined) {
    const names = found.models.map(({ name }) => name).join(', ');
    throw new PlatformError(
      'invalid_argument',
      `--project, --output and --reference are about one model, and there are ${names}; name one with --model`,
    );
  }
  const models: NamedModel[] = [];
  const left = [...found.silent];
  for (const one of found.models) {
    try {
      models.push({ model: one.name, watched: watchedModel(one, { project, output, window }) });
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (isNamed || found.models.length === 1) throw error;
      left.push({ name: one.name, why: error.reason });
    }
  }
  const twice = models.find(
    ({ watched }, i) => models.findIndex((other) => other.watched.project === watched.project) !== i,
  );
  if (twice !== undefined) {
    throw new PlatformError(
      'invalid_argument',
      `two models would be project '${twice.watched.project}'; watch them one by one with --model and --project`,
    );
  }
  if (models.length === 0) {
    const why = left.map(({ why }) => `  ${why}`).join('\n');
    throw new PlatformError('invalid_argument', `no model of ${found.grpc} can be watched:\n${why}`);
  }
  return { models, left };
}

/** Applies the project, registers the upstream as a version of it where it is none yet, and gives it the traffic. */
async function watched(
  context: Context,
  { model, watched: { project, text, inputs, outputs, sentences } }: NamedModel,
  { grpc, reference, reporter }: { grpc: string; reference: string | undefined; reporter: Reporter },
): Promise<WatchedVersion> {
  const { control } = context;
  const known = (await control.projects()).find(({ name }) => name === project);
  if (known === undefined) await control.applyProject(text);
  else refuseOther(project, model, projectFromDocument(JSON.stringify(known.document)), inputs);
  const upstream = { address: grpc, model, version: '' };
  const same = (await knownVersions(context, project)).findLast(
    (one) => one.upstream?.address === grpc && one.upstream.model === model,
  );
  // A reference given anew makes a version of its own.
  if (same !== undefined && reference === undefined) {
    await intoService(context, project, same.version);
    return { model, project, version: same.version, sentences };
  }
  const datasetVersions = reference === undefined ? [] : [await referenceVersion(context, project, reference)];
  const { trainingId } = await control.registerModel(project, { upstream, inputs, outputs, datasetVersions });
  const stage = reporter.stage('register', `${model} at ${grpc} → ${project}`);
  const { last, state } = await finished(context, project, trainingId, stage);
  if (state === 'failed' || last.version === undefined)
    throw new PlatformError(
      'invalid_argument',
      `${model} was not registered: ${last.message ?? 'no reason was given'}`,
    );
  await intoService(context, project, last.version);
  return { model, project, version: last.version, sentences };
}

/** The registry hears of a new project a moment after ingest has taken it. */
function knownVersions({ control }: Context, project: string): Promise<readonly RegisteredVersion[]> {
  const versions = async () => {
    try {
      return await control.models(project);
    } catch (thrown) {
      if (PlatformError.from(thrown).code === 'not_found') return undefined;
      throw thrown;
    }
  };
  return poll(versions, `the registry of ${project}`, REGISTRY_DEADLINE_MS);
}

/** A router that has just started may not have joined its log yet: then the command is applied when it has. */
async function intoService({ control }: Context, project: string, version: number): Promise<void> {
  const target = async () => {
    const route = await control.routeOrNone(project);
    return route?.targets.some((one) => one.version === version) ? route : undefined;
  };
  if ((await target()) !== undefined) return;
  try {
    await control.startRollout(project, { version, reason: 'millrace watch' });
  } catch (thrown) {
    const error = PlatformError.from(thrown);
    if (error.code !== 'unavailable' && error.code !== 'deadline_exceeded') throw error;
    await poll(target, `version ${version} of ${project} to be in service`, ROLLOUT_DEADLINE_MS);
  }
}

/** A project of that name that was there before must have the columns that the model takes. */
function refuseOther(project: string, model: string, known: Project, inputs: WatchedModel['inputs']): void {
  const features = known.features.map(({ name }) => name);
  const missing = inputs.flatMap(({ columns }) => columns).filter((column) => !features.includes(column));
  if (missing.length === 0) return;
  const some = missing.slice(0, 3).map((one) => `'${one}'`);
  throw new PlatformError(
    'conflict',
    `project '${project}' is there already and has no feature ${some.join(', ')} that model '${model}' takes; ` +
      `watch it as another one: --model ${model} --project NAME`,
  );
}
