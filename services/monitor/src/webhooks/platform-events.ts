// What other systems are told of a project, as CloudEvents, made of the messages that the services write anyway. An
// id is made of what happened, so that a message that is read twice is the same event; each carries the correlation
// id of its episode where there is one. Of a route its step is told by what it was before. Pure.

import type { AnyDriftEvent, ModelVersion, TrainingEvent } from '@millrace/contracts';
import { cohortText, eventType, type PlatformEvent } from '@millrace/domain';
import { primaryVersion, type Route } from '@millrace/routing';

export interface ProjectEvent {
  project: string;
  event: PlatformEvent;
  id: string;
  /** What it is about: a feature, a version, a training. */
  subject: string;
  data: Readonly<Record<string, unknown>>;
}

/** What is remembered of a project's route. */
export interface RouteSeen {
  revision: number;
  changedAtMs: number;
  live: number;
  /** Versions with their weights, as a text to compare. */
  traffic: string;
  /** Phase and version of the rollout, and `back` of a load for a rollback, likewise. */
  rollout: string;
  /** Since when it is paused; 0: it is not. Not there in what an earlier release kept. */
  pausedMs?: number;
  /** The last experiment by the revision that it began with, and whether it is over; likewise. */
  experiment?: string;
}

const DRIFT_PREFIX = eventType('drift.detected').replace('drift.detected.v1', '');

/** Without the histogram, which is most of its bytes. */
export function ofDrift({ type, id, subject, data }: AnyDriftEvent): ProjectEvent {
  const { histogram: _left, ...rest } = data;
  const event = type.slice(DRIFT_PREFIX.length, -'.v1'.length) as PlatformEvent;
  const message = data.message ?? `${data.feature} of ${cohortText(data.cohort)}: ${data.detector}`;
  return { project: data.project, event, id, subject, data: { ...rest, message } };
}

export function ofTraining({ project, trainingId, atMs, correlationId, event }: TrainingEvent): ProjectEvent[] {
  const common = { project, subject: trainingId };
  const facts = { project, trainingId, atMs, correlationId };
  const id = (step: string) => `${project}/training/${trainingId}/${step}`;
  switch (event.kind) {
    case 'started': {
      const { trainRows, workers } = event;
      const data = { ...facts, trainRows, workers, message: `training ${trainingId} begins with ${trainRows} rows` };
      return [{ ...common, event: 'training.begun', id: id('begun'), data }];
    }
    case 'finished': {
      const { version, blessed, verdict } = event;
      const message = verdict === '' ? `training ${trainingId} made version ${version}` : verdict;
      const data = { ...facts, outcome: 'finished', version, blessed, message };
      return [{ ...common, event: 'training.ended', id: id('ended'), data }];
    }
    case 'failed': {
      const { code, message } = event;
      return [
        { ...common, event: 'training.ended', id: id('ended'), data: { ...facts, outcome: 'failed', code, message } },
      ];
    }
    default:
      return [];
  }
}

export function ofModel({ project, version, blessed, verdict, trainingId, createdAtMs }: ModelVersion): ProjectEvent {
  const said = `version ${version} is ${blessed ? '' : 'not '}blessed`;
  const data = { project, version, blessed, trainingId, atMs: createdAtMs, message: verdict === '' ? said : verdict };
  const event = blessed ? 'version.blessed' : 'version.refused';
  return { project, event, id: `${project}/version/${version}/${createdAtMs}/${event}`, subject: `${version}`, data };
}

