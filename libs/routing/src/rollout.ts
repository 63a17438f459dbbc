// The rollout state machine of one project: a route and a command (or the outcome of a load) give the next route, or a
// reason why not. Pure: the caller holds the clock, the log and the readiness probe. Where the traffic goes when a
// version is warm, and what targets are called, the project's strategy says (strategy.ts).
//
//   start ─▶ loading ──ready──▶ promoted, or progressing ──last step over, or promote──▶ promoted
//               │                              │  ▲
//               │                              │  └── a step is due, or advance; pause stops that, resume goes on
//               └──failed / timed out / abort──┴── abort, rollback ──▶ failed   (traffic as it was before)
//
// Once promoted, a rollback gives 100 % to previous_version. What a rollout in steps carries is steps.ts.
//
// Invariants, held for every reachable route (rollout.spec.ts):
//  1. targets are empty or their weights add up to 100, each 1 to 100, at most TARGETS_MAX, no version and no name
//     twice;
//  2. every target is loaded and is not the version that is still loading;
//  3. a failed load changes no target;
//  4. the revision grows by exactly one per change; a command applied once is `unchanged` when it comes again;
//  5. previous_version is 0 or loaded, or was unloaded when its time was over, or is an arm that serving does not have:
//     then a rollback loads it first;
//  6. shadows are loaded and not what loads, at most SHADOWS_MAX, no version twice, none that has all traffic; their
//     share is 1 to 100, and 0 without them; a rollback and an abort end them;
//  7. a load always ends: the caller's time-out is an outcome that is never refused at the revision it was made for;
//  8. `progressing` and only that has steps; they say when the next one is due, or that a person decides;
//  9. a rollout that has failed leaves its version without traffic, and abort and rollback win over any step: they hold
//     for the rollout, whatever step it has come to since they were sent, its last one too;
// 10. what a later release has written into a route stays in it. Of such a route traffic is only taken back here, by
//     abort, rollback, the end of an experiment, the analysis or time: what else its words mean this one does not know.
// A version leaves loaded_versions only when the next rollout starts, its own load fails or its time without work is
// over (keep.ts), never in the write that takes its traffic away: requests already sent to it still find it in serving.

import {
  type ExperimentAction,
  type ExperimentOutcome,
  named as namedExperiment,
  setExperimentWeights,
  settledExperiment,
  startExperiment,
  winnerFault,
  withoutExperiment,
} from './experiment.js';
import { isKeepOver, keptUntil, spareVersions } from './keep.js';
import { primaryVersion } from './primary.js';
import {
  emptyRoute,
  isOfLaterRelease,
  type RolloutPause,
  type RolloutState,
  type RolloutSteps,
  type Route,
  readyVersions,
  runningExperiment,
  SHADOW_SHARE_DEFAULT,
  type Share,
  TARGETS_MAX,
} from './route.js';
import type {
  Decision,
  LoadOutcome,
  Rejected,
  RejectionReason,
  RouteAction,
  RouteCommand,
  StepOutcome,
} from './route-command.js';
import { shadowFault, shadowsOf } from './shadows.js';
import { baselineOf, beside, checkOf, firstStep, isDue, resumed, stepAfter, withWeight } from './steps.js';
import type { RolloutStrategy } from './strategy.js';
import { isSoleTarget, isWhole, moveAllTo, named, splitTo, withoutCheck } from './targets.js';

/** Newest command ids kept with a route; a redelivery comes within one consumer session, far fewer commands. */
export const RECENT_COMMANDS_MAX = 64;

/**
 * A command this old is not applied: should the consumer's position be lost (Kafka forgets it after 7 idle days), weeks
 * of old commands come again, and the newest 64 ids do not cover them. Callers wait seconds, the loop decides anew.
 */
const COMMAND_AGE_MAX_MS = 3_600_000;
export const EXPIRED = `by this router's clock the command is older than ${COMMAND_AGE_MAX_MS} ms`;

export const isExpired = ({ issuedAtMs }: RouteCommand, nowMs: number): boolean =>
  issuedAtMs !== 0 && nowMs - issuedAtMs > COMMAND_AGE_MAX_MS;

