// Watches the loop close during the replay: drift event, retraining, switch; then exercises a rollback and undoes it.

import { cohortOfVersion, PlatformError } from '@millrace/domain';
import { figure } from '@millrace/evaluation';
import type { Project } from '@millrace/project';
import type { ControlClient, RegisteredVersion } from '../client/control.http.js';
import type { Stage, Stages } from '../terminal/stage.js';
import { showTraining } from '../train/training-report.js';
import type { LiveTraffic } from './traffic.process.js';
import { until, type Waiting } from './waiting.js';

export interface LoopWatchOptions {
  control: ControlClient;
  project: Project;
  reporter: Stages;
  traffic: LiveTraffic;
  waiting: Waiting;
  /** The version in service when the replay began. */
  firstVersion: number;
  /** Features that the declared shift changes. */
  watched: ReadonlySet<string>;
  labelledOnNewVersion: number;
  stage(id: string, title: string): Stage;
  waitForLive(version: number): Promise<void>;
}

const SLOW_POLL_MS = 500;
/** Without rolling_out: at the start of the replay the loop may still see the first version into service. */
const EPISODE_BEGUN = ['settling', 'approval', 'training'];

export async function watchLoop(options: LoopWatchOptions): Promise<{ rollbackMs: number }> {
  const { control, project, traffic, waiting, firstVersion } = options;
  const loopPhase = async () => (await control.loop(project.name)).phase as string;
  await until(waiting, async () => EPISODE_BEGUN.includes(await loopPhase()), 'a drift event', SLOW_POLL_MS);
  await tellDrift(options);

  const retrain = options.stage('retrain', 'on the newest live data');
  await until(waiting, async () => (await loopPhase()) === 'training', 'the retraining to start', SLOW_POLL_MS);
  traffic.enter('retrain', true);
  const second = await newVersion(options, retrain);
  traffic.enter('switch', false);
  const { metric } = project.scope;
  const before = `${figure(second.championEvaluation, metric)} of version ${second.championVersion}`;
  const figures = `version ${second.version}: ${figure(second.evaluation, metric)} against ${before}`;
  if (!second.blessed) {
    retrain.fail(`${figures}, not blessed`);
    throw new PlatformError('internal', `version ${second.version} was not blessed: ${second.reasons.join(' ')}`);
  }
  retrain.done(`${figures}, blessed`);
  await options.waitForLive(second.version);

  const stage = options.stage('rollback', 'exercised and undone');
  const answers = (version: number) => async () => traffic.status.newestVersion === version;
  const back = await control.rollback(project.name, { reason: 'exercise', correlationId: 'main-job-rollback' });
  await until(waiting, answers(firstVersion), `version ${firstVersion} to answer after the rollback`);
  const again = await control.promote(project.name, {
    version: second.version,
    reason: 'undo the rollback',
    correlationId: 'main-job-undo',
  });
  await until(waiting, answers(second.version), `version ${second.version} to answer after the undo`);
  const backMs = back.switch?.effectiveMs ?? Number.NaN;
  const againMs = again.switch?.effectiveMs ?? Number.NaN;
  stage.done(`rolled back in ${backMs.toFixed(1)} ms, undone in ${againMs.toFixed(1)} ms`);
  traffic.enter('after', false);
  await until(
    waiting,
    async () => {
      const { labelsJoined } = await control.labelsJoined(project.name, cohortOfVersion(second.version));
      return labelsJoined >= options.labelledOnNewVersion;
    },
    `version ${second.version} to serve ${options.labelledOnNewVersion} labelled rows`,
    SLOW_POLL_MS,
  );
  return { rollbackMs: backMs };
}

async function tellDrift({ control, project, reporter, watched }: LoopWatchOptions): Promise<void> {
  const events = await control.driftEvents(project.name);
  const first = events.filter((event) => watched.has(event.feature)).at(-1);
  const told = first ? `${first.feature}: ${first.detector} ${first.value.toFixed(3)} ≥ ${first.threshold}` : 'seen';
  reporter.line(`! drift        ${told}; the loop retrains once data has settled`);
}

/** The next version after the first; ends with the loop's own words when the retraining came to nothing. */
async function newVersion(
  { control, project, waiting, firstVersion }: LoopWatchOptions,
  stage: Stage,
): Promise<RegisteredVersion> {
  let found: RegisteredVersion | undefined;
  await until(
    waiting,
    async () => {
      found = (await control.models(project.name)).find((model) => model.version > firstVersion);
      const loop = found ? null : await control.loop(project.name);
      const trainingId = loop?.episode?.trainingId ?? '';
      // The trainer takes it in a moment after the loop has named it.
      const training =
        trainingId === '' ? undefined : await control.training(project.name, trainingId).catch(() => null);
      if (training) showTraining(stage, training);
      if (loop && (loop.phase === 'cooling' || loop.phase === 'calm')) {
        const last = (loop.history as { message: string }[] | undefined)?.at(-1)?.message;
        throw new PlatformError('internal', `the retraining made no version: ${last ?? 'unknown'}`);
      }
      return found !== undefined;
    },
    'the retrained version',
    SLOW_POLL_MS,
  );
  return found as RegisteredVersion;
}