/** `before`: undefined where nothing is remembered, as at the first route. */
export function ofRoute(before: RouteSeen | undefined, route: Route): ProjectEvent[] {
  const { project, revision, rollout, previousVersion, targets, changedAtMs, reason, correlationId } = route;
  const seen = seenOf(route);
  if (isOlder(seen, before)) return [];
  const weights = targets.map(({ version, weight }) => ({ version, weight }));
  const { steps } = rollout;
  const progress = steps === undefined ? {} : { step: steps.at + 1, steps: steps.plan.length };
  const facts = { project, revision, weights, previousVersion, reason, correlationId, atMs: changedAtMs, ...progress };
  const id = `${project}/route/${revision}/${changedAtMs}`;
  const step = stepOf(before, seen, route);
  const besides = besidesOf(before, seen, route).filter(({ event }) => event !== step);
  const shares = weights.map(({ version, weight }) => `version ${version} ${weight} %`).join(', ');
  const why = step === 'rollout.step' ? shares : rollout.message;
  const told = [
    ...besides.filter(({ event }) => event === 'rollout.superseded'),
    ...(step === undefined ? [] : [{ event: step, version: versionOf(step, seen, route), why }]),
    ...besides.filter(({ event }) => event !== 'rollout.superseded'),
  ];
  const words = isBack(before?.rollout) ? { ...WORDS, ...WORDS_OF_ROLLBACK } : WORDS;
  const ofRollout = told.map(({ event, version, why }) => {
    const message = `${words[event]} ${version}${why === '' ? '' : `: ${why}`}`;
    const data = { ...facts, version, message };
    return { project, event, id: event === step ? id : `${id}/${event}`, subject: `${version}`, data };
  });
  return [...ofRollout, ...ofExperiment(before, seen, route)];
}

/** Its beginning and its end, whoever brought it: one that a rollout ends, or its time, is told as well. */
function ofExperiment(before: RouteSeen | undefined, seen: RouteSeen, route: Route): ProjectEvent[] {
  const { project, experiment, revision, changedAtMs, correlationId } = route;
  // Of one that had ended before anything was remembered nobody waits to hear.
  const isNew = experiment !== undefined && seen.experiment !== before?.experiment;
  if (!isNew || (experiment.end !== undefined && before?.experiment === undefined)) return [];
  const { name, control, share, endsAtMs, startedBy, end, fromRevision } = experiment;
  const arms = experiment.arms.map(({ version, weight }) => ({ version, weight }));
  const facts = { project, revision, name, arms, control, share, endsAtMs, atMs: changedAtMs, correlationId };
  const told = (event: PlatformEvent, more: object): ProjectEvent => {
    const id = `${project}/experiment/${fromRevision}/${experiment.startedAtMs}/${event}`;
    return { project, event, id, subject: name, data: { ...facts, ...more } };
  };
  if (end === undefined) {
    const shares = arms.map(({ version, weight }) => `version ${version} ${weight} %`).join(', ');
    const message = `experiment ${name} begins: ${shares}, of ${share} % of the traffic`;
    return [told('experiment.started', { by: startedBy, message })];
  }
  const { by, reason, winner } = end;
  const message = `experiment ${name} has ended${by === '' ? '' : ` by ${by}`}: ${reason}`;
  return [told('experiment.ended', { by, reason, ...(winner === 0 ? {} : { winner }), message })];
}

function versionOf(step: RouteStep, seen: RouteSeen, { rollout }: Route): number {
  const isOfRollout = OF_ROLLOUT.includes(step) || rollout.phase === 'progressing';
  return isOfRollout ? rollout.version : seen.live;
}

const OF_ROLLOUT: readonly RouteStep[] = ['rollout.started', 'rollout.rolling_back', 'rollout.aborted'];

interface Beside {
  event: RouteStep;
  version: number;
  why: string;
}

/** What a change of the route is beside a step of its traffic: several may come with one. */
function besidesOf(before: RouteSeen | undefined, seen: RouteSeen, { rollout }: Route): Beside[] {
  const [phase, version] = (before?.rollout ?? '').split(' ');
  const wasUnderWay = phase === 'loading' || phase === 'ready' || phase === 'progressing';
  const isAnother = Number(version) !== rollout.version;
  const pausedMs = (isAnother ? 0 : before?.pausedMs) ?? 0;
  const { pause } = rollout.steps ?? {};
  const said = [pause?.by ? `by ${pause.by}` : '', pause?.reason ?? ''].filter((text) => text !== '').join(', ');
  const because = `${said === '' ? '' : `${said}; `}it waits for a person`;
  return [
    ...(wasUnderWay && isAnother
      ? [
          {
            event: 'rollout.superseded' as const,
            version: Number(version),
            why: `by one of version ${rollout.version}`,
          },
        ]
      : []),
    ...(rollout.phase === 'loading' && seen.rollout !== before?.rollout
      ? [{ event: loadingOf(rollout), version: rollout.version, why: rollout.message }]
      : []),
    ...(pause !== undefined && pausedMs === 0
      ? [{ event: 'rollout.paused' as const, version: rollout.version, why: because }]
      : []),
    ...(pause === undefined && pausedMs > 0 && rollout.phase === 'progressing'
      ? [{ event: 'rollout.resumed' as const, version: rollout.version, why: '' }]
      : []),
  ];
}