/** Applies a command. */
export function decide(
  current: Route | undefined,
  command: RouteCommand,
  strategy: RolloutStrategy,
  nowMs: number,
): Decision {
  const route = current ?? emptyRoute(command.project);
  if (route.recentCommandIds.includes(command.id)) return { kind: 'unchanged', route };
  if (isOfLaterRelease(route) && !takesBack(command.action)) return rejected('newer_route', NEWER_ROUTE);
  if (isExpired(command, nowMs)) return rejected('expired', EXPIRED);
  if (!isExpected(route, command)) {
    return rejected('revision_conflict', `expected revision ${command.expectedRevision}, it is ${route.revision}`);
  }
  const moved = move(route, command, strategy, nowMs);
  if (moved.kind === 'rejected') return moved;
  return { kind: 'changed', route: stamp(route, moved.route, command, { strategy, nowMs }) };
}

/**
 * What takes a rollout back, or ends an experiment, was meant for any of its steps: one that came meanwhile must not
 * save it.
 */
function isExpected(route: Route, command: RouteCommand): boolean {
  const { expectedRevision, action } = command;
  const { revision, rollout } = route;
  if (expectedRevision === 0 || expectedRevision === revision) return true;
  if (isOvertaken(route, command)) return expectedRevision < revision;
  const running = runningExperiment(route);
  if (running !== undefined && action.kind === 'endExperiment')
    return expectedRevision >= running.fromRevision && expectedRevision < revision;
  const began = rollout.phase === 'progressing' ? rollout.steps?.fromRevision : undefined;
  if (began === undefined || expectedRevision > revision) return false;
  // An abort may have been sent while the version was still loading.
  return action.kind === 'abort'
    ? expectedRevision >= began - 1
    : action.kind === 'rollback' && expectedRevision >= began;
}

/** The rollout that an abort names was promoted by its last step while the abort was on its way. */
function isOvertaken({ rollout, changedAtMs, previousVersion }: Route, { action, issuedAtMs }: RouteCommand): boolean {
  if (action.kind !== 'abort' || issuedAtMs === 0 || issuedAtMs > changedAtMs) return false;
  return rollout.phase === 'promoted' && rollout.version === action.version && previousVersion !== 0;
}

/** What is refused of a route that a later release has written, and why. */
const NEWER_ROUTE =
  'this route was written by a newer router, and says what this one does not know: update this router first (abort and ' +
  'rollback are taken by this one, too)';

const takesBack = (action: RouteAction): boolean =>
  action.kind === 'abort' || action.kind === 'rollback' || (action.kind === 'endExperiment' && action.winner === 0);

/** Applies the outcome of a load. Where the strategy's step is refused the load has failed: nothing stays `loading`. */
export function settleLoad(route: Route, outcome: LoadOutcome, strategy: RolloutStrategy, nowMs: number): Decision {
  const { rollout } = route;
  if (rollout.phase !== 'loading' || rollout.version !== outcome.version || route.revision !== outcome.revision) {
    return rejected('load_superseded', `version ${outcome.version} is no longer the one that loads`);
  }
  if (outcome.kind === 'failed') {
    return { kind: 'changed', route: bump(dropLoading(route, outcome.message), route, { strategy, nowMs }) };
  }
  const { version } = outcome;
  if (rollout.back !== true && isOfLaterRelease(route))
    return { kind: 'changed', route: bump(dropLoading(route, NEWER_ROUTE), route, { strategy, nowMs }) };
  const loaded: Route = { ...route, rollout: { phase: 'ready', version, message: '' } };
  const moved: Move =
    rollout.back === true
      ? { kind: 'moved', route: backTo(loaded, version, strategy) }
      : giveTraffic(loaded, version, strategy, nowMs);
  const next = moved.kind === 'moved' ? moved.route : dropLoading(route, moved.message);
  return { kind: 'changed', route: bump(next, route, { strategy, nowMs }) };
}

/** What has had nothing to do for its time is unloaded; `revision` is the one at which that was seen. */
export function settleKeep(route: Route, revision: number, strategy: RolloutStrategy, nowMs: number): Decision {
  if (route.revision !== revision || !isKeepOver(route, nowMs))
    return rejected('keep_superseded', 'no version is to be unloaded now');
  if (isOfLaterRelease(route)) return rejected('newer_route', NEWER_ROUTE);
  const spare = spareVersions(route);
  const loadedVersions = route.loadedVersions.filter((version) => !spare.includes(version));
  const reason = `unloaded after its time without traffic: version ${spare.join(', ')}`;
  return { kind: 'changed', route: bump({ ...route, loadedVersions, reason }, route, { strategy, nowMs }) };
}

