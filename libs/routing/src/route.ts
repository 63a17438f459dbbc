// What a project's route is: who gets live traffic, what serving must hold loaded, and how far a rollout is. The one
// shape for router, loop, serving, monitor and command line; its wire form is libs/contracts' route codec.

/** Targets of live traffic; more than anybody compares at once. */
export const TARGETS_MAX = 8;
/** Versions that get copies at a time: each copy costs serving a prediction. */
export const SHADOWS_MAX = 2;
/** Percent of the requests that are copied where nobody says how many: a tenth more work for serving. */
export const SHADOW_SHARE_DEFAULT = 10;
/** Versions of a project that serving holds: targets, shadows, the one a rollback returns to, the one that loads. */
export const LOADED_MAX = TARGETS_MAX + SHADOWS_MAX + 2;
/** Arms of an experiment: as many as there may be targets. */
export const ARMS_MAX = TARGETS_MAX;
/** An experiment's entities in so many parts, a percent each: an arm owns as many as its weight. */
export const EXPERIMENT_SLOTS = 100;
/** What an experiment may be called. */
export const EXPERIMENT_NAME = /^[a-z][a-z0-9_-]{0,62}$/;
/** Steps of one rollout: one for each twentieth of the traffic. */
export const STEPS_MAX = 20;
/** What a target may be called: "blue", "canary", "v7". */
export const TARGET_NAME = /^[a-z][a-z0-9_-]{0,31}$/;

export const ROLLOUT_PHASES = ['idle', 'loading', 'ready', 'progressing', 'promoted', 'failed'] as const;
export type RolloutPhase = (typeof ROLLOUT_PHASES)[number];

/**
 * A part of a route that a router of a later release may have written: `unread` is what of it this one does not know,
 * as it came (base64), and is written again as it is.
 */
interface Carried {
  unread?: string | undefined;
}

export interface Share {
  version: number;
  /** Percent of live traffic, 1 to 100. */
  weight: number;
}

export interface RouteTarget extends Share, Carried {
  /** Tells the targets of one route apart; the strategy gives it. */
  name: string;
}

/** One step of a rollout, as the project file declares it. */
export interface PlannedStep extends Carried {
  /** Percent of live traffic for the new version, 1 to 99; of a check 0 (before the switch) or 100 (after it). */
  weight: number;
  /** It lasts at least so long; undefined = until a person skips it or promotes the version. */
  forMs?: number | undefined;
  /** Of a check: percent of the requests that are copied to the version without traffic, so that both are compared. */
  copies?: number | undefined;
  /** Of a check before the switch: how long the analysis may take before a person is asked. */
  withinMs?: number | undefined;
}

/** A check of a rollout that moves all traffic at once: both versions get requests, one of them live. */
export type PlannedCheck = Omit<PlannedStep, 'weight'> & { copies: number };

export interface RolloutChecks {
  /** Before the switch, with the new version out of traffic. */
  before?: PlannedCheck | undefined;
  /** After it, with the version before out of traffic. */
  after?: PlannedCheck | undefined;
}

/** Where a rollout is that has given its version a part of the traffic. Times are processing time. */
export interface RolloutSteps extends Carried {
  /** As it was when the rollout began: a project file that is applied meanwhile counts for the next one. */
  plan: readonly PlannedStep[];
  /** Place in the plan. */
  at: number;
  /** When this step began. */
  sinceMs: number;
  /** From when on the next step may come; undefined = a person says when. */
  dueMs?: number | undefined;
  /** Of the route in which the rollout got its first traffic. */
  fromRevision: number;
  /** Of this experiment, 1 or more: each rollout has other entities in its first step. */
  salt: number;
  /** Who had the traffic before, without the new version: adds up to 100. An abort goes back to it. */
  baseline: readonly Share[];
  /** Set while nothing moves on by itself. */
  pause?: RolloutPause | undefined;
  /** Of a check before the switch: a person is asked then, where the analysis has not agreed. */
  untilMs?: number | undefined;
  /** The weight of the one step follows labels. */
  bandit?: BanditTerms | undefined;
}

/** Of a bandit: the weight of its one step follows labels (bandit.ts). */
export interface BanditTerms extends Carried {
  /** Least share of each arm, percent, 1 to 49. */
  floor: number;
  /** Processing time between two moves. */
  everyMs: number;
  /** From this probability on the better arm gets everything, above .5. */
  confidence: number;
}

export interface RolloutPause extends Carried {
  sinceMs: number;
  reason: string;
  /** Who paused it; '' where nobody said. */
  by: string;
}

export interface RolloutState extends Carried {
  phase: RolloutPhase;
  /** 0 while idle. */
  version: number;
  message: string;
  /** While `progressing`, and at no other time. */
  steps?: RolloutSteps | undefined;
  /** While `loading`: for a rollback; it gets all traffic when it is ready. */
  back?: boolean | undefined;
  /** While `loading`: since when, in processing time; undefined in a route of an earlier release. */
  loadingSinceMs?: number | undefined;
}

/** One version of an experiment. */
export interface ExperimentArm extends Carried {
  version: number;
  /** Percent of those who take part, 0 to 100; 0 = nobody any more. */
  weight: number;
  /** Which of EXPERIMENT_SLOTS it owns, ascending, as many as its weight: who is in one of them stays with the arm. */
  slots: readonly number[];
  /** Serving has it; else its share goes to the control arm. */
  isReady: boolean;
}

