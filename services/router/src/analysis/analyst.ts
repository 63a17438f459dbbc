// The analysis of all rollouts under way. Every router counts, says what it counted, hears the others and judges the
// sum, so that whoever takes a route over has followed the rollout from its beginning; only the route's owner acts:
// an abort where a criterion failed, a pause where the time is up, and a step that is due may come once all passed.
// What it asks for goes the way of every command. Called about once a second; no clock and no network of its own.

import {
  type Analysis,
  type AnalysisPlan,
  aimedCuts,
  type BanditMove,
  banditMove,
  banditView,
  criteriaOf,
  type ExpectedScores,
  RolloutJudge,
  type RolloutUnderWay,
  type Route,
  rolloutUnderWay,
  type Verdict,
  VersionEvidence,
} from '@millrace/routing';
import { NO_DRIFTS } from './gathered-drifts.js';
import type { Word } from './gathered-evidence.js';
import { type Counts, EndedOnes, type Self, SharedCounts } from './shared-counts.js';

/** As routes are told of a step that is due. */
export type StepAnswer = 'yes' | 'not yet' | { abort: string } | { pause: string };

/** What a person is shown. */
export interface RolloutAnalysis extends Analysis {
  /** Routers whose counts are in it. */
  routers: number;
  /** False: the rollout has ended, this is what was thought of it last. */
  isUnderWay: boolean;
}

export interface AnalystOptions {
  self: Self;
  nowMs(): number;
  /** undefined: the project file has not been read yet. */
  planOf(project: string): AnalysisPlan | undefined;
  /** Of a version against another; undefined: it has not been heard of yet. */
  expectedScores(project: string, version: number, against: number): ExpectedScores | undefined;
  /** Whether this process owns the route. */
  holds(project: string): boolean;
  /** To all routers. */
  say(word: Word): void;
  /** A command; rejects where it was refused or could not be sent. */
  command(rollout: RolloutUnderWay, kind: 'abort' | 'pause', reason: string): Promise<void>;
  /** The verdict has changed. */
  decided(project: string, analysis: RolloutAnalysis): void;
  failed(project: string, error: unknown): void;
}

/** A version is announced before it is rolled out; routers may read the one before the other. */
const UNHEARD_MAX_MS = 60_000;

interface Followed {
  readonly rollout: RolloutUnderWay;
  readonly plan: AnalysisPlan;
  readonly judge: RolloutJudge;
  readonly criteria: ReturnType<typeof criteriaOf>;
  readonly shared: SharedCounts;
  step: number;
  wasPaused: boolean;
  lookedAtMs: number;
  verdict: Verdict | undefined;
  /** A command is on its way. */
  isActing: boolean;
}

export class Analyst {
  private readonly followed = new Map<string, Followed>();
  private readonly ended = new EndedOnes<RolloutAnalysis>();
  /** Of rollouts whose version has not been heard of, since when it is waited for. */
  private readonly unheard = new Map<string, number>();

  constructor(
    private readonly counts: Counts,
    private readonly options: AnalystOptions,
  ) {}

  tick(routes: Iterable<Route>): void {
    const there = new Set<string>();
    for (const route of routes) {
      const rollout = rolloutUnderWay(route);
      if (rollout === undefined) continue;
      there.add(route.project);
      this.follow(rollout);
    }
    for (const project of this.followed.keys()) if (!there.has(project)) this.end(project);
    for (const project of this.unheard.keys()) if (!there.has(project)) this.unheard.delete(project);
  }

  /** Asked by the owner before a step comes by its time. */
  mayAdvance(project: string, route: Route): StepAnswer {
    const rollout = rolloutUnderWay(route);
    // In the middle of a check somebody has set other weights; else there is nobody to compare the version with.
    const { steps } = route.rollout;
    if (rollout === undefined) return steps?.plan[steps.at]?.copies === undefined ? 'yes' : 'not yet';
    const followed = this.followed.get(project);
    if (followed === undefined || !isSame(followed.rollout, rollout) || followed.step !== rollout.step)
      return 'not yet';
    // A person has resumed it a moment ago: the time of the step begins anew with the next look.
    if (followed.wasPaused) return 'not yet';
    if (followed.plan.dryRun) return 'yes';
    // It has all traffic: what was not found wanting within the time of the check stays.
    if (rollout.isLast && followed.judge.verdict !== 'fail') return 'yes';
    switch (followed.judge.verdict) {
      case 'pass':
        return 'yes';
      case 'fail':
        return { abort: followed.judge.analysis().reason };
      case 'inconclusive':
        return { pause: followed.judge.analysis().reason };
      default:
        return 'not yet';
    }
  }

  /** Asked by the owner of a bandit, every so often: what labels say its version's share should be, or its end. */
  bandit(route: Route, isOver: boolean): BanditMove {
    const rollout = rolloutUnderWay(route);
    const { steps, version } = route.rollout;
    if (steps?.bandit === undefined || rollout === undefined) return { kind: 'stay' };
    const labelled = this.counts.losses.of(rollout);
    const view = banditView(labelled.saidOf(rollout.stable), labelled.saidOf(version));
    const weight = steps.plan[steps.at]?.weight ?? 0;
    return banditMove(view, steps.bandit, { stable: rollout.stable, candidate: version, weight, isOver });
  }

  /** Of the rollout under way, or of the last one; undefined: there was none since this router started. */
  of(project: string): RolloutAnalysis | undefined {
    const followed = this.followed.get(project);
    return followed === undefined ? this.ended.of(project) : told(followed, true);
  }