/** Applies what became of a step whose time is up. */
export function settleStep(route: Route, outcome: StepOutcome, strategy: RolloutStrategy, nowMs: number): Decision {
  const { rollout, revision } = route;
  const { steps } = rollout;
  const isCurrent = revision === outcome.revision && rollout.version === outcome.version;
  if (rollout.phase !== 'progressing' || steps === undefined || !isCurrent || !mayMove(steps, nowMs))
    return rejected('step_superseded', `version ${outcome.version} has no step that is due`);
  if ((outcome.kind === 'next' || outcome.kind === 'weight') && isOfLaterRelease(route))
    return rejected('newer_route', NEWER_ROUTE);
  if (outcome.kind === 'weight' && (steps.bandit === undefined || !isShare(outcome.weight)))
    return rejected('invalid_weights', `${outcome.weight} is no share that a bandit may have, 1 to 99`);
  const { reason = route.reason } = outcome;
  const next = moved(route, steps, outcome, strategy, nowMs);
  return { kind: 'changed', route: bump({ ...next, reason }, route, { strategy, nowMs }) };
}

/** Applies what became of a running experiment. */
export function settleExperiment(
  route: Route,
  outcome: ExperimentOutcome,
  strategy: RolloutStrategy,
  nowMs: number,
): Decision {
  const settled = settledExperiment(route, outcome, nowMs);
  if (settled === undefined) return rejected('no_experiment', 'nothing of the running experiment changes');
  return { kind: 'changed', route: bump({ ...settled.route, reason: settled.reason }, route, { strategy, nowMs }) };
}

/** A bandit moves whenever labels say so, and nobody holds it. */
function mayMove(steps: RolloutSteps, nowMs: number): boolean {
  return steps.bandit === undefined ? isDue(steps, nowMs) : steps.pause === undefined;
}

const isShare = (weight: number): boolean => Number.isInteger(weight) && weight >= 1 && weight <= 99;

function moved(
  route: Route,
  steps: RolloutSteps,
  outcome: StepOutcome,
  strategy: RolloutStrategy,
  nowMs: number,
): Route {
  switch (outcome.kind) {
    case 'next':
      return nextStep(route, steps, strategy, nowMs);
    case 'weight':
      return atStep(route, withWeight(steps, outcome.weight), strategy);
    case 'pause':
      return held(route, { sinceMs: nowMs, reason: outcome.reason, by: outcome.by });
    case 'abort':
      return takenBack(route, why('aborted', outcome.by, outcome.reason), strategy);
  }
}

type Move = { kind: 'moved'; route: Route } | Rejected;

/** Whoever moves the traffic of the targets ends a running experiment: its arms must not go on beside another route. */
function move(route: Route, command: RouteCommand, strategy: RolloutStrategy, nowMs: number): Move {
  const experiment = runningExperiment(route);
  const reason = endsExperiment(command);
  if (experiment === undefined || reason === undefined) return act(route, command, strategy, nowMs);
  const ended = withoutExperiment(route, { nowMs, reason, by: command.issuedBy ?? '' });
  const moved = act(ended, command, strategy, nowMs);
  // Who is to have all traffic has it again without the experiment; and that is all a rollback finds to take back.
  const isDone = moved.kind === 'rejected' && ['already_live', 'nothing_to_roll_back'].includes(moved.reason);
  if (isDone) return { kind: 'moved', route: ended };
  if (moved.kind === 'rejected') return moved;
  // Requests on their way to an arm still find it loaded.
  const arms = experiment.arms.map(({ version }) => version).filter((one) => ended.loadedVersions.includes(one));
  const loadedVersions = [...new Set([...moved.route.loadedVersions, ...arms])].sort((a, b) => a - b);
  return { kind: 'moved', route: { ...moved.route, loadedVersions } };
}

