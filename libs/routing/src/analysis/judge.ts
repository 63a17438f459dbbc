// What is thought of a rollout: the new version against the one in service, by the answers that both gave in the
// same time to requests that a hash drew for them; never against the stable version's own past. Looked at as often
// as one likes: each criterion's test is valid at all looks at once (libs/statistics sequential/stated-effect.ts).
// alpha is split evenly over the criteria, so that it holds for all together; `missed` is each one's own, for a
// rollout passes only where all pass. Pure: the caller brings the evidence, counted since the rollout began, and the
// clock. Answers of one entity are not independent: what that takes from the evidence, criterion-test.ts. O(criteria) a
// look where no block ends, else one pass over the histograms; 120 KiB a rollout.

import type { Arms, CriterionFacts, CriterionName, RunningTest, VERDICTS } from './criterion.js';
import type { CriterionVerdict } from './criterion-test.js';
import { VersionEvidence } from './evidence.js';
import { type AllowedScores, type ExpectedScores, NOT_ASKED } from './expected-scores.js';
import type { AnalysisPlan } from './plan.js';
import { testsOf } from './registry.js';

export type Verdict = (typeof VERDICTS)[number];

/** One version's side of a criterion. */
export interface Side {
  /** Share, milliseconds, score or loss, as the criterion's unit says; null where there is none. */
  figure: number | null;
  /** Answers that count, of all that can be cut. */
  k: number;
  n: number;
  /** What the figure leaves out. */
  says?: string;
}

export interface CriterionAnalysis {
  criterion: CriterionName;
  verdict: CriterionVerdict;
  unit: CriterionFacts['unit'];
  stable: Side;
  candidate: Side;
  /** Of the shares or means in blocks, candidate less stable; null before the first block. */
  difference: number | null;
  /** Of the difference, true at all looks at once with 1 - alpha; null before the first block. */
  interval: { lower: number; upper: number } | null;
  /** What would be seen, in words. */
  effect: string;
  /** How much of the evidence that an abort takes is there: 1 and more = fail. */
  evidence: number;
  /** About how many more answers of both versions until the stated effect would be seen; 0 = it would have been. */
  answersUntilSeen: number;
  /** alpha of this criterion. */
  alpha: number;
  /** Answers that weigh as much as an independent one, because entities differ and ask often; 1 = all are. */
  designEffect: number;
  /** What the effect is counted from, where that is not plain: a clause. */
  note?: string;
  /** Of `scores`: what may lie between both versions for what the new one's evaluation says. */
  allowed?: AllowedScores;
}

export interface Analysis {
  verdict: Verdict;
  /** A clause: which criterion, both figures. */
  reason: string;
  stable: number;
  candidate: number;
  sinceMs: number;
  /** When the running step began. */
  stepSinceMs: number;
  lookedAtMs: number;
  answered: { stable: number; candidate: number; candidateAtStep: number };
  dryRun: boolean;
  criteria: CriterionAnalysis[];
}

export interface Rollout {
  stable: number;
  candidate: number;
  sinceMs: number;
}

export class RolloutJudge {
  private readonly tests: readonly RunningTest[];
  private arms: Arms;
  private stepSinceMs: number;
  private lookedAtMs: number;
  private answeredBefore = 0;

  constructor(
    private readonly plan: AnalysisPlan,
    private readonly rollout: Rollout,
    expected: ExpectedScores = NOT_ASKED,
  ) {
    const { stable, candidate, sinceMs } = rollout;
    const empty = { stable: new VersionEvidence(stable), candidate: new VersionEvidence(candidate) };
    this.tests = testsOf(plan, sinceMs, expected);
    this.arms = empty;
    this.stepSinceMs = sinceMs;
    this.lookedAtMs = sinceMs;
  }

  /** `arms`: all since the rollout began; not kept, they may go on counting. */
  look(arms: Arms, nowMs: number): Verdict {
    this.arms = arms;
    this.lookedAtMs = nowMs;
    let kept: Arms | undefined;
    const keep = (): Arms => {
      kept ??= { stable: arms.stable.copy(), candidate: arms.candidate.copy() };
      return kept;
    };
    for (const test of this.tests) test.look(arms, keep);
    return this.verdict;
  }

  /** What was counted until now is not tested; what was found before stays. */
  beginFrom(arms: Arms): void {
    this.arms = arms;
    this.answeredBefore = arms.candidate.answered;
    const kept: Arms = { stable: arms.stable.copy(), candidate: arms.candidate.copy() };
    for (const test of this.tests) test.beginFrom(kept);
  }

  /** The traffic's split changed: the next step has to pass by itself. */
  nextStep(nowMs: number): void {
    this.stepSinceMs = nowMs;
    this.answeredBefore = this.arms.candidate.answered;
    for (const test of this.tests) test.nextStep();
  }

  /** A person lets a step go on that had waited for one: its time begins anew, what was shown stays. */
  goOn(nowMs: number): void {
    this.stepSinceMs = nowMs;
  }

  get verdict(): Verdict {
    const verdicts = this.tests.map(({ verdict }) => verdict);
    if (verdicts.includes('fail')) return 'fail';
    const { stable, candidate } = this.arms;
    // What neither version gives says nothing of either; the answers themselves are always there to be compared.
    const isPassed = verdicts.includes('pass') && !this.tests.some(isHolding);
    if (isPassed && candidate.answered - this.answeredBefore >= this.plan.minRequests) return 'pass';
    if (this.lookedAtMs - this.stepSinceMs >= this.plan.inconclusiveAfterMs) return 'inconclusive';
    return stable.answered === 0 || candidate.answered === 0 ? 'no_data' : 'not_yet';
  }

