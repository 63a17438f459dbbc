// How the arms of running experiments compare: each against the control arm by the tests that judge a rollout, from
// what all routers counted since the experiment began and what labels said of it. The probability that an arm as good
// as the control is ever called worse stays below the plan's alpha for all arms together: each comparison has an equal
// part of it. It tells and does nothing: an arm may be another model on purpose. Called about once a second; no clock
// and no network of its own.

import {
  type AnalysisPlan,
  aimedCuts,
  armName,
  type CriterionAnalysis,
  criteriaOf,
  type Experiment,
  RolloutJudge,
  type Route,
  runningExperiment,
  type Verdict,
  VersionEvidence,
  waitsForArms,
} from '@millrace/routing';
import type { RolloutId } from './evidence-book.js';
import type { Word } from './gathered-evidence.js';
import { type Counts, EndedOnes, type Self, SharedCounts } from './shared-counts.js';

export interface ArmFigures {
  version: number;
  /** As flags and traces name it. */
  variant: string;
  weight: number;
  isReady: boolean;
  answered: number;
  failed: number;
  p50Ms: number | null;
  p95Ms: number | null;
  p99Ms: number | null;
  /** Against the control arm; null for that arm itself. */
  comparison: { verdict: Verdict; reason: string; criteria: CriterionAnalysis[] } | null;
}

export interface ExperimentStatus extends Omit<Experiment, 'salt' | 'fromRevision' | 'arms'> {
  /** A clause; '' = every arm takes part, or it is over. */
  waitsFor: string;
  /** Routers whose counts are in it. */
  routers: number;
  lookedAtMs: number | null;
  arms: ArmFigures[];
}

export interface ArmVerdict {
  project: string;
  experiment: string;
  version: number;
  verdict: Verdict;
}

export interface ExperimentAnalystOptions {
  self: Self;
  nowMs(): number;
  /** undefined: the project file has not been read yet. */
  planOf(project: string): AnalysisPlan | undefined;
  /** To all routers. */
  say(word: Word): void;
  /** The verdict of an arm has changed. */
  decided(arm: ArmVerdict, reason: string): void;
}

interface Followed {
  readonly id: RolloutId;
  readonly name: string;
  readonly control: number;
  /** Of the arms beside the control. */
  readonly judges: ReadonlyMap<number, RolloutJudge>;
  readonly verdicts: Map<number, Verdict>;
  readonly plan: AnalysisPlan;
  readonly criteria: ReturnType<typeof criteriaOf>;
  readonly shared: SharedCounts;
  lookedAtMs: number;
}

export class ExperimentAnalyst {
  private readonly followed = new Map<string, Followed>();
  private readonly ended = new EndedOnes<Followed>();

  constructor(
    private readonly counts: Counts,
    private readonly options: ExperimentAnalystOptions,
  ) {}

  tick(routes: Iterable<Route>): void {
    const there = new Set<string>();
    for (const route of routes) {
      const experiment = runningExperiment(route);
      if (experiment === undefined) continue;
      there.add(route.project);
      this.follow(route.project, experiment);
    }
    for (const project of this.followed.keys()) if (!there.has(project)) this.end(project);
  }

  /** Of the route's experiment, running or ended; undefined: it has none. */
  of({ project, experiment }: Route): ExperimentStatus | undefined {
    if (experiment === undefined) return undefined;
    const known = [this.followed.get(project), this.ended.of(project)];
    const followed = known.find((one) => one?.id.fromRevision === experiment.fromRevision);
    const { salt: _salt, fromRevision: _from, arms, ...told } = experiment;
    return {
      ...told,
      waitsFor: experiment.end === undefined ? waitsForArms(experiment) : '',
      routers: followed?.shared.routers ?? 0,
      lookedAtMs: followed?.lookedAtMs ?? null,
      arms: arms.map(({ version, weight, isReady }) => ({
        ...{ version, weight, isReady, variant: armName(experiment, version) },
        ...figuresOf(followed?.shared.sum.get(version)),
        comparison: comparisonOf(followed?.judges.get(version)),
      })),
    };
  }

