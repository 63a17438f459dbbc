// up, start, replay, worker, doctor: what runs the platform, and the main job on it.

import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment } from '@millrace/config';
import {
  commonSettings,
  type Ports,
  type ProcessPlan,
  placeOf,
  type Replicas,
  replicasText,
} from '@millrace/deployment';
import { PlatformError, systemClock } from '@millrace/domain';
import { WORKERS_MAX } from '@millrace/project';
import type { Command } from 'commander';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from '../exit-codes.js';
import { earlierRun, markRun, projectsIn, setAside, writeSummary } from '../main-job/earlier-run.fs.js';
import { loadProjectFile } from '../project-file.fs.js';
import { Supervisor } from '../supervisor/supervisor.process.js';
import { Reporter } from '../terminal/reporter.terminal.js';
import { StopSignal } from '../terminal/stop-signal.process.js';
import { nextTyped, typedAs } from '../terminal/typed-as.js';
import { action, type Context } from './context.js';
import { ROWS_MAX, settingText, wholeNumber, wholeNumberOr } from './option-values.js';

/** The repository root, from dist/apps/cli/src/commands. */
export const REPOSITORY = resolve(fileURLToPath(new URL('../../../../..', import.meta.url)));
const DEFAULT_PROJECT = 'examples/flights/project.yaml';

interface StartOptions {
  project: string;
  rows?: number | 'all';
  replayRows?: number;
  rate?: number;
  shift: boolean;
  once?: boolean;
  again?: boolean;
  answers?: string;
  workers?: number;
  replicas?: string;
}

/** A row takes a message each to ingest and the router; no machine sends more. */
const RATE_MAX = 1_000_000;
const DEFAULT_WORKERS = 2;
const REPLICAS_HELP = 'processes of services, like ingest=2,serving=2; default: MILLRACE_REPLICAS, else one of each';

export function runCommands(program: Command): void {
  program
    .command('up')
    .description('starts the platform and keeps it running until Ctrl-C')
    .option('--workers <count>', 'training workers', wholeNumber(1, WORKERS_MAX), DEFAULT_WORKERS)
    .option('--replicas <counts>', REPLICAS_HELP, settingText(commonSettings.replicas))
    .action(
      action(async (context, options: { workers: number; replicas?: string }) => {
        const reporter = new Reporter(process.stdout, systemClock);
        const stop = stopSignal(reporter);
        const supervisor = await bringUp(context, options, reporter, stop);
        const next = nextTyped('millrace new FILE', typedAs(environment(), process.cwd()));
        reporter.line(`${whereToLook(context)}\nCtrl-C stops everything. Next, in another terminal: ${next}`);
        const code = await stop.ended();
        await stopAll(supervisor, reporter);
        return code;
      }),
    );

  program
    .command('start')
    .description('starts the platform, runs the main job on it, then keeps serving until Ctrl-C')
    .option('--project <file>', 'the project file', join(REPOSITORY, DEFAULT_PROJECT))
    .option('--rows <count>', 'bulk rows, or "all"; default from the project file', wholeNumberOr('all', 1, ROWS_MAX))
    .option('--replay-rows <count>', 'live rows; default from the project file', wholeNumber(1, ROWS_MAX))
    .option('--rate <per-second>', 'live rows a second; default from the project file', wholeNumber(1, RATE_MAX))
    .option('--no-shift', 'leave the declared shift out')
    .option('--workers <count>', 'training workers; default from the project file', wholeNumber(1, WORKERS_MAX))
    .option('--replicas <counts>', REPLICAS_HELP, settingText(commonSettings.replicas))
    .option('--once', 'write summary.json, stop everything and exit: 0 if each stage met its check')
    .option('--again', 'run the main job anew where it has run before; --once always does')
    .action(action((context, options: StartOptions) => start(context, options)));

  program
    .command('replay')
    .description('runs the main job of a project file against a running platform')
    .option('--project <file>', 'the project file', join(REPOSITORY, DEFAULT_PROJECT))
    .option('--rows <count>', 'bulk rows, or "all"; default from the project file', wholeNumberOr('all', 1, ROWS_MAX))
    .option('--replay-rows <count>', 'live rows; default from the project file', wholeNumber(1, ROWS_MAX))
    .option('--rate <per-second>', 'live rows a second; default from the project file', wholeNumber(1, RATE_MAX))
    .option('--no-shift', 'leave the declared shift out')
    .option('--answers <file>', 'write every sent row with its answer as CSV')
    .action(
      action(async (context, options: StartOptions) => {
        const reporter = reporterFor(context);
        const stop = stopSignal(reporter);
        const input = mainJobInput(context, options);
        const { runMainJob } = await import('../main-job/run-main-job.process.js');
        const summary = await stop.unlessAsked(runMainJob({ ...input, reporter, signal: stop.signal }));
        context.print(summary, () => '');
        return summary.ok ? EXIT_OK : EXIT_FAILED;
      }),
    );

  program
    .command('worker')
    .description('runs one training worker that joins the trainer; the supervisor starts its own')
    .action(async () => {
      await import(new URL('../../../../services/trainer/src/worker.main.js', import.meta.url).href);
      await new Promise<never>(() => undefined); // it ends by itself
    });

  program
    .command('doctor')
    .description('says what is missing on this machine, and the command that mends it')
    .option('--json')
    .action((options: { json?: boolean }) => {
      const script = join(REPOSITORY, 'tools/setup/doctor.mjs');
      try {
        execFileSync(process.execPath, [script, ...(options.json ? ['--json'] : [])], { stdio: 'inherit' });
      } catch {
        // The script has said what is wrong.
        process.exitCode = EXIT_FAILED;
      }
    });
}

