// Waits until a version answers: by the loop, where the project's file lets blessed versions go live by themselves, or
// after a rollout that a person has asked for.

import { projectFromDocument } from '@millrace/project';
import { type Context, poll } from './context.js';

/** From the announcement of a version to its traffic: the loop hears of it, the router loads it. */
const ROLLOUT_DEADLINE_MS = 60_000;

/** Whether a blessed version comes into service by the loop; false where a person has to bring it there. */
export async function comesIntoService({ control }: Context, project: string, version: number): Promise<boolean> {
  try {
    const projects = await poll(() => control.projects(), 'the project', ROLLOUT_DEADLINE_MS);
    const entry = projects.find(({ name }) => name === project);
    if (entry === undefined || !projectFromDocument(JSON.stringify(entry.document)).rollout.automatic) return false;
    return await poll(
      async () => {
        const [route, loop] = [await control.routeOrNone(project), await control.loop(project)];
        if (route?.targets.some((target) => target.version === version)) return true;
        // Its turn comes after the retraining that runs, or by a person.
        if (!['calm', 'cooling', 'rolling_out'].includes(loop.phase)) return false;
        return route?.rollout.phase === 'failed' && route.rollout.version === version ? false : undefined;
      },
      'the rollout',
      ROLLOUT_DEADLINE_MS,
    );
  } catch {
    // It is announced and blessed: that it takes longer to serve, or that nobody says, is no failure of what made it.
    return false;
  }
}

/** Starts a rollout and waits for its end. @throws PlatformError where the version does not come into service */
export async function bringIntoService({ control }: Context, project: string, version: number, reason: string) {
  await control.startRollout(project, { version, reason, correlationId: `cli-rollout-${version}` });
  return poll(
    async () => {
      const route = await control.routeOrNone(project);
      if (route?.targets.some((target) => target.version === version)) return true;
      return route?.rollout.phase === 'failed' && route.rollout.version === version ? false : undefined;
    },
    'the rollout',
    ROLLOUT_DEADLINE_MS,
  );
}
