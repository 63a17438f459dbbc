// The rollout state machine of one project: a route and a command (or the outcome of a load) give the next route, or a
// reason why not. Pure: the caller holds the clock, the log and the readiness probe.
//
//   start ─▶ loading ──ready──▶ promoted          rollback: 100 % to previous_version
//               └──failed / timed out──▶ failed   (live traffic as it was)
//
// Invariants, held for every reachable route (route-state.spec.ts):
//  1. targets are empty or their weights add up to 100, each 1 to 100, at most two (blue and green), no version twice;
//  2. every target is loaded and is not the version that is still loading;
//  3. a failed load changes no target;
//  4. the revision grows by exactly one per change; a command applied once is `unchanged` when it comes again;
//  5. previous_version is 0 or loaded.
// A version leaves loaded_versions only when the next rollout starts or its own load fails, never in the write that takes
// its traffic away: requests already sent to it still find it in serving.

import type { Command, CommandAction } from '@millrace/contracts';
import { type Colour, emptyRoute, primaryVersion, type Route, type RouteTarget, readyVersions } from './route.js';

/** Newest command ids kept with a route; a redelivery comes within one consumer session, far fewer commands. */
export const RECENT_COMMANDS_MAX = 64;

/**
 * A command this old is not applied: should the consumer's position be lost (Kafka forgets it after 7 idle days), weeks of
 * old commands come again, and the newest 64 ids do not cover them. Callers wait seconds, the loop decides anew.
 */
export const COMMAND_AGE_MAX_MS = 3_600_000;

export type RejectionReason =
  | 'expired'
  | 'revision_conflict'
  | 'invalid_version'
  | 'invalid_weights'
  | 'not_loaded'
  | 'already_live'
  | 'nothing_to_roll_back'
  | 'rollout_in_progress'
  | 'load_superseded'
  | 'not_a_route_command';

export type Decision =
  | { kind: 'changed'; route: Route }
  /** The command was applied before. */
  | { kind: 'unchanged'; route: Route }
  | { kind: 'rejected'; reason: RejectionReason; message: string };

export type LoadOutcome =
  | { kind: 'ready'; version: number; revision: number }
  | { kind: 'failed'; version: number; revision: number; message: string };

/** Applies a command. */
export function decide(current: Route | undefined, command: Command, nowMs: number): Decision {
  const route = current ?? emptyRoute(command.project);
  if (route.recentCommandIds.includes(command.id)) return { kind: 'unchanged', route };
  if (command.issuedAtMs !== 0 && nowMs - command.issuedAtMs > COMMAND_AGE_MAX_MS) {
    return rejected('expired', `the command is older than ${COMMAND_AGE_MAX_MS} ms`);
  }
  if (command.expectedRevision !== 0 && command.expectedRevision !== route.revision) {
    return rejected('revision_conflict', `expected revision ${command.expectedRevision}, it is ${route.revision}`);
  }
  const moved = act(route, command.action);
  if (moved.kind === 'rejected') return moved;
  return { kind: 'changed', route: stamp(route, moved.route, command, nowMs) };
}

/** Applies the outcome of a load; `revision` is the one at which loading began, so that a late outcome is recognised. */
export function settleLoad(route: Route, outcome: LoadOutcome, nowMs: number): Decision {
  const { rollout } = route;
  if (rollout.phase !== 'loading' || rollout.version !== outcome.version || route.revision !== outcome.revision) {
    return rejected('load_superseded', `version ${outcome.version} is no longer the one that loads`);
  }
  if (outcome.kind === 'ready') {
    const loaded: Route = { ...route, rollout: { phase: 'ready', version: outcome.version, message: '' } };
    return { kind: 'changed', route: bump(moveAllTo(loaded, outcome.version, primaryVersion(route)), route, nowMs) };
  }
  const next: Route = { ...dropLoading(route, outcome.message) };
  return { kind: 'changed', route: bump(next, route, nowMs) };
}

type Move = { kind: 'moved'; route: Route } | Extract<Decision, { kind: 'rejected' }>;

function act(route: Route, action: CommandAction): Move {
  switch (action.kind) {
    case 'startRollout':
      return startRollout(route, action.version);
    case 'promote':
      return promote(route, action.version);
    case 'rollback':
      return rollback(route);
    case 'setWeights':
      return setWeights(route, action.weights);
    case 'startTraining':
      return rejected('not_a_route_command', 'the trainer owns this command');
  }
}

function startRollout(route: Route, version: number): Move {
  if (!isVersion(version)) return rejected('invalid_version', `version ${version} is not a positive integer`);
  if (isSoleTarget(route, version)) return rejected('already_live', `version ${version} has all traffic`);
  if (route.rollout.phase === 'loading') {
    return rejected('rollout_in_progress', `version ${route.rollout.version} is loading`);
  }
  if (route.loadedVersions.includes(version)) {
    return { kind: 'moved', route: moveAllTo(route, version, primaryVersion(route)) };
  }
  const held = new Set([...route.targets.map((target) => target.version), route.previousVersion, version]);
  held.delete(0);
  const loadedVersions = [...held].sort((a, b) => a - b);
  return { kind: 'moved', route: { ...route, loadedVersions, rollout: { phase: 'loading', version, message: '' } } };
}

