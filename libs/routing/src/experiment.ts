// A/B/n experiments, the state machine: a route and a command (or the time, or what serving says of the arms) give the
// route with the experiment begun, weighed anew or ended, or a reason why not. An experiment stands beside the targets
// and leaves them as they are: when it ends all traffic goes by them again. Pure. Who is drawn for which arm is
// experiment-draw.ts.
//
//   start ─▶ running ──its time is over, end, a rollout, promote, rollback, weights by hand──▶ ended
//             │   ▲
//             └───┘ weights; an arm that serving has, or has no more
//
// Invariants, held for every reachable route (experiment.spec.ts):
//  1. a running experiment has 2 to ARMS_MAX arms, ascending and loaded, its control among them; weights are whole and
//     add up to 100, each of EXPERIMENT_SLOTS slots has one owner, and an arm owns as many as its weight;
//  2. no rollout is loading or progressing while it runs;
//  3. no request goes to an arm that serving does not have: the control arm takes its share, else the targets;
//  4. a change of weights changes the owner of as many slots as it must: half the sum of the differences;
//  5. it ends: its time is in the route, and the end by time is never refused at the revision it was made for.

import { hash32 } from '@millrace/domain';
import { primaryVersion } from './primary.js';
import {
  ARMS_MAX,
  EXPERIMENT_NAME,
  EXPERIMENT_SLOTS,
  type Experiment,
  type ExperimentArm,
  LOADED_MAX,
  type Route,
  readyVersions,
  runningExperiment,
  type Share,
  unreadyArms,
} from './route.js';

/** Shorter than a look at serving it would end before its arms are there. */
export const EXPERIMENT_MS_MIN = 1_000;
/** A quarter of a year: whoever needs longer has another question by then. */
export const EXPERIMENT_MS_MAX = 90 * 86_400_000;

/** "exp", so that the same text elsewhere gives another salt. */
const SALT_SEED = 0x657870;

export type ExperimentAction =
  | {
      kind: 'startExperiment';
      name: string;
      /** Whole percents that add up to 100. */
      arms: readonly Share[];
      /** Of the arms; 0 = the version in service where it is one, else the first. */
      control: number;
      /** Percent of the traffic that takes part. */
      share: number;
      /** So long. */
      forMs: number;
      /** Also where an arm was judged and is not blessed; the command says who asks. */
      force?: boolean;
    }
  /** Of the running experiment: `name` is its, '' = whichever it is. Every arm has a weight; share 0 = as it was. */
  | { kind: 'setExperimentWeights'; name: string; weights: readonly Share[]; share: number }
  /** All traffic by the targets again, or to the `winner`, which is promoted; 0 = none. */
  | { kind: 'endExperiment'; name: string; winner: number };

type StartExperiment = Extract<ExperimentAction, { kind: 'startExperiment' }>;
type SetExperimentWeights = Extract<ExperimentAction, { kind: 'setExperimentWeights' }>;

export type ExperimentFaultReason =
  | 'invalid_experiment'
  | 'invalid_version'
  | 'experiment_in_progress'
  | 'rollout_in_progress'
  | 'no_experiment'
  | 'other_experiment'
  | 'nothing_live'
  | 'too_many_loaded'
  | 'not_loaded';

type Moved = { kind: 'moved'; route: Route };
type Refused = { kind: 'rejected'; reason: ExperimentFaultReason; message: string };

/** What became of a running experiment; `revision` is the one at which that was seen. */
export type ExperimentOutcome =
  | { kind: 'over'; revision: number }
  /** `ready`: the arms that serving has now. */
  | { kind: 'arms'; revision: number; ready: readonly number[] };

export interface EndedBy {
  nowMs: number;
  reason: string;
  by: string;
  winner?: number;
}

