// Waits until a version answers: by the loop, where the project's file lets blessed versions go live by themselves, or
// after a rollout that a person has asked for.

import { PlatformError, systemClock } from '@millrace/domain';
import { projectFromDocument } from '@millrace/project';
import { rolloutProgress } from '@millrace/routing';
import { progressText } from '../overview/rollout-text.js';
import { type Context, poll } from './context.js';

/** From the announcement of a version to its traffic: the loop hears of it, the router loads it. */
const ROLLOUT_DEADLINE_MS = 60_000;

/** Whether a version got its traffic, and where not, why. */
export interface Arrival {
  readonly isInService: boolean;
  /** For people; '' where it is. */
  readonly why: string;
}

const notYet = (why: string): Arrival => ({ isInService: false, why });

type Route = NonNullable<Awaited<ReturnType<Context['control']['routeOrNone']>>>;

/** As its route says; undefined: it has no traffic so far, and nothing has failed. */
function arrivalOn(project: string, route: Route | undefined, version: number): Arrival | undefined {
  if (route === undefined) return undefined;
  const { rollout, targets } = route;
  const nowMs = systemClock.nowMs();
  const progress = rollout.version === version ? rolloutProgress(route, nowMs) : undefined;
  if (progress !== undefined)
    return notYet(`it comes in steps (${progressText(progress, nowMs)}); \`millrace rollout status ${project}\``);
  if (targets.some((target) => target.version === version)) return { isInService: true, why: '' };
  const isFailed = rollout.phase === 'failed' && rollout.version === version;
  return isFailed ? notYet(`its rollout failed: ${rollout.message}`) : undefined;
}

/** Whether a blessed version comes into service by the loop; a person has to bring it there where the file says so. */
export async function comesIntoService(context: Context, project: string, version: number): Promise<Arrival> {
  const { control } = context;
  const stage = context.stages().stage('in service', `waits for the loop to bring version ${version} into service`);
  const startedMs = systemClock.monotonicMs();
  let waits = 'nobody has said yet what for';
  const arrival = async (): Promise<Arrival> => {
    const projects = await poll(() => control.projects(), 'the project', ROLLOUT_DEADLINE_MS);
    const entry = projects.find(({ name }) => name === project);
    if (entry === undefined || !projectFromDocument(JSON.stringify(entry.document)).rollout.automatic)
      return notYet('a person brings it there (rollout.automatic of the project file is false)');
    return poll(
      async () => {
        const [route, loop] = [await control.routeOrNone(project), await control.loop(project)];
        const arrived = arrivalOn(project, route, version);
        if (arrived !== undefined) return arrived;
        waits = `the loop (${loop.phase}) waits for ${loop.waits.for}`;
        stage.progress(systemClock.monotonicMs() - startedMs, ROLLOUT_DEADLINE_MS, waits);
        // Its turn comes after the retraining that runs, or by a person.
        return ['calm', 'cooling', 'rolling_out'].includes(loop.phase) ? undefined : notYet(waits);
      },
      'the rollout',
      ROLLOUT_DEADLINE_MS,
    );
  };
  const ended = await arrival().catch((thrown: unknown) => {
    // It is announced and blessed: that it takes longer to serve, or that nobody says, is no failure of what made it.
    const { code, reason } = PlatformError.from(thrown);
    const seconds = Math.round((systemClock.monotonicMs() - startedMs) / 1_000);
    const said = code === 'deadline_exceeded' ? waits : reason;
    return notYet(`after ${seconds} s ${said}; it may still come, and \`millrace status\` shows who does not answer`);
  });
  if (ended.isInService) stage.done(`version ${version}`);
  else stage.fail('not yet');
  return ended;
}

/** What a command says of it below its verdict. */
export const arrivalText = (version: number, { isInService, why }: Arrival): string =>
  isInService ? `version ${version} is in service` : `version ${version} is not in service yet: ${why}`;

/** Starts a rollout and waits until it has traffic, or has failed. @throws PlatformError where it is refused */
export async function bringIntoService(
  { control }: Context,
  project: string,
  version: number,
  reason: string,
): Promise<Arrival> {
  await control.startRollout(project, { version, reason, correlationId: `cli-rollout-${version}` });
  return poll(
    async () => arrivalOn(project, await control.routeOrNone(project), version),
    'the rollout',
    ROLLOUT_DEADLINE_MS,
  );
}
