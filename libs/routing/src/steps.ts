// Rollouts in steps, the arithmetic: who has which share at a step, when the next one is due, and what a rollout waits
// for. Commands and outcomes are the state machine's (rollout.ts).
//
// A check is a step in which one of both versions has all traffic and the other gets copies of requests, so that they
// can be compared: of weight 0 before the switch, of weight 100 after it.
//
// At a step of weight w the new version has w percent, and those who had the traffic before share the rest as they
// shared all of it:  weight_i = (100 - w) × baseline_i / 100, whole percents by largest remainder, at least 1 for the
// largest of them. O(targets × log targets).

import { hash32 } from '@millrace/domain';
import { primaryVersion } from './primary.js';
import {
  type BanditTerms,
  isOfLaterRelease,
  type PlannedStep,
  type RolloutSteps,
  type Route,
  type Share,
  TARGETS_MAX,
} from './route.js';

/** "step", so that the same text elsewhere gives another salt. */
const SALT_SEED = 0x73746570;

/** Stands for the version of a rollout that has no traffic yet, wherever a request may name a version. */
export const PREVIEW = 'preview';

/** Who has what beside a version that has `weight` percent. Without anybody else the version has all. */
export function beside(baseline: readonly Share[], version: number, weight: number): Share[] {
  const others = baseline
    .filter((share) => share.version !== version && share.weight > 0)
    .sort((a, b) => b.weight - a.weight || a.version - b.version)
    .slice(0, weight > 0 ? TARGETS_MAX - 1 : TARGETS_MAX);
  if (others.length === 0) return [{ version, weight: 100 }];
  const shares = scaled(others, 100 - weight);
  return weight > 0 ? [...shares, { version, weight }] : shares;
}

/** Whole weights in the same proportion that add up to `total`; who gets none is left out. `shares`: largest first. */
function scaled(shares: readonly Share[], total: number): Share[] {
  const sum = shares.reduce((all, { weight }) => all + weight, 0);
  const exact = shares.map(({ weight }) => (weight * total) / sum);
  const whole = exact.map(Math.floor);
  let missing = total - whole.reduce((all, weight) => all + weight, 0);
  const byRemainder = exact
    .map((weight, i) => ({ i, remainder: weight - Math.floor(weight) }))
    .sort((a, b) => b.remainder - a.remainder || a.i - b.i);
  for (const { i } of byRemainder) {
    if (missing === 0) break;
    whole[i] = (whole[i] as number) + 1;
    missing -= 1;
  }
  return shares.flatMap(({ version }, i) => (whole[i] === 0 ? [] : { version, weight: whole[i] as number }));
}

/** Who had the traffic before the version came, without it; empty where nobody else has any. */
export function baselineOf(live: readonly Share[], version: number): Share[] {
  return live.some((share) => share.version !== version) ? beside(live, version, 0) : [];
}

interface Beginning {
  plan: readonly PlannedStep[];
  baseline: readonly Share[];
  version: number;
  nowMs: number;
  bandit?: BanditTerms | undefined;
}

/** The first step of a rollout that the route begins now. */
export function firstStep(route: Route, { plan, baseline, version, nowMs, bandit }: Beginning): RolloutSteps {
  const fromRevision = route.revision + 1;
  return {
    ...{ plan, at: 0, sinceMs: nowMs, dueMs: dueAt(plan[0], nowMs), fromRevision, baseline },
    untilMs: untilOf(plan[0], nowMs),
    // 0 is no salt on the wire.
    salt: hash32(`${route.project}/${version}/${fromRevision}`, SALT_SEED) || 1,
    ...(bandit === undefined ? {} : { bandit }),
  };
}

/** undefined: that was the last one, the next is all traffic. */
export function stepAfter(steps: RolloutSteps, nowMs: number): RolloutSteps | undefined {
  const next = steps.plan[steps.at + 1];
  if (next === undefined) return undefined;
  const times = { sinceMs: nowMs, dueMs: dueAt(next, nowMs), untilMs: untilOf(next, nowMs) };
  return { ...steps, at: steps.at + 1, ...times, pause: undefined };
}

/** Of a bandit: the running step gives another share, in its time. */
export function withWeight(steps: RolloutSteps, weight: number): RolloutSteps {
  return { ...steps, plan: steps.plan.map((step, at) => (at === steps.at ? { ...step, weight } : step)) };
}

const dueAt = (step: PlannedStep | undefined, nowMs: number): number | undefined =>
  step?.forMs === undefined ? undefined : nowMs + step.forMs;

/** A person decides about a step without a time: nobody has to be asked. */
const untilOf = (step: PlannedStep | undefined, nowMs: number): number | undefined =>
  step?.withinMs === undefined || step.forMs === undefined ? undefined : nowMs + step.withinMs;

