// rollout, promote, rollback: which version gets the traffic, and how far a rollout in steps is.

import type { AnswerOf, routerApi } from '@millrace/api';
import { PlatformError, systemClock } from '@millrace/domain';
import { rolloutProgress, SHADOW_SHARE_DEFAULT } from '@millrace/routing';
import type { Command } from 'commander';
import type { RolloutMove } from '../client/control.http.js';
import { keptText, progressText } from '../overview/rollout-text.js';
import { describeShadows } from '../overview/shadow-text.js';
import { describeAnalysis } from './analysis.js';
import { action, type Context } from './context.js';
import { describeExperiment, endedExperiment } from './experiment-text.js';
import { projectName, VERSION_MAX, wholeNumber } from './option-values.js';
import { issued, type Said, withSaid } from './said-options.js';

type ControlAnswer = AnswerOf<typeof routerApi.endpoints.promote>;
type Route = ControlAnswer['route'];

interface RolloutOptions extends Said {
  force?: boolean;
}

interface ShadowOptions extends Said {
  share: number;
  none?: boolean;
}

export function routeCommands(program: Command): void {
  const rollout = program.command('rollout').description('brings a version into service');
  withSaid(rollout.command('start'), { by: 'who asks, and has to with --force; kept with the change and in the audit' })
    .description('loads a version and moves the traffic to it')
    .argument('<project>', 'its name', projectName)
    .argument('<version>', 'a model version', wholeNumber(1, VERSION_MAX))
    .option('--force', 'also where the version is not blessed; takes --by')
    .action(
      action(async (context, project: string, version: number, options: RolloutOptions) => {
        const { force = false, by } = options;
        if (force && (by === undefined || by.trim() === ''))
          throw new PlatformError(
            'invalid_argument',
            `--force takes --by: \`${forced(project, version)}\` lets a version live that is not blessed`,
          );
        await announced(context, project, version);
        const before = await context.control.route(project).catch(() => undefined);
        const answer = await ofRoute(
          project,
          context.control.startRollout(project, {
            version,
            ...issued(`rollout-${version}`, options),
            ...(force ? { force } : {}),
          }),
          forced(project, version),
        );
        context.print(
          answer,
          () => withEnded(describeRoute(answer.route), before, answer),
          afterRoute(project, answer.route),
        );
        return 0;
      }),
    );
  rollout
    .command('status')
    .description('shows the route, how far a rollout is, and what its analysis says')
    .argument('<project>', 'its name', projectName)
    .action(
      action(async (context, project: string) => {
        const route = await context.control.route(project);
        const shadowTraffic = await context.control.shadowTraffic(project);
        const nowMs = systemClock.nowMs();
        const progress = rolloutProgress(route, nowMs);
        const runningExperiment = isRunning(route) ? await context.control.experiment(project) : null;
        const analysis = await context.control.analysis(project);
        const kept = keptText(route);
        context.print(
          { ...route, progress: progress ?? null, analysis, runningExperiment, shadowTraffic },
          (width) =>
            [
              describeRoute(route),
              ...(runningExperiment === null ? [] : [BESIDE_ROUTE, describeExperiment(runningExperiment, width)]),
              ...(progress === undefined ? [] : [progressText(progress, nowMs)]),
              ...(kept === undefined ? [] : [kept]),
              ...(analysis === null ? [] : [describeAnalysis(analysis, width)]),
              ...describeShadows(route, shadowTraffic),
            ].join('\n'),
          afterRoute(project, route),
        );
        return 0;
      }),
    );
  withSaid(rollout.command('shadow'))
    .description('sends copies of requests to a loaded version, whose answers nobody sees')
    .argument('<project>', 'its name', projectName)
    .argument('[version]', 'a loaded version', wholeNumber(1, VERSION_MAX))
    .option('--share <percent>', 'of the requests', wholeNumber(1, 100), SHADOW_SHARE_DEFAULT)
    .option('--none', 'no copies from now on')
    .action(
      action(async (context, project: string, version: number | undefined, options: ShadowOptions) => {
        const { share, none = false } = options;
        if (none === (version !== undefined))
          throw new PlatformError(
            'invalid_argument',
            `name a version, \`millrace rollout shadow ${project} VERSION\`, or end the copies with --none`,
          );
        await announced(context, project, version);
        const answer = await ofRoute(
          project,
          context.control.setShadows(project, {
            versions: version === undefined ? [] : [version],
            share,
            ...issued(`shadow-${version ?? 'none'}`, options),
          }),
        );
        context.print(answer, () => describeRoute(answer.route), [`millrace rollout status ${project}`]);
        return 0;
      }),
    );
  for (const [move, description] of MOVES) moveCommand(rollout, move, description);

  withSaid(program.command('promote'))
    .description('moves all traffic to a loaded version')
    .argument('<project>', 'its name', projectName)
    .argument('<version>', 'a model version', wholeNumber(1, VERSION_MAX))
    .action(
      action(async (context, project: string, version: number, options: Said) => {
        await announced(context, project, version);
        const before = await context.control.route(project).catch(() => undefined);
        const answer = await ofRoute(
          project,
          context.control.promote(project, { version, ...issued(`promote-${version}`, options) }),
        );
        context.print(
          answer,
          () => withEnded(describeSwitch(answer), before, answer),
          afterRoute(project, answer.route),
        );
        return 0;
      }),
    );

  withSaid(program.command('rollback'))
    .description('moves all traffic back to the previous version')
    .argument('<project>', 'its name', projectName)
    .action(
      action(async (context, project: string, options: Said) => {
        await announced(context, project);
        const before = await context.control.route(project).catch(() => undefined);
        const answer = await ofRoute(project, context.control.rollback(project, issued('rollback', options)));
        context.print(
          answer,
          () => withEnded(describeSwitch(answer), before, answer),
          afterRoute(project, answer.route),
        );
        return 0;
      }),
    );
}