async function start(context: Context, options: StartOptions): Promise<number> {
  // Before anything is started: a wrong project file must cost nothing.
  const input = mainJobInput(context, options);
  const { home, kafkaBrokers, artifacts } = context.settings;
  const { name } = input.loaded.project;
  const reporter = reporterFor(context);
  const stop = stopSignal(reporter);
  const workers = options.workers ?? input.loaded.project.training.workers;
  const projects = await projectsIn(artifacts);
  const earlier = earlierRun(home, name, projects);
  const servesOnly = earlier === 'done' && !options.once && !options.again;
  const { replicas } = options;
  const supervisor = await bringUp(context, { workers, replicas }, reporter, stop, () => {
    if (servesOnly) return;
    if (earlier !== 'none') {
      const aside = setAside(artifacts, name, projects, kafkaBrokers !== undefined);
      reporter.line(`  what the main job left here before is set aside in ${aside}`);
    }
    markRun(home, name, 'begun');
  });
  const startedMs = systemClock.monotonicMs();
  try {
    if (servesOnly) {
      reporter.line('The main job has run here before; this serves what it left. `npm start -- --again` runs it anew.');
    } else {
      const { runMainJob } = await import('../main-job/run-main-job.process.js');
      const summary = await stop.unlessAsked(runMainJob({ ...input, reporter, signal: stop.signal }));
      const file = writeSummary(home, summary);
      markRun(home, name, 'done');
      if (context.json) process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
      else reporter.line(`Summary in ${file}.`);
      if (options.once) return summary.ok ? EXIT_OK : EXIT_FAILED;
    }
    process.stdout.write(`${whereToLook(context)}\nIt keeps serving; Ctrl-C stops everything.\n`);
    return await stop.ended();
  } catch (thrown) {
    const error = PlatformError.from(thrown);
    if (stop.signal.aborted && error.facts.told === true) {
      const code = await stop.ended();
      return code === EXIT_OK ? EXIT_INTERRUPTED : code;
    }
    const seconds = (systemClock.monotonicMs() - startedMs) / 1_000;
    writeSummary(home, {
      ok: false,
      project: name,
      error: error.reason,
      seconds: { ...reporter.seconds, main_job: seconds },
    });
    // Not behind a bar that is running.
    reporter.close();
    process.stderr.write(`millrace: ${error.reason}\n  logs: ${join(home, 'logs')}\n`);
    return EXIT_FAILED;
  } finally {
    await stopAll(supervisor, reporter);
  }
}

export async function stopAll(supervisor: Supervisor, reporter: Reporter): Promise<void> {
  const startedMs = systemClock.monotonicMs();
  reporter.close();
  await supervisor.stop();
  reporter.line(`Everything is stopped (${((systemClock.monotonicMs() - startedMs) / 1_000).toFixed(1)} s).`);
}

export function stopSignal(reporter: Reporter): StopSignal {
  const say = (line: string) => {
    reporter.close();
    reporter.line(line);
  };
  return new StopSignal({ clock: systemClock, say });
}