  /** What gauges tell. */
  underWay(): { project: string; version: number; verdict: Verdict; criteria: ReturnType<RolloutJudge['evidence']> }[] {
    return [...this.followed].map(([project, { judge, rollout }]) => ({
      ...{ project, version: rollout.version, verdict: judge.verdict, criteria: judge.evidence() },
    }));
  }

  /** The project is no more. */
  forget(project: string): void {
    this.end(project);
    this.ended.forget(project);
    // It may have been counted before the project file said what to make of it.
    this.counts.book.forget(project);
    this.counts.gathered.forget(project);
    this.counts.losses.forget(project);
    this.counts.drifts.forget(project);
  }

  private follow(rollout: RolloutUnderWay): void {
    const { project } = rollout;
    const nowMs = this.options.nowMs();
    let followed = this.followed.get(project);
    this.counts.book.watch(rollout, rollout.versions, rollout.isCopied);
    if (followed === undefined || !isSame(followed.rollout, rollout)) {
      const plan = this.options.planOf(project);
      // It counts until the project file says what to make of it.
      if (plan === undefined) return;
      const expected = this.expectedScores(rollout, nowMs);
      if (expected === undefined) return;
      followed = this.begin(rollout, plan, expected, nowMs);
      this.counts.book.aim(rollout, aimedCuts(followed.criteria, new VersionEvidence(rollout.stable)));
      this.followed.set(project, followed);
    }
    const { judge, plan, shared } = followed;
    const news = shared.news(nowMs);
    if (news !== undefined) this.options.say(news);
    if (followed.step !== rollout.step) judge.nextStep(nowMs);
    else if (followed.wasPaused && !rollout.isPaused) judge.goOn(nowMs);
    followed.step = rollout.step;
    followed.wasPaused = rollout.isPaused;
    if (nowMs - followed.lookedAtMs < plan.intervalMs) return;
    followed.lookedAtMs = nowMs;
    this.look(followed, nowMs);
    this.act(followed, rollout);
  }

  /** undefined: it is waited for. */
  private expectedScores({ project, version, stable }: RolloutUnderWay, nowMs: number): ExpectedScores | undefined {
    const expected = this.options.expectedScores(project, version, stable);
    const sinceMs = this.unheard.get(project) ?? nowMs;
    if (expected === undefined && nowMs - sinceMs < UNHEARD_MAX_MS) {
      this.unheard.set(project, sinceMs);
      return undefined;
    }
    this.unheard.delete(project);
    return expected ?? { kind: 'unknown', why: `this router has not heard of the evaluation of version ${version}` };
  }

  private begin(rollout: RolloutUnderWay, plan: AnalysisPlan, expected: ExpectedScores, nowMs: number): Followed {
    const { stable, version: candidate, stepSinceMs: sinceMs, step } = rollout;
    const judge = new RolloutJudge(plan, { stable, candidate, sinceMs }, expected);
    // A router that starts in the middle of a step judges it from now on.
    judge.goOn(nowMs);
    return {
      ...{ rollout, plan, judge, criteria: criteriaOf(plan), step, verdict: undefined },
      shared: new SharedCounts(rollout, this.counts, this.options.self),
      ...{ wasPaused: rollout.isPaused, lookedAtMs: nowMs, isActing: false },
    };
  }

  private look(followed: Followed, nowMs: number): void {
    const { rollout, judge } = followed;
    const { of, isNew } = followed.shared.gather(nowMs);
    const arms = { stable: of(rollout.stable), candidate: of(rollout.version) };
    // Copies are in no window of the monitor: of one of both it sees nothing.
    if (rollout.isCopied) for (const arm of Object.values(arms)) Object.assign(arm, NO_DRIFTS);
    if (isNew) judge.beginFrom(arms);
    this.counts.book.aim(rollout, aimedCuts(followed.criteria, arms.stable));
    const verdict = judge.look(arms, nowMs);
    if (verdict === followed.verdict) return;
    followed.verdict = verdict;
    this.options.decided(rollout.project, told(followed, true));
  }

  private act(followed: Followed, rollout: RolloutUnderWay): void {
    const { plan, verdict, judge } = followed;
    if (plan.dryRun || followed.isActing || !this.options.holds(rollout.project)) return;
    // A step that a person ends waits for one already.
    const pauses = verdict === 'inconclusive' && rollout.isTimed && !rollout.isPaused && !rollout.isLast;
    const kind = verdict === 'fail' ? 'abort' : pauses ? 'pause' : undefined;
    if (kind === undefined) return;
    followed.isActing = true;
    const sent = this.options.command(rollout, kind, judge.analysis().reason);
    // Tried again at the next look, where it is still wanted.
    sent
      .catch((error: unknown) => this.options.failed(rollout.project, error))
      .finally(() => {
        followed.isActing = false;
      });
  }

  private end(project: string): void {
    const followed = this.followed.get(project);
    this.followed.delete(project);
    if (followed === undefined) return;
    followed.shared.forget();
    this.ended.keep(project, told(followed, false));
  }
}

const isSame = (a: RolloutUnderWay, b: RolloutUnderWay): boolean =>
  a.version === b.version && a.fromRevision === b.fromRevision && a.stable === b.stable;

const told = ({ judge, shared }: Followed, isUnderWay: boolean): RolloutAnalysis => ({
  ...judge.analysis(),
  routers: shared.routers,
  isUnderWay,
});