/** Why it does; undefined: it does not. */
function endsExperiment({ action, reason }: RouteCommand): string | undefined {
  switch (action.kind) {
    case 'startRollout':
      return `a rollout of version ${action.version} began`;
    case 'promote':
      return `version ${action.version} was promoted`;
    case 'rollback':
      return `the traffic was rolled back${reason === '' ? '' : `: ${reason}`}`;
    case 'setWeights':
      return 'weights were set by hand';
    default:
      return undefined;
  }
}

function act(route: Route, command: RouteCommand, strategy: RolloutStrategy, nowMs: number): Move {
  const { action, reason, issuedBy: by = '' } = command;
  switch (action.kind) {
    case 'startRollout':
      return startRollout(route, action.version, strategy, nowMs);
    case 'advance':
      return advance(route, action.version, strategy, nowMs);
    case 'pause':
      return pause(route, action.version, { sinceMs: nowMs, reason, by });
    case 'resume':
      return resume(route, action.version, strategy, nowMs);
    case 'abort':
      return isOvertaken(route, command)
        ? rollback(route, why('aborted', by, reason), strategy, nowMs)
        : abort(route, action.version, why('aborted', by, reason), strategy);
    case 'promote':
      return promote(route, action.version, strategy);
    case 'rollback':
      return rollback(route, why('rolled back', by, reason), strategy, nowMs);
    case 'setWeights':
      return setWeights(route, action.weights, strategy, { sinceMs: nowMs, reason: 'weights were set by hand', by });
    case 'setShadows':
      return setShadows(route, action.versions, action.share);
    case 'startExperiment':
      return startExperiment(route, action, { nowMs, by });
    case 'setExperimentWeights':
      return setExperimentWeights(route, action);
    case 'endExperiment':
      return endExperiment(route, action, strategy, { nowMs, reason: reason || 'it was ended by hand', by });
  }
}

export const why = (what: string, by: string, reason: string): string =>
  `${what}${by === '' ? '' : ` by ${by}`}${reason === '' ? '' : `: ${reason}`}`;

function startRollout(before: Route, version: number, strategy: RolloutStrategy, nowMs: number): Move {
  if (!isVersion(version)) return rejected('invalid_version', `version ${version} is not a positive integer`);
  if (isSoleTarget(before, version)) return rejected('already_live', `version ${version} has all traffic`);
  const { rollout } = before;
  if (rollout.phase === 'loading') return rejected('rollout_in_progress', `version ${rollout.version} is loading`);
  if (rollout.phase === 'progressing' && rollout.version === version) {
    const said = `version ${version} has a part of the traffic: promote it or abort it`;
    return rejected('rollout_in_progress', said);
  }
  // A rollout under way makes room for this one: its version has nothing more.
  const isUnderWay = rollout.phase === 'progressing';
  const route = isUnderWay ? takenBack(before, `superseded by version ${version}`, strategy) : before;
  if (isSoleTarget(route, version)) return { kind: 'moved', route };
  if (readyVersions(route).includes(version)) return giveTraffic(route, version, strategy, nowMs);
  const kept = [...before.targets, ...route.targets].map((target) => target.version);
  const previous = route.loadedVersions.filter((loaded) => loaded === route.previousVersion);
  const held = new Set([...kept, ...route.shadows, ...previous, version]);
  const loadedVersions = [...held].sort((a, b) => a - b);
  return { kind: 'moved', route: { ...route, loadedVersions, rollout: loading(version, '', nowMs) } };
}

/** Whatever else is asked meanwhile, its time-out counts from here. */
const loading = (version: number, message: string, loadingSinceMs: number): RolloutState => {
  return { phase: 'loading', version, message, loadingSinceMs };
};

/** The strategy's (first) step for a warm version. */
function giveTraffic(route: Route, version: number, strategy: RolloutStrategy, nowMs: number): Move {
  const [first] = strategy.steps ?? [];
  const baseline = baselineOf(route.targets, version);
  if (first?.copies !== undefined && baseline.length > 0) {
    const steps = firstStep(route, { plan: strategy.steps ?? [], baseline, version, nowMs });
    const begun: Route = { ...route, rollout: { phase: 'progressing', version, message: '' } };
    return { kind: 'moved', route: atStep(begun, steps, strategy) };
  }
  const { weights, shadows } = strategy.whenReady(route.targets, version);
  const moved = giveWeights(route, version, weights, { strategy, nowMs });
  return shadows.length === 0 ? { kind: 'moved', route: moved } : setShadows(moved, shadows, SHADOW_SHARE_DEFAULT);
}

