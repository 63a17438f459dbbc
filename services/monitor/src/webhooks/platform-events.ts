// What other systems are told of a project, as CloudEvents, made of the messages that the services write anyway. An
// id is made of what happened, so that a message that is read twice is the same event; each carries the correlation
// id of its episode where there is one. Of a route its step is told by what it was before. Pure.

import type { AnyDriftEvent, ModelVersion, TrainerEntry, TrainingEvent } from '@millrace/contracts';
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
  /** Phase and version of the rollout, likewise. */
  rollout: string;
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
  const event = isOlder(seen, before) ? undefined : stepOf(before, seen, route);
  if (event === undefined) return [];
  const weights = targets.map(({ version, weight }) => ({ version, weight }));
  const isOfRollout = event === 'rollout.started' || event === 'rollout.aborted' || rollout.phase === 'progressing';
  const version = isOfRollout ? rollout.version : seen.live;
  const message = `${WORDS[event]} ${version}${rollout.message === '' ? '' : `: ${rollout.message}`}`;
  const facts = { project, version, revision, weights, previousVersion, reason, correlationId, atMs: changedAtMs };
  const id = `${project}/route/${revision}/${changedAtMs}`;
  return [{ project, event, id, subject: `${version}`, data: { ...facts, message } }];
}

export function seenOf({ revision, changedAtMs, targets, rollout }: Route): RouteSeen {
  const traffic = targets.map(({ version, weight }) => `${version}=${weight}`).join(',');
  return {
    revision,
    changedAtMs,
    live: primaryVersion(targets),
    traffic,
    rollout: `${rollout.phase} ${rollout.version}`,
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
  'rollout.step': 'a part of the traffic moved, by a rollout of version',
  'rollout.promoted': 'all traffic goes to version',
  'rollout.aborted': 'not rolled out: version',
  'rollout.rolled_back': 'all traffic is back at version',
};

/** A rollback alone leaves no previous version where another one was live (libs/routing: rollout.ts). */
function stepOf(
  before: RouteSeen | undefined,
  seen: RouteSeen,
  { targets, previousVersion, rollout }: Route,
): RouteStep | undefined {
  if (rollout.phase === 'failed' && before?.rollout.startsWith('progressing ')) return 'rollout.rolled_back';
  if (targets.length > 0 && seen.traffic !== before?.traffic) {
    if (targets.length > 1) return 'rollout.step';
    return previousVersion === 0 && before !== undefined && before.live !== 0
      ? 'rollout.rolled_back'
      : 'rollout.promoted';
  }
  if (seen.rollout === before?.rollout) return undefined;
  if (rollout.phase === 'loading') return 'rollout.started';
  return rollout.phase === 'failed' ? 'rollout.aborted' : undefined;
}

/** Of the trainer's own document only what it says by name is read; one of another shape tells nothing. */
export function ofTrainer({ project, trainingId, document }: TrainerEntry): ProjectEvent[] {
  if (trainingId !== '') return [];
  const { phase, episode, askedSinceMs = 0 } = stateOf(document);
  if (phase !== 'approval' || typeof episode?.id !== 'string') return [];
  const message = `a retraining waits for a person: millrace loop ${project} approve, or stop`;
  const data = { project, correlationId: episode.id, waitsFor: 'approval', message };
  return [
    {
      project,
      event: 'loop.waiting',
      id: `${project}/loop/${episode.id}/approval/${String(askedSinceMs)}`,
      subject: 'approval',
      data,
    },
  ];
}

type Told = Omit<ProjectEvent, 'event'> & { event: PlatformEvent | 'webhook.test' };

function stateOf(document: string): { phase?: unknown; episode?: { id?: unknown } | null; askedSinceMs?: unknown } {
  try {
    const state: unknown = JSON.parse(document);
    return typeof state === 'object' && state !== null ? state : {};
  } catch {
    return {}; // the trainer's own concern
  }
}

/** CloudEvents 1.0, structured. `atMs`: when its message was written. */
export function bodyOf({ project, event, id, subject, data }: Told, atMs: number): string {
  const time = new Date(atMs).toISOString();
  return JSON.stringify({
    ...{ specversion: '1.0', type: eventType(event), id, source: `/millrace/${project}`, subject, time },
    ...{ datacontenttype: 'application/json', data },
  });
}