  /** What gauges tell. */
  verdicts(): ArmVerdict[] {
    return [...this.followed].flatMap(([project, { name: experiment, verdicts }]) =>
      [...verdicts].map(([version, verdict]) => ({ project, experiment, version, verdict })),
    );
  }

  /** The project is no more. */
  forget(project: string): void {
    this.end(project);
    this.ended.forget(project);
  }

  private follow(project: string, experiment: Experiment): void {
    const { control, fromRevision, arms } = experiment;
    const id: RolloutId = { project, version: control, fromRevision };
    this.counts.book.watch(
      id,
      arms.map(({ version }) => version),
    );
    let followed = this.followed.get(project);
    if (followed?.id.fromRevision !== fromRevision) {
      const plan = this.options.planOf(project);
      // It counts until the project file says what to make of it.
      if (plan === undefined) return;
      followed = this.begin(id, experiment, plan);
      this.counts.book.aim(id, aimedCuts(followed.criteria, new VersionEvidence(control)));
      this.followed.set(project, followed);
    }
    const nowMs = this.options.nowMs();
    const news = followed.shared.news(nowMs);
    if (news !== undefined) this.options.say(news);
    if (nowMs - followed.lookedAtMs < followed.plan.intervalMs) return;
    followed.lookedAtMs = nowMs;
    this.look(followed, nowMs);
  }

  private begin(
    id: RolloutId,
    { name, control, arms, startedAtMs: sinceMs }: Experiment,
    plan: AnalysisPlan,
  ): Followed {
    const others = arms.map(({ version }) => version).filter((version) => version !== control);
    // Its time is the experiment's: nothing waits for a person.
    const each = { ...plan, alpha: plan.alpha / others.length, inconclusiveAfterMs: Number.POSITIVE_INFINITY };
    const judged = others.map((candidate) => {
      return [candidate, new RolloutJudge(each, { stable: control, candidate, sinceMs })] as const;
    });
    return {
      ...{
        id,
        name,
        control,
        plan,
        criteria: criteriaOf(plan),
        judges: new Map(judged),
        verdicts: new Map<number, Verdict>(),
      },
      shared: new SharedCounts(id, this.counts, this.options.self),
      lookedAtMs: Number.NEGATIVE_INFINITY,
    };
  }

  private look(followed: Followed, nowMs: number): void {
    const { of, isNew } = followed.shared.gather(nowMs);
    this.counts.book.aim(followed.id, aimedCuts(followed.criteria, of(followed.control)));
    for (const [version, judge] of followed.judges) {
      const arms = { stable: of(followed.control), candidate: of(version) };
      if (isNew) judge.beginFrom(arms);
      const verdict = judge.look(arms, nowMs);
      if (verdict === followed.verdicts.get(version)) continue;
      followed.verdicts.set(version, verdict);
      const { project } = followed.id;
      this.options.decided({ project, experiment: followed.name, version, verdict }, judge.analysis().reason);
    }
  }

  private end(project: string): void {
    const followed = this.followed.get(project);
    if (followed === undefined) return;
    this.followed.delete(project);
    followed.shared.forget();
    this.ended.keep(project, followed);
  }
}

function figuresOf(evidence: VersionEvidence | undefined) {
  const { answered = 0, failed = 0, latency } = evidence ?? {};
  const quantile = (q: number) => (latency === undefined || answered === 0 ? null : latency.quantileUs(q) / 1_000);
  return { answered, failed, p50Ms: quantile(0.5), p95Ms: quantile(0.95), p99Ms: quantile(0.99) };
}

function comparisonOf(judge: RolloutJudge | undefined): ArmFigures['comparison'] {
  if (judge === undefined) return null;
  const { verdict, reason, criteria } = judge.analysis();
  return { verdict, reason, criteria };
}