export function startExperiment(
  route: Route,
  action: StartExperiment,
  { nowMs, by }: { nowMs: number; by: string },
): Moved | Refused {
  const fault = invalid(action) ?? untimely(route);
  if (fault !== undefined) return fault;
  const { name, share, forMs } = action;
  const asked = action.arms.map(({ version }) => version);
  const live = primaryVersion(route.targets);
  const control = action.control || (asked.includes(live) ? live : (asked[0] as number));
  const targets = route.targets.map(({ version }) => version);
  const previous = route.loadedVersions.filter((loaded) => loaded === route.previousVersion);
  const held = new Set([...targets, ...route.shadows, ...previous, ...asked]);
  // One place stays for the rollout that may end it.
  if (held.size >= LOADED_MAX) {
    const said = `with it serving would hold ${held.size} versions, at most ${LOADED_MAX - 1}: take fewer arms`;
    return refused('too_many_loaded', said);
  }
  const ready = readyVersions(route);
  const unowned = [...action.arms]
    .sort((a, b) => a.version - b.version)
    .map(({ version }) => ({ version, weight: 0, slots: [], isReady: ready.includes(version) }));
  const fromRevision = route.revision + 1;
  const experiment: Experiment = {
    ...{ name, control, share, fromRevision, startedBy: by },
    // 0 is no salt on the wire.
    salt: hash32(`${route.project}/${name}/${fromRevision}`, SALT_SEED) || 1,
    arms: weighed(unowned, action.arms),
    ...{ startedAtMs: nowMs, endsAtMs: nowMs + forMs },
  };
  return { kind: 'moved', route: { ...route, loadedVersions: [...held].sort((a, b) => a - b), experiment } };
}

/** Who is with an arm stays, but for the slots that the change takes from it. */
export function setExperimentWeights(route: Route, action: SetExperimentWeights): Moved | Refused {
  const running = named(route, action.name);
  if (running.kind === 'rejected') return running;
  const { experiment } = running;
  const { weights, share } = action;
  const versions = experiment.arms.map(({ version }) => version);
  const isEach = weights.length === versions.length && weights.every(({ version }) => versions.includes(version));
  if (!isEach || !addUp(weights, 0)) {
    const rule = `each of its arms, ${versions.join(', ')}, has a whole weight of 0 to 100, and they add up to 100`;
    return refused('invalid_experiment', rule);
  }
  if (share !== 0 && !isPercent(share)) return refused('invalid_experiment', SHARE_RULE);
  const arms = weighed(experiment.arms, weights);
  return { kind: 'moved', route: { ...route, experiment: { ...experiment, arms, share: share || experiment.share } } };
}

/** The running experiment of that name, whatever it is called where none is given. */
export function named(route: Route, name: string): { kind: 'running'; experiment: Experiment } | Refused {
  const experiment = runningExperiment(route);
  if (experiment === undefined) {
    const last = route.experiment;
    const now = last === undefined ? 'there was none yet' : `'${last.name}' has ended: ${last.end?.reason}`;
    return refused('no_experiment', `no experiment is running: ${now}`);
  }
  if (name === '' || name === experiment.name) return { kind: 'running', experiment };
  return refused('other_experiment', `the running experiment is '${experiment.name}', not '${name}'`);
}

/** Why the version cannot end it as the winner. */
export function winnerFault({ arms, name }: Experiment, winner: number): Refused | undefined {
  if (winner === 0) return undefined;
  if (!arms.some(({ version }) => version === winner)) {
    const said = `version ${winner} is no arm of '${name}', they are ${arms.map(({ version }) => version).join(', ')}`;
    return refused('invalid_version', said);
  }
  if (arms.some(({ version, isReady }) => version === winner && isReady)) return undefined;
  return refused('not_loaded', `version ${winner} is not loaded yet: it cannot get all traffic`);
}

/** All traffic goes by the targets again. Arms that serving does not have leave; others stay for what is under way. */
export function withoutExperiment(route: Route, { nowMs, reason, by, winner = 0 }: EndedBy): Route {
  const experiment = runningExperiment(route);
  if (experiment === undefined) return route;
  const absent = unreadyArms(route);
  return {
    ...route,
    loadedVersions: route.loadedVersions.filter((version) => !absent.includes(version)),
    experiment: { ...experiment, end: { atMs: nowMs, reason, by, winner } },
  };
}

/** undefined: nothing changes. */
export function settledExperiment(
  route: Route,
  outcome: ExperimentOutcome,
  nowMs: number,
): { route: Route; reason: string } | undefined {
  const experiment = runningExperiment(route);
  if (experiment === undefined || route.revision !== outcome.revision) return undefined;
  const of = `experiment '${experiment.name}'`;
  if (outcome.kind === 'over') {
    if (nowMs < experiment.endsAtMs) return undefined;
    const reason = 'its time is over';
    return { route: withoutExperiment(route, { nowMs, reason, by: '' }), reason: `${of} has ended: ${reason}` };
  }
  // Where those that have the traffic anyway are not there, nobody would be better.
  const ready = new Set([...outcome.ready, ...route.targets.map(({ version }) => version)]);
  const arms = experiment.arms.map((arm) => ({ ...arm, isReady: ready.has(arm.version) }));
  const changed = arms.filter((arm, i) => arm.isReady !== experiment.arms[i]?.isReady);
  if (changed.length === 0) return undefined;
  const told = changed.map(({ version, isReady }) =>
    isReady
      ? `version ${version} is ready`
      : `version ${version} is not ready, its share goes to ${insteadOf(experiment)}`,
  );
  return { route: { ...route, experiment: { ...experiment, arms } }, reason: `${of}: ${told.join('; ')}` };
}