function giveWeights(
  route: Route,
  version: number,
  weights: readonly Share[],
  { strategy, nowMs }: { strategy: RolloutStrategy; nowMs: number },
): Route {
  if (weights.length === 1 && weights[0]?.version === version) {
    return moveAllTo(route, version, primaryVersion(route.targets), strategy);
  }
  const weight = weights.find((share) => share.version === version)?.weight ?? 0;
  const beginning = { plan: strategy.steps ?? [{ weight }], baseline: baselineOf(route.targets, version) };
  const steps = firstStep(route, { ...beginning, version, nowMs, bandit: strategy.bandit });
  const split = splitTo(route, weights, strategy);
  return { ...split, rollout: { phase: 'progressing', version, message: '', steps } };
}

/** More for the version of the rollout, after the last step all. */
function nextStep(route: Route, steps: RolloutSteps, strategy: RolloutStrategy, nowMs: number): Route {
  const { version } = route.rollout;
  const next = stepAfter(steps, nowMs);
  if (next === undefined) return moveAllTo(route, version, primaryVersion(steps.baseline), strategy);
  return atStep(route, next, strategy);
}

function atStep(route: Route, steps: RolloutSteps, strategy: RolloutStrategy): Route {
  const { version } = route.rollout;
  const weight = steps.plan[steps.at]?.weight ?? 100;
  const weights = weight === 100 ? [{ version, weight }] : beside(steps.baseline, version, weight);
  const rollout = { ...route.rollout, steps };
  const check = checkOf({ rollout });
  const copied = check === undefined ? withoutCheck(route) : copiedTo(check.shadow, check.copies);
  const split = splitTo(route, weights, strategy);
  return { ...split, previousVersion: previousAt(route, weight, steps), ...copied, rollout };
}

/** Of the route at a step. Before a switch nothing has moved: a rollback leads where it did. */
function previousAt(route: Route, weight: number, { baseline }: RolloutSteps): number {
  const before = primaryVersion(baseline);
  if (weight > 0) return route.targets.length === 1 || weight === 100 ? before : route.previousVersion;
  return route.previousVersion === before ? 0 : route.previousVersion;
}

const copiedTo = (version: number, share: number) => ({ shadows: [version], shadowShare: share });

function advance(route: Route, version: number, strategy: RolloutStrategy, nowMs: number): Move {
  const under = underWay(route, version);
  if (under.kind === 'rejected') return under;
  if (under.steps.pause !== undefined) return rejected('paused', 'the rollout is paused: resume it first');
  return { kind: 'moved', route: nextStep(route, under.steps, strategy, nowMs) };
}

function pause(route: Route, version: number, by: RolloutPause): Move {
  const under = underWay(route, version);
  if (under.kind === 'rejected') return under;
  if (under.steps.pause !== undefined) return rejected('paused', 'the rollout is paused already');
  return { kind: 'moved', route: held(route, by) };
}

function held(route: Route, pause: RolloutPause): Route {
  const { rollout } = route;
  return { ...route, rollout: { ...rollout, steps: { ...(rollout.steps as RolloutSteps), pause } } };
}

/** The weights are those of the step again, where somebody has set others meanwhile. */
function resume(route: Route, version: number, strategy: RolloutStrategy, nowMs: number): Move {
  const under = underWay(route, version);
  if (under.kind === 'rejected') return under;
  if (under.steps.pause === undefined) return rejected('not_paused', 'the rollout is not paused');
  const steps = resumed(under.steps, nowMs);
  return { kind: 'moved', route: atStep(route, steps, strategy) };
}

/** From a load too: whatever the rollout has come to, it is over. */
function abort(route: Route, version: number, message: string, strategy: RolloutStrategy): Move {
  const { rollout } = route;
  if (rollout.phase !== 'loading' && rollout.phase !== 'progressing') return noRollout(route);
  if (version !== 0 && version !== rollout.version) return otherRollout(route, version);
  if (rollout.phase === 'loading') return { kind: 'moved', route: dropLoading(route, message) };
  return { kind: 'moved', route: takenBack(route, message, strategy) };
}