/** An A/B/n experiment: arms side by side until it ends, beside the route's targets. Times are processing time. */
export interface Experiment extends Carried {
  name: string;
  /** Of its own, 1 or more: other entities meet in each experiment. */
  salt: number;
  /** The arm that the others are compared with. */
  control: number;
  /** Ascending by version, 2 to ARMS_MAX; weights add up to 100, and every slot has one owner. */
  arms: readonly ExperimentArm[];
  /** Percent of the traffic that takes part, 1 to 100; all other goes by the targets. */
  share: number;
  startedAtMs: number;
  /** When it ends by itself. */
  endsAtMs: number;
  /** Who began it. */
  startedBy: string;
  /** Of the route in which it began. */
  fromRevision: number;
  /** Set when it is over: it sends no request any more. */
  end?: ExperimentEnd | undefined;
}

export interface ExperimentEnd extends Carried {
  atMs: number;
  reason: string;
  /** '' = the router. */
  by: string;
  /** Of the arms; 0 = none was named. */
  winner: number;
}

/**
 * In which rollout or experiment, and at which weight of its version, a request was drawn. Of all that were drawn at
 * one weight every version got its share at any time: those are comparable, whatever the time did to them.
 */
export interface RolloutDraw {
  /** Of the route in which it got its first traffic. */
  readonly fromRevision: number;
  /** Percent, 1 to 99; of an experiment, a number of its arms' weights. */
  readonly weight: number;
}

export interface Route extends Carried {
  project: string;
  /** 0 = never changed; grows by one with each change. Commands carry the revision they expect. */
  revision: number;
  /** Empty before the first rollout, else 1 to TARGETS_MAX with weights that add up to 100; ascending by version. */
  targets: readonly RouteTarget[];
  /**
   * Versions that get copies of requests and whose answers nobody sees, at most SHADOWS_MAX. A list of its own, so that
   * whoever adds up weights or asks for the primary need not know of it.
   */
  shadows: readonly number[];
  /** Percent of the requests that are copied to each shadow: 1 to 100, 0 without shadows. */
  shadowShare: number;
  /** Versions that serving must hold: targets, the next one while it warms up, the previous one for a rollback. */
  loadedVersions: readonly number[];
  /** Where a rollback goes; 0 = nowhere. It may have been unloaded meanwhile: the rollback loads it again. */
  previousVersion: number;
  /** Set while no rollout is under way and loaded versions have nothing to do: they are unloaded from then on. */
  keepUntilMs?: number | undefined;
  rollout: RolloutState;
  /** The running one, never beside a rollout under way, or the last one with its end; absent: there was none. */
  experiment?: Experiment | undefined;
  changedAtMs: number;
  reason: string;
  correlationId: string;
  /** Ids of the newest commands that made this state, so that one delivered twice changes nothing. */
  recentCommandIds: readonly string[];
}

/** One change of live traffic as the router measured it. */
export interface Switch {
  atMs: number;
  fromVersion: number;
  toVersion: number;
  reason: string;
  correlationId: string;
  revision: number;
  /** From the command's acceptance until the new route was in force. */
  effectiveMs: number;
  /** The project's failed requests from acceptance until one second after. */
  failed: number;
}

export function emptyRoute(project: string): Route {
  return {
    project,
    revision: 0,
    targets: [],
    shadows: [],
    shadowShare: 0,
    loadedVersions: [],
    previousVersion: 0,
    rollout: { phase: 'idle', version: 0, message: '' },
    changedAtMs: 0,
    reason: '',
    correlationId: '',
    recentCommandIds: [],
  };
}

/** A later release has written it: it says what this one does not know, anywhere in it. O(route). */
export function isOfLaterRelease(part: unknown): boolean {
  if (typeof part !== 'object' || part === null) return false;
  if (typeof (part as Carried).unread === 'string') return true;
  return Object.values(part).some(isOfLaterRelease);
}

/** The experiment that sends requests now. */
export function runningExperiment({ experiment }: Pick<Route, 'experiment'>): Experiment | undefined {
  return experiment?.end === undefined ? experiment : undefined;
}

/** Versions that serving has loaded and that may get traffic: a version still loading is not among them. */
export function readyVersions(route: Route): number[] {
  const { loadedVersions, rollout } = route;
  const absent = unreadyArms(route);
  if (rollout.phase === 'loading') absent.push(rollout.version);
  return loadedVersions.filter((version) => !absent.includes(version));
}

/**
 * Arms that serving does not have, or not yet; who has traffic beside the experiment is taken for there. Who had it
 * before is not: it may have been unloaded after its time, and be loaded again as an arm.
 */
export function unreadyArms(route: Route): number[] {
  const arms = runningExperiment(route)?.arms ?? [];
  return arms
    .filter(({ isReady }) => !isReady)
    .map(({ version }) => version)
    .filter((version) => !route.targets.some((target) => target.version === version));
}

/** Whether two routes send live traffic alike. */
export function sameTraffic(a: Route | undefined, b: Route): boolean {
  const before = a?.targets ?? [];
  return (
    before.length === b.targets.length &&
    before.every((target, i) => target.version === b.targets[i]?.version && target.weight === b.targets[i]?.weight) &&
    sameArms(a === undefined ? undefined : runningExperiment(a), runningExperiment(b))
  );
}

function sameArms(a: Experiment | undefined, b: Experiment | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.fromRevision === b.fromRevision &&
    a.share === b.share &&
    a.arms.every((arm, i) => arm.weight === b.arms[i]?.weight && arm.isReady === b.arms[i]?.isReady)
  );
}