const insteadOf = ({ control }: Experiment): string => `version ${control}, its control arm`;

/** What a person is told of a running experiment that not all of its arms take part in; '' = all do. */
export function waitsForArms({ arms, control }: Pick<Experiment, 'arms' | 'control'>): string {
  const absent = arms.filter(({ isReady }) => !isReady).map(({ version }) => version);
  if (absent.length === 0) return '';
  const [who, share] = absent.length === 1 ? ['version', 'its share goes'] : ['versions', 'their shares go'];
  return `serving to load ${who} ${absent.join(', ')}: ${share} to version ${control} until then`;
}

/** Slots move from who has too many to who has too few, and no other: the highest of the one to the other. */
function weighed(arms: readonly ExperimentArm[], weights: readonly Share[]): ExperimentArm[] {
  const weightOf = (version: number) => weights.find((share) => share.version === version)?.weight ?? 0;
  const owned = new Set(arms.flatMap(({ slots }) => slots));
  const free = Array.from({ length: EXPERIMENT_SLOTS }, (_, slot) => slot).filter((slot) => !owned.has(slot));
  const kept = arms.map((arm) => {
    const weight = weightOf(arm.version);
    free.push(...arm.slots.slice(weight));
    return { ...arm, weight, slots: arm.slots.slice(0, weight) };
  });
  free.sort((a, b) => a - b);
  return kept.map((arm) => {
    const taken = free.splice(0, arm.weight - arm.slots.length);
    return { ...arm, slots: [...arm.slots, ...taken].sort((a, b) => a - b) };
  });
}

const SHARE_RULE = 'the share of the traffic that takes part is 1 to 100 percent';

function invalid({ name, arms, control, share, forMs }: StartExperiment): Refused | undefined {
  const versions = arms.map(({ version }) => version);
  const isDistinct = new Set(versions).size === versions.length;
  if (!EXPERIMENT_NAME.test(name)) {
    const rule =
      'an experiment has a name of lower-case letters, digits, _ and -, a letter first, at most 63 characters';
    return refused('invalid_experiment', rule);
  }
  const wrong = versions.find((version) => !Number.isInteger(version) || version < 1);
  if (wrong !== undefined) return refused('invalid_version', `version ${wrong} is not a positive integer`);
  if (versions.length < 2 || versions.length > ARMS_MAX || !isDistinct || !addUp(arms, 1))
    return refused('invalid_experiment', `2 to ${ARMS_MAX} different versions with whole weights that add up to 100`);
  if (control !== 0 && !versions.includes(control))
    return refused(
      'invalid_experiment',
      `the control is one of the arms ${versions.join(', ')}, not version ${control}`,
    );
  if (!isPercent(share)) return refused('invalid_experiment', SHARE_RULE);
  if (!Number.isInteger(forMs) || forMs < EXPERIMENT_MS_MIN || forMs > EXPERIMENT_MS_MAX) {
    const days = EXPERIMENT_MS_MAX / 86_400_000;
    return refused('invalid_experiment', `it lasts ${EXPERIMENT_MS_MIN / 1_000} s to ${days} days, not ${forMs} ms`);
  }
  return undefined;
}

function untimely(route: Route): Refused | undefined {
  const { rollout, targets } = route;
  const { phase, version } = rollout;
  const running = runningExperiment(route);
  if (running !== undefined)
    return refused('experiment_in_progress', `experiment '${running.name}' is running: end it first`);
  if (phase === 'loading' || phase === 'ready' || phase === 'progressing') {
    const said = `the rollout of version ${version} is ${phase}: promote or abort it first`;
    return refused('rollout_in_progress', said);
  }
  if (targets.length === 0) return refused('nothing_live', 'no version is in service: roll one out first');
  return undefined;
}

function addUp(weights: readonly Share[], least: number): boolean {
  const distinct = new Set(weights.map(({ version }) => version)).size === weights.length;
  const whole = weights.every(({ weight }) => Number.isInteger(weight) && weight >= least && weight <= 100);
  return distinct && whole && weights.reduce((sum, { weight }) => sum + weight, 0) === 100;
}

const isPercent = (share: number): boolean => Number.isInteger(share) && share >= 1 && share <= 100;

function refused(reason: ExperimentFaultReason, message: string): Refused {
  return { kind: 'rejected', reason, message };
}