const MOVES: readonly (readonly [RolloutMove, string])[] = [
  ['skip', 'the next step of a rollout now'],
  ['pause', 'no step of a rollout comes by itself until it is resumed'],
  ['resume', 'goes on with a rollout that is paused'],
  ['abort', 'all traffic back to who had it before the rollout'],
];

function moveCommand(rollout: Command, move: RolloutMove, description: string): void {
  withSaid(rollout.command(move))
    .description(description)
    .argument('<project>', 'its name', projectName)
    .action(
      action(async (context, project: string, options: Said) => {
        const { rollout: seen, revision } = await context.control.route(project);
        // A step that came meanwhile is not skipped too; what takes a rollout back holds for whatever it has come
        // to.
        const expected = move === 'skip' ? { expectedRevision: revision } : {};
        const ofIt = seen.version > 0 ? { version: seen.version } : {};
        const answer = await ofRoute(
          project,
          context.control.moveRollout(project, move, { ...ofIt, ...expected, ...issued(`rollout-${move}`, options) }),
        );
        const nowMs = systemClock.nowMs();
        const progress = rolloutProgress(answer.route, nowMs);
        context.print(
          answer,
          () => [describeSwitch(answer), ...(progress === undefined ? [] : [progressText(progress, nowMs)])].join('\n'),
          afterRoute(project, answer.route),
        );
        return 0;
      }),
    );
}

/**
 * The router takes a rollout of any version and waits until it is loaded, for it may hear of it before its
 * announcement: a wrong number would be waited for in vain. Where the registry is away, the router's word holds.
 */
export async function announced({ control }: Context, project: string, version?: number): Promise<void> {
  const versions = (await control.models(project).catch(() => undefined))?.map((model) => model.version);
  if (versions === undefined) return;
  if (versions.length === 0) throw new PlatformError('not_found', `${project} has no model version`);
  if (version === undefined || versions.includes(version)) return;
  throw new PlatformError(
    'not_found',
    `${project} has no version ${version}; \`millrace models ${project}\` lists its versions`,
  );
}

/** Lets a version live that is not blessed. */
export const forced = (project: string, version: number): string =>
  `millrace rollout start ${project} ${version} --force --by <your name>`;

/** What is refused because of where the traffic goes is told with the command that shows it. */
export async function ofRoute<T>(
  project: string,
  asked: Promise<T>,
  allTheSame?: string,
  status = `millrace rollout status ${project}`,
): Promise<T> {
  try {
    return await asked;
  } catch (thrown) {
    const error = PlatformError.from(thrown);
    const { retry, facts } = error;
    if (error.code === 'deadline_exceeded')
      throw new PlatformError(
        error.code,
        `the router has not answered in time: ${error.reason}. \`millrace status\` shows whether it lives and holds its ` +
          `partitions, \`${status}\` whether the change came into force`,
        { retry, facts, cause: error },
      );
    if (error.code !== 'conflict') throw error;
    if (facts.reason === 'not_blessed' && allTheSame !== undefined)
      throw new PlatformError(error.code, `${error.reason}: \`${allTheSame}\``, { retry, facts, cause: error });
    const reason = `${error.reason}; \`${status}\` shows where its traffic goes`;
    throw new PlatformError('conflict', reason, { retry, facts, cause: error });
  }
}

function withEnded(text: string, before: Route | undefined, { route }: ControlAnswer): string {
  const ended = before === undefined ? undefined : endedExperiment(before, route);
  return ended === undefined ? text : `${text}\n${ended}`;
}

function describeSwitch({ route, switch: made }: ControlAnswer): string {
  return `${describeRoute(route)}${made === null ? '' : `; in force after ${made.effectiveMs.toFixed(1)} ms`}`;
}

function describeRoute({ targets, shadows, shadowShare, rollout }: Route): string {
  const shares = targets.map((t) => `version ${t.version} (${t.name}) ${t.weight} %`).join(', ');
  const message = rollout.message === '' ? '' : `: ${rollout.message}`;
  const copies = shadows.length === 0 ? '' : `; copies of ${shadowShare} % to version ${shadows.join(', ')}`;
  return `${shares || 'no version in service'}${copies}; rollout ${rollout.phase}${message}`;
}

/** All that a rollout tells is of the targets; who takes part in an experiment goes elsewhere. */
const isRunning = ({ experiment }: Route): boolean => experiment !== undefined && experiment.end === undefined;
const BESIDE_ROUTE = 'an experiment runs beside it, whose arms answer those who take part:';

/** What helps now: to watch what serves, and to take it back where that is possible. */
function afterRoute(project: string, { targets, rollout, previousVersion }: Route): string[] {
  const { phase, steps } = rollout;
  if (phase === 'progressing' && steps !== undefined) {
    const goesOn = [`millrace rollout pause ${project}`, `millrace rollout skip ${project}`];
    const next = steps.pause === undefined ? goesOn : [`millrace rollout resume ${project}`];
    return [`millrace rollout status ${project}`, ...next, `millrace rollout abort ${project}`];
  }
  if (['loading', 'ready', 'progressing'].includes(phase)) return [`millrace rollout status ${project}`];
  if (targets.length === 0) return [`millrace models ${project}`];
  return [`millrace drift ${project}`, ...(previousVersion > 0 ? [`millrace rollback ${project}`] : [])];
}