export function seenOf({ revision, changedAtMs, targets, rollout, experiment }: Route): RouteSeen {
  const traffic = targets.map(({ version, weight }) => `${version}=${weight}`).join(',');
  return {
    revision,
    changedAtMs,
    live: primaryVersion(targets),
    traffic,
    rollout: `${rollout.phase} ${rollout.version}${rollout.back === true ? BACK : ''}`,
    pausedMs: rollout.steps?.pause?.sinceMs ?? 0,
    experiment: experiment === undefined ? '' : `${experiment.fromRevision}${experiment.end ? ' over' : ''}`,
  };
}

/** By time first: a project that was deleted and applied anew counts its revisions from the beginning. */
export function isOlder(seen: RouteSeen, before: RouteSeen | undefined): boolean {
  if (before === undefined) return false;
  if (seen.changedAtMs !== before.changedAtMs) return seen.changedAtMs < before.changedAtMs;
  return seen.revision <= before.revision;
}

type RouteStep = Extract<PlatformEvent, `rollout.${string}`>;

const WORDS: Readonly<Record<RouteStep, string>> = {
  'rollout.started': 'loading version',
  'rollout.step': 'a step of the rollout of version',
  'rollout.promoted': 'all traffic goes to version',
  'rollout.paused': 'paused: the rollout of version',
  'rollout.resumed': 'goes on: the rollout of version',
  'rollout.superseded': 'given up: the rollout of version',
  'rollout.aborted': 'not rolled out: version',
  'rollout.rolling_back': 'loading again, for a rollback, version',
  'rollout.rolled_back': 'all traffic is back at version',
};

/** Where what ends is a rollback whose version had to be loaded first. */
const WORDS_OF_ROLLBACK: Partial<Record<RouteStep, string>> = {
  'rollout.superseded': 'given up: the rollback to version',
  'rollout.aborted': 'not rolled back: version',
};

const BACK = ' back';
const isBack = (rollout: string | undefined): boolean => rollout?.endsWith(BACK) === true;
const loadingOf = ({ back }: Route['rollout']): RouteStep =>
  back === true ? 'rollout.rolling_back' : 'rollout.started';

/** A rollback alone leaves no previous version where another one was live (libs/routing: rollout.ts). */
function stepOf(
  before: RouteSeen | undefined,
  seen: RouteSeen,
  { targets, previousVersion, rollout }: Route,
): RouteStep | undefined {
  const hasMoved = targets.length > 0 && seen.traffic !== before?.traffic;
  const wasInSteps = before?.rollout.startsWith('progressing ') === true;
  // In a check before a switch the version had no traffic that could come back.
  if (rollout.phase === 'failed' && wasInSteps) return hasMoved ? 'rollout.rolled_back' : 'rollout.aborted';
  if (hasMoved) {
    if (targets.length > 1 || rollout.phase === 'progressing') return 'rollout.step';
    return previousVersion === 0 && before !== undefined && before.live !== 0
      ? 'rollout.rolled_back'
      : 'rollout.promoted';
  }
  if (seen.rollout === before?.rollout) return undefined;
  if (rollout.phase === 'progressing') return 'rollout.step';
  // The check after the switch is over: all traffic was there already.
  if (rollout.phase === 'promoted' && wasInSteps) return 'rollout.promoted';
  if (rollout.phase === 'loading') return loadingOf(rollout);
  return rollout.phase === 'failed' ? 'rollout.aborted' : undefined;
}

type Told = Omit<ProjectEvent, 'event'> & { event: PlatformEvent | 'webhook.test' };

/** CloudEvents 1.0, structured. `atMs`: when its message was written. */
export function bodyOf({ project, event, id, subject, data }: Told, atMs: number): string {
  const time = new Date(atMs).toISOString();
  return JSON.stringify({
    ...{ specversion: '1.0', type: eventType(event), id, source: `/millrace/${project}`, subject, time },
    ...{ datacontenttype: 'application/json', data },
  });
}