/** The pause is over: the step goes on with the time that it had left, and the analysis has its time anew. */
export function resumed(steps: RolloutSteps, nowMs: number): RolloutSteps {
  const { pause, dueMs } = steps;
  const pausedMs = pause === undefined ? 0 : Math.max(0, nowMs - pause.sinceMs);
  const untilMs = untilOf(steps.plan[steps.at], nowMs);
  return { ...steps, dueMs: dueMs === undefined ? undefined : dueMs + pausedMs, untilMs, pause: undefined };
}

/** Nobody could say in time whether the version may go on: a person has to. */
export function isUndecided({ untilMs, pause }: RolloutSteps, nowMs: number): boolean {
  return pause === undefined && untilMs !== undefined && nowMs >= untilMs;
}

/** Of a rollout in a check: which version gets copies of how many percent of the requests; undefined: in none. */
export function checkOf({ rollout }: Pick<Route, 'rollout'>): { shadow: number; copies: number } | undefined {
  const { steps, version, phase } = rollout;
  const { weight, copies = 0 } = steps?.plan[steps.at] ?? {};
  if (phase !== 'progressing' || steps === undefined || copies === 0) return undefined;
  return { shadow: weight === 0 ? version : primaryVersion(steps.baseline), copies };
}

/** The version that a rollout has loaded and that has no traffic yet, for who asks for it by `preview`. 0 = none. */
export function previewVersion({ rollout, targets }: Pick<Route, 'rollout' | 'targets'>): number {
  const isLive = targets.some(({ version }) => version === rollout.version);
  return rollout.phase === 'progressing' && !isLive ? rollout.version : 0;
}

/** Whether the time of the step is up and nobody holds the rollout. */
export function isDue({ dueMs, pause }: RolloutSteps, nowMs: number): boolean {
  return pause === undefined && dueMs !== undefined && nowMs >= dueMs;
}

/** What a person is told of a rollout in steps. */
export interface RolloutProgress {
  version: number;
  /** From 1. */
  step: number;
  steps: number;
  /** Percent that the version has. */
  weight: number;
  /** Percent that it has at the next step; 100 = that is the end. */
  nextWeight: number;
  sinceMs: number;
  /** From when on the next step may come, also where that is over; null = a person says when. */
  nextMs: number | null;
  /** A clause: "waits for …". */
  waitsFor: string;
  /** In which check the version is; null = it shares the traffic. */
  check: 'before' | 'after' | null;
  /**
   * Of a check before the switch: when a person is asked; of a bandit: when it ends without labels. null = nobody need
   * be asked, or is already.
   */
  untilMs: number | null;
  /** What the version answers to as `model_version` while it has no traffic; null = nothing. */
  preview: string | null;
}

/** undefined: the route is in no step. */
export function rolloutProgress(route: Pick<Route, 'rollout' | 'targets'>, nowMs: number): RolloutProgress | undefined {
  const { rollout, targets } = route;
  const { steps, version } = rollout;
  if (rollout.phase !== 'progressing' || steps === undefined) return undefined;
  // Labels end it whenever they can tell: the time that it has is the latest.
  const isBandit = steps.bandit !== undefined;
  return {
    ...{ version, step: steps.at + 1, steps: steps.plan.length },
    weight: targets.find((target) => target.version === version)?.weight ?? 0,
    nextWeight: steps.plan[steps.at + 1]?.weight ?? 100,
    sinceMs: steps.sinceMs,
    nextMs: steps.pause === undefined && !isBandit ? (steps.dueMs ?? null) : null,
    waitsFor: waitOf(steps, nowMs, isOfLaterRelease(route)),
    check: checkOf({ rollout }) === undefined ? null : steps.plan[steps.at]?.weight === 0 ? 'before' : 'after',
    untilMs: steps.pause === undefined ? (steps.untilMs ?? (isBandit ? steps.dueMs : undefined) ?? null) : null,
    preview: previewVersion({ rollout, targets }) === 0 ? null : PREVIEW,
  };
}

function waitOf({ pause, dueMs, plan, at, untilMs, bandit }: RolloutSteps, nowMs: number, isOfLater: boolean): string {
  if (pause !== undefined) {
    const by = pause.by === '' ? '' : ` by ${pause.by}`;
    return `a person to resume it: paused${by}${pause.reason === '' ? '' : `, ${pause.reason}`}`;
  }
  if (isOfLater) return 'a newer router: one has written what the router that was asked does not know; update it';
  if (dueMs === undefined) return 'a person to skip the step, to promote the version or to abort it';
  const isCheck = (plan[at]?.copies ?? 0) > 0;
  if (nowMs < dueMs) {
    if (bandit !== undefined) return 'labels to say which version is better, or the end of its time';
    return isCheck ? 'the time of the check' : 'the time of the step';
  }
  if (untilMs === undefined) return 'serving to say that the version is ready, and the analysis to agree';
  return 'requests that both versions have answered, and the analysis to agree; a person is asked after that';
}