type UnderWay = { kind: 'steps'; steps: RolloutSteps } | Rejected;

function underWay(route: Route, version: number): UnderWay {
  const { rollout } = route;
  if (rollout.phase !== 'progressing' || rollout.steps === undefined) return noRollout(route);
  if (version !== 0 && version !== rollout.version) return otherRollout(route, version);
  return { kind: 'steps', steps: rollout.steps };
}

function noRollout({ rollout, previousVersion }: Route): Rejected {
  const { version, phase } = rollout;
  const isBackPossible = phase === 'promoted' && previousVersion !== 0;
  const ended = phase === 'failed' ? 'has failed' : `is ${phase}${isBackPossible ? ': rollback takes it back' : ''}`;
  const now = version === 0 ? 'there was none yet' : `that of version ${version} ${ended}`;
  return rejected('no_rollout', `no rollout is under way that could be moved: ${now}`);
}

const otherRollout = ({ rollout }: Route, version: number): Rejected =>
  rejected('other_rollout', `the rollout under way is that of version ${rollout.version}, not of ${version}`);

/**
 * The traffic of a rollout under way goes back to who had it before. There is no previous version then: whoever takes
 * it back a second time must not reach the one before those.
 */
export function takenBack(route: Route, message: string, strategy: RolloutStrategy): Route {
  const { rollout, previousVersion } = route;
  const { version } = rollout;
  // A route of release 0.1 has no steps.
  const before = rollout.steps?.baseline ?? [];
  const last = previousVersion !== 0 && previousVersion !== version ? [{ version: previousVersion, weight: 100 }] : [];
  const back = before.length > 0 ? before : last;
  return {
    ...route,
    targets: back.length > 0 ? named(route, back, strategy) : route.targets,
    previousVersion: 0,
    shadows: [],
    rollout: { phase: 'failed', version, message },
  };
}

function promote(route: Route, version: number, strategy: RolloutStrategy): Move {
  if (!isVersion(version)) return rejected('invalid_version', `version ${version} is not a positive integer`);
  const { rollout } = route;
  const steps = rollout.phase === 'progressing' ? rollout.steps : undefined;
  // While a rollout is in steps a promote ends it, also where the version has all traffic already.
  if (steps === undefined && isSoleTarget(route, version))
    return rejected('already_live', `version ${version} has all traffic`);
  if (!readyVersions(route).includes(version)) return rejected('not_loaded', `version ${version} is not loaded`);
  if (steps !== undefined && rollout.version === version)
    return { kind: 'moved', route: moveAllTo(route, version, primaryVersion(steps.baseline), strategy) };
  // Another version: a rollback must not lead to the one that the rollout brought.
  const base = steps === undefined ? supersede(route, 'promote') : takenBack(route, 'superseded by promote', strategy);
  if (isSoleTarget(base, version)) return { kind: 'moved', route: base };
  return { kind: 'moved', route: moveAllTo(base, version, primaryVersion(base.targets), strategy) };
}

/**
 * After it there is no previous version: a second rollback must not bring the bad one back; promote undoes it. That of
 * a rollout in steps is its abort.
 */
function rollback(route: Route, message: string, strategy: RolloutStrategy, nowMs: number): Move {
  if (route.rollout.phase === 'progressing' && route.rollout.steps !== undefined)
    return { kind: 'moved', route: takenBack(route, message, strategy) };
  const version = route.previousVersion;
  if (version === 0) return rejected('nothing_to_roll_back', noPrevious(route));
  if (route.rollout.phase === 'loading' && route.rollout.back === true)
    return rejected('rollout_in_progress', `version ${version} is being loaded again for a rollback`);
  const base = supersede(route, 'rollback');
  if (readyVersions(base).includes(version)) return { kind: 'moved', route: backTo(base, version, strategy) };
  const loadedVersions = [...base.loadedVersions, version].sort((a, b) => a - b);
  const rollout = { ...loading(version, `${message}: it is loaded again first`, nowMs), back: true };
  return { kind: 'moved', route: { ...base, loadedVersions, rollout } };
}