function mainJobInput(context: Context, options: StartOptions) {
  const loaded = loadProjectFile(options.project);
  const replay = loaded.project.replay;
  if (replay === undefined) {
    throw new PlatformError(
      'invalid_argument',
      `${options.project} has no replay section; use \`millrace up\` and \`millrace apply\` for a project of your own`,
    );
  }
  return {
    loaded,
    replay,
    rows: options.rows === 'all' ? Number.POSITIVE_INFINITY : (options.rows ?? replay.history.rows),
    replayRows: options.replayRows ?? replay.live.rows,
    ratePerSecond: options.rate ?? replay.live.ratePerSecond,
    shift: options.shift,
    addresses: context.settings.addresses,
    control: context.control,
    home: context.settings.home,
    ...(options.answers ? { answersFile: options.answers } : {}),
  };
}

function reporterFor(context: Context): Reporter {
  // With --json the progress goes to stderr, so that stdout holds nothing but JSON.
  return new Reporter(context.json ? process.stderr : process.stdout, systemClock);
}

/** Which processes are started. */
interface Processes {
  workers: number;
  /** Processes of services, instead of what MILLRACE_REPLICAS says. */
  replicas?: string | undefined;
  /** Others than the settings say. */
  ports?: Ports;
  /** Some of the platform's. */
  choose?: (plans: readonly ProcessPlan[]) => readonly ProcessPlan[];
}

export async function bringUp(
  context: Context,
  { workers, replicas, ports, choose }: Processes,
  reporter: Reporter,
  stop: StopSignal,
  prepareHome?: () => void,
): Promise<Supervisor> {
  const { settings } = context;
  const env = settings.forUp(replicas === undefined ? {} : { MILLRACE_REPLICAS: replicas });
  const supervisor = new Supervisor({
    root: REPOSITORY,
    home: settings.home,
    ports: ports ?? settings.ports,
    workers,
    ...(choose ? { choose } : {}),
    replicas: placeOf(env).replicas,
    env,
    kafkaBrokers: settings.kafkaBrokers,
    redisUrl: settings.redisUrl,
    log: (line) => reporter.line(`  ${line}`),
    ...(prepareHome ? { prepareHome } : {}),
  });
  const what = choose
    ? 'Kafka, ingest, trainer, monitor and router'
    : `Kafka, Redis, ${servicesText(placeOf(env).replicas)} and the training workers`;
  const stage = reporter.stage('ready', `starting ${what}`);
  // A process that dies and comes back is ready more than once.
  const ready = new Set<string>();
  supervisor.on('ready', (name) => stage.progress(ready.add(name).size, supervisor.status().length));
  stop.beforeEndAtOnce(() => supervisor.endNow());
  supervisor.on('homeGone', (error) => {
    reporter.close();
    process.stderr.write(`millrace: ${error.reason}; stopping\n`);
    stop.fail(error);
  });
  try {
    await stop.unlessAsked(supervisor.start());
  } catch (thrown) {
    if (stop.signal.aborted) await stopAll(supervisor, reporter);
    else stage.fail('the platform did not come up');
    throw thrown;
  }
  // A process that stays down makes the platform useless: say so and end, instead of serving half of it.
  supervisor.on('failed', (name, error) => {
    reporter.close();
    process.stderr.write(`millrace: ${name} keeps dying: ${error.reason}\n  logs: ${join(settings.home, 'logs')}\n`);
    stop.fail(error);
  });
  supervisor.on('restart', (name, attempt) =>
    reporter.line(`  ${name} died and is started again (attempt ${attempt})`),
  );
  stage.done(`all services ready, dashboard on ${settings.addresses.monitor}`);
  return supervisor;
}

/** How many processes of which service, where it is not one of each. */
function servicesText(replicas: Replicas): string {
  const several = replicasText(replicas);
  return several === '' ? 'five services' : `five services (${several.replaceAll(',', ', ')})`;
}

function whereToLook(context: Context): string {
  const { addresses } = context.settings;
  return [
    `Dashboard            ${addresses.monitor}/`,
    `Predictions (V2)     ${addresses.routerV2}/v2  and gRPC ${addresses.routerGrpc}`,
    `Records and labels   POST to ${addresses.ingest}/v1/projects/NAME/records and …/NAME/labels`,
    `Logs                 ${join(context.settings.home, 'logs')}`,
  ].join('\n');
}