function promote(route: Route, version: number): Move {
  if (!isVersion(version)) return rejected('invalid_version', `version ${version} is not a positive integer`);
  if (isSoleTarget(route, version)) return rejected('already_live', `version ${version} has all traffic`);
  if (!readyVersions(route).includes(version)) return rejected('not_loaded', `version ${version} is not loaded`);
  return { kind: 'moved', route: moveAllTo(supersede(route, 'promote'), version, primaryVersion(route)) };
}

/** After it there is no previous version: a second rollback must not bring the bad one back; promote undoes it. */
function rollback(route: Route): Move {
  const version = route.previousVersion;
  if (version === 0) return rejected('nothing_to_roll_back', 'there is no previous version');
  const moved = moveAllTo(supersede(route, 'rollback'), version, 0);
  return { kind: 'moved', route: { ...moved, previousVersion: 0 } };
}

function setWeights(route: Route, weights: readonly { version: number; weight: number }[]): Move {
  const wanted = weights.filter((entry) => entry.weight !== 0).sort((a, b) => a.version - b.version);
  const sum = wanted.reduce((total, entry) => total + entry.weight, 0);
  const whole = wanted.every((entry) => Number.isInteger(entry.weight) && entry.weight > 0);
  const distinct = new Set(wanted.map((entry) => entry.version)).size === wanted.length;
  if (!whole || !distinct || sum !== 100 || wanted.length > 2) {
    return rejected('invalid_weights', 'one or two versions with whole weights that add up to 100');
  }
  const ready = readyVersions(route);
  const absent = wanted.find((entry) => !ready.includes(entry.version));
  if (absent) return rejected('not_loaded', `version ${absent.version} is not loaded`);
  if (wanted.length === 1) return promote(route, wanted[0]!.version);
  const primary = primaryVersion(route);
  return {
    kind: 'moved',
    route: {
      ...route,
      targets: colourPair(route, wanted),
      previousVersion: route.targets.length === 1 ? primary : route.previousVersion,
    },
  };
}

function moveAllTo(route: Route, version: number, from: number): Route {
  const other = route.targets.find((target) => target.version !== version)?.version ?? route.previousVersion;
  const previous = from !== 0 && from !== version ? from : other;
  return {
    ...route,
    targets: [{ version, weight: 100, colour: colourFor(route, version) }],
    previousVersion: previous === version ? 0 : previous,
    rollout: route.rollout.phase === 'loading' ? route.rollout : { phase: 'promoted', version, message: '' },
  };
}

/** A promote or rollback by someone ends a rollout under way: it must not move traffic again later. */
function supersede(route: Route, by: string): Route {
  return route.rollout.phase === 'loading' ? dropLoading(route, `superseded by ${by}`) : route;
}

function dropLoading(route: Route, message: string): Route {
  const { version } = route.rollout;
  return {
    ...route,
    loadedVersions: route.loadedVersions.filter((loaded) => loaded !== version),
    rollout: { phase: 'failed', version, message },
  };
}

function colourFor(route: Route, version: number): Colour {
  const own = route.targets.find((target) => target.version === version);
  if (own) return own.colour;
  const live = route.targets.find((target) => target.version === primaryVersion(route));
  return live?.colour === 'blue' ? 'green' : 'blue';
}

function colourPair(route: Route, wanted: readonly { version: number; weight: number }[]): RouteTarget[] {
  const kept = wanted.map((entry) => route.targets.find((target) => target.version === entry.version)?.colour);
  const first = kept[0] ?? (kept[1] === 'blue' ? 'green' : 'blue');
  const second: Colour = first === 'blue' ? 'green' : 'blue';
  return wanted.map((entry, index) => ({ ...entry, colour: index === 0 ? first : second }));
}

function isVersion(version: number): boolean {
  return Number.isInteger(version) && version > 0;
}

function isSoleTarget(route: Route, version: number): boolean {
  return route.targets.length === 1 && route.targets[0]?.version === version;
}

function stamp(before: Route, after: Route, command: Command, nowMs: number): Route {
  return {
    ...bump(after, before, nowMs),
    reason: command.reason,
    correlationId: command.correlationId,
    recentCommandIds: [...before.recentCommandIds, command.id].slice(-RECENT_COMMANDS_MAX),
  };
}

function bump(after: Route, before: Route, nowMs: number): Route {
  return { ...after, revision: before.revision + 1, changedAtMs: nowMs };
}

function rejected(reason: RejectionReason, message: string): Extract<Decision, { kind: 'rejected' }> {
  return { kind: 'rejected', reason, message };
}

/** Whether two routes send live traffic differently. */
export function sameTraffic(a: Route | undefined, b: Route): boolean {
  const before = a?.targets ?? [];
  return (
    before.length === b.targets.length &&
    before.every((target, i) => target.version === b.targets[i]?.version && target.weight === b.targets[i]?.weight)
  );
}