function noPrevious(route: Route): string {
  const others = readyVersions(route).filter((version) => !isSoleTarget(route, version));
  const said = 'there is no previous version';
  return others.length === 0 ? said : `${said}; promote gives all traffic to one that is loaded: ${others.join(', ')}`;
}

function backTo(route: Route, version: number, strategy: RolloutStrategy): Route {
  return { ...moveAllTo(route, version, 0, strategy), previousVersion: 0, shadows: [] };
}

/** In the middle of a rollout in steps they stand until a person resumes it; the step's own come with the next one. */
function setWeights(route: Route, weights: readonly Share[], strategy: RolloutStrategy, by: RolloutPause): Move {
  const wanted = weights.filter((share) => share.weight !== 0);
  if (!isWhole(wanted)) {
    const rule = `1 to ${TARGETS_MAX} different versions with whole weights that add up to 100`;
    return rejected('invalid_weights', rule);
  }
  const ready = readyVersions(route);
  const absent = wanted.find(({ version }) => !ready.includes(version));
  if (absent) return rejected('not_loaded', `version ${absent.version} is not loaded`);
  if (wanted.length === 1) return promote(route, (wanted[0] as Share).version, strategy);
  const split = splitTo(route, wanted, strategy);
  const { steps, version } = route.rollout;
  if (steps === undefined) return { kind: 'moved', route: split };
  // Who else has traffic now is who an abort gives it back to.
  const others = { ...steps, baseline: baselineOf(wanted, version) };
  const rollout = { ...route.rollout, steps: { ...others, pause: steps.pause ?? by } };
  return { kind: 'moved', route: { ...split, rollout } };
}

function endExperiment(
  route: Route,
  { name, winner }: Extract<ExperimentAction, { kind: 'endExperiment' }>,
  strategy: RolloutStrategy,
  by: { nowMs: number; reason: string; by: string },
): Move {
  const running = namedExperiment(route, name);
  if (running.kind === 'rejected') return running;
  const fault = winnerFault(running.experiment, winner);
  if (fault !== undefined) return fault;
  const ended = withoutExperiment(route, { ...by, winner });
  if (winner === 0 || isSoleTarget(ended, winner)) return { kind: 'moved', route: ended };
  return promote(ended, winner, strategy);
}

function setShadows(route: Route, versions: readonly number[], share: number): Move {
  if (checkOf(route) !== undefined) {
    const said = `requests are copied for the check of version ${route.rollout.version}: wait for its end, or abort it`;
    return rejected('rollout_in_progress', said);
  }
  const fault = shadowFault(route, versions, share);
  if (fault !== undefined) return rejected(fault.reason, fault.message);
  const shadows = [...versions].sort((a, b) => a - b);
  return { kind: 'moved', route: { ...route, shadows, shadowShare: share } };
}

/** A promote or rollback by someone ends a rollout under way: it must not move traffic again later. */
function supersede(route: Route, by: string): Route {
  return route.rollout.phase === 'loading' ? dropLoading(route, `superseded by ${by}`) : route;
}

export function dropLoading(route: Route, message: string): Route {
  const { version } = route.rollout;
  return {
    ...route,
    loadedVersions: route.loadedVersions.filter((loaded) => loaded !== version),
    rollout: { phase: 'failed', version, message },
  };
}

function isVersion(version: number): boolean {
  return Number.isInteger(version) && version > 0;
}

interface Made {
  strategy: RolloutStrategy;
  nowMs: number;
}

export function stamp(before: Route, after: Route, command: RouteCommand, made: Made): Route {
  return {
    ...bump(after, before, made),
    reason: command.reason,
    correlationId: command.correlationId,
    recentCommandIds: [...before.recentCommandIds, command.id].slice(-RECENT_COMMANDS_MAX),
  };
}

function bump(after: Route, before: Route, { strategy: { keepMs }, nowMs }: Made): Route {
  const next = { ...after, ...shadowsOf(after), revision: before.revision + 1, changedAtMs: nowMs };
  return { ...next, keepUntilMs: keptUntil(before, next, keepMs, nowMs) };
}

export function rejected(reason: RejectionReason, message: string): Rejected {
  return { kind: 'rejected', reason, message };
}