  /** Of each criterion, as `analysis` says, at next to no cost. */
  evidence(): { criterion: CriterionName; evidence: number }[] {
    return this.tests.map(({ criterion, evidence }) => ({ criterion: criterion.name, evidence }));
  }

  /** For who asks: the intervals take some milliseconds. */
  analysis(): Analysis {
    const { stable, candidate } = this.arms;
    const { verdict, plan } = this;
    const criteria = this.tests.map((test) => this.criterion(test));
    return {
      verdict,
      reason: reasonOf(verdict, criteria, this.rollout, plan),
      ...this.rollout,
      stepSinceMs: this.stepSinceMs,
      lookedAtMs: this.lookedAtMs,
      answered: {
        stable: stable.answered,
        candidate: candidate.answered,
        candidateAtStep: candidate.answered - this.answeredBefore,
      },
      dryRun: plan.dryRun,
      criteria,
    };
  }

  private criterion(test: RunningTest): CriterionAnalysis {
    const { stable, candidate } = this.arms;
    const { criterion } = test;
    const standing = test.standing(this.arms);
    const all = stable.answered + candidate.answered;
    const side = (of: VersionEvidence, counted: { k: number; n: number }): Side => {
      const figure = criterion.figure(of);
      const says = criterion.says?.(of);
      return {
        ...{ figure: Number.isFinite(figure) ? figure : null, k: counted.k, n: counted.n },
        ...(says === undefined ? {} : { says }),
      };
    };
    return {
      criterion: criterion.name,
      verdict: test.verdict,
      unit: criterion.unit,
      stable: side(stable, standing.stable),
      candidate: side(candidate, standing.candidate),
      difference: standing.difference,
      interval: standing.interval,
      effect: criterion.effect,
      evidence: test.evidence,
      answersUntilSeen: test.answersUntilSeen(all === 0 ? 0.5 : within(candidate.answered / all)),
      alpha: test.alpha,
      designEffect: standing.designEffect,
      ...(criterion.note === undefined ? {} : { note: criterion.note }),
      ...(criterion.allowed === undefined ? {} : { allowed: criterion.allowed }),
    };
  }
}

/** A step waits for it. */
function isHolding({ holds, verdict }: RunningTest): boolean {
  if (verdict === 'pass' || holds === 'never') return false;
  return verdict !== 'no_data' || holds === 'always';
}

/** A version without answers would need infinitely many. */
const within = (share: number): number => Math.min(0.99, Math.max(0.01, share));

function reasonOf(verdict: Verdict, criteria: readonly CriterionAnalysis[], of: Rollout, plan: AnalysisPlan): string {
  const figures = (wanted: CriterionVerdict) =>
    criteria
      .filter((criterion) => criterion.verdict === wanted)
      .map((criterion) => told(criterion, of))
      .join('; ');
  switch (verdict) {
    case 'fail':
      return [figures('fail'), ...meant(criteria)].join('; ');
    case 'pass':
      return `no criterion is worse by its effect: ${passed(criteria)}`;
    case 'inconclusive':
      return (
        `neither good nor bad after ${Math.round(plan.inconclusiveAfterMs / 1_000)} s, it waits for a person: ` +
        (figures('not_yet') ||
          unlabelled(criteria, plan) ||
          `version ${of.candidate} had fewer than ${plan.minRequests} answers at this step`)
      );
    case 'no_data':
      return `version ${of.stable} and version ${of.candidate} have not both answered yet`;
    case 'not_yet':
      return (
        figures('not_yet') ||
        unlabelled(criteria, plan) ||
        `version ${of.candidate} needs ${plan.minRequests} answers at this step`
      );
  }
}

/** '' where nobody waits for labels, or some have come. */
function unlabelled(criteria: readonly CriterionAnalysis[], { quality }: AnalysisPlan): string {
  const found = criteria.find(({ criterion }) => criterion === 'quality');
  return quality.required && found?.verdict === 'no_data' ? 'quality: no answer of this rollout has a label yet' : '';
}

/** Of those without data nothing is worse, and of those that are open nothing is known. */
const passed = (criteria: readonly CriterionAnalysis[]): string =>
  criteria.flatMap(({ criterion, verdict }) => (verdict === 'not_yet' ? [] : criterion)).join(', ');

/** "errors 3.1 % of 240 answers of version 2, .2 % of 4,560 of version 1". */
function told({ criterion, unit, stable, candidate }: CriterionAnalysis, of: Rollout): string {
  const side = (version: number, { figure, k, n, says }: Side) => {
    if (says !== undefined) return `version ${version} ${says}`;
    return unit === 'share'
      ? `version ${version} ${k} of ${n}`
      : `version ${version} ${number(figure)}${OF[unit] ?? ''} of ${n}${unit === 'loss' ? ' labels' : ''}`;
  };
  return `${criterion}: ${side(of.candidate, candidate)}, ${side(of.stable, stable)}`;
}

/** What a figure is, after it. */
const OF: Partial<Record<CriterionFacts['unit'], string>> = { ms: ' ms', score: ' is the median score' };

/** What a failure for its scores means, and what to do: it may be as it should. */
function meant(criteria: readonly CriterionAnalysis[]): string[] {
  const scores = criteria.find(({ criterion, verdict }) => criterion === 'scores' && verdict === 'fail');
  if (scores === undefined) return [];
  const note = scores.note === undefined ? '' : ` (${scores.note})`;
  return [`that is other scores${note}, which labels alone call worse: millrace backtest compares both by them`];
}

const number = (figure: number | null): string => (figure === null ? 'none' : String(Number(figure.toPrecision(3))));
