// What one criterion of a rollout's analysis is, and what its test has to do. Most are about a share of answers, in one
// or several cuts of them, look for a higher one, and have the same test (criterion-test.ts); the quality of answers is
// a mean, by labels that come later (quality-test.ts), and drift what the monitor says of it (drift-test.ts).

import type { Bounds, Count } from '@millrace/statistics';
import type { AnswerFacts } from './entity-marks.js';
import type { VersionEvidence } from './evidence.js';
import type { AllowedScores } from './expected-scores.js';

/** Tested, at a part of the plan's alpha each. */
export const TESTED_CRITERIA = ['errors', 'latency', 'unusable', 'constant', 'scores', 'quality'] as const;
export const CRITERIA = [...TESTED_CRITERIA, 'drift'] as const;
export type TestedName = (typeof TESTED_CRITERIA)[number];
export type CriterionName = (typeof CRITERIA)[number];

/** Of a whole rollout; inconclusive = its time is up, a person decides. */
export const VERDICTS = ['pass', 'fail', 'not_yet', 'no_data', 'inconclusive'] as const;
/** Of one criterion; no_data = neither version gave any. */
export const CRITERION_VERDICTS = ['pass', 'fail', 'not_yet', 'no_data'] as const;

/** Evidence at one moment; not changed afterwards. */
export interface Arms {
  readonly stable: VersionEvidence;
  readonly candidate: VersionEvidence;
}

/** One way to cut the answers of a version into those that count and those that do not. */
export interface Cut {
  /** Share that counts where nothing was seen yet. */
  readonly prior: number;
  /** The new version's share at the effect that the project states, where the other's is p. */
  worse(p: number): number;
  /**
   * Where to cut, from answers of the version in service alone, all from before those that are cut; undefined: these
   * are too few to say.
   */
  edge(stable: VersionEvidence): number | undefined;
  /** Answers that can be cut, since the beginning, so that those of two moments can be subtracted. */
  all(of: VersionEvidence): number;
  /** Those of them that count. */
  marked(of: VersionEvidence, edge: number): number;
  /**
   * Whether one answer counts, of what has just become known of it; undefined: it cannot be cut by that. Absent: what
   * entities have to do with it is not looked at.
   */
  readonly counts?: (answer: AnswerFacts, edge: number) => boolean | undefined;
  /**
   * By so much the new version's share may be higher for all that is known beforehand, [0, 1); absent: not at all.
   */
  readonly margin?: number;
  /** Among the criterion's cuts, where some are left out: what routers say of it is by that. */
  readonly place?: number;
  /** Where the effect is one of all answers: half of what this cut says against the new version comes from these. */
  readonly bins?: Bins;
}

/** All answers of a version by bins in ascending order: for a stated effect that moves all of them. */
export interface Bins {
  /** Upper edges of all bins but the last, as Cut.edge; undefined: too few answers to say. */
  edges(stable: VersionEvidence): readonly number[] | undefined;
  /** By bin, since the beginning. */
  counts(of: VersionEvidence, edges: readonly number[]): number[];
  /** By bin, were each answer of this version worse as stated. */
  shifted(of: VersionEvidence, edges: readonly number[]): number[];
  /** Whether the middle answer is worse by half of the effect; else the bins say nothing against the new version. */
  isWorse(stable: VersionEvidence, candidate: VersionEvidence): boolean;
}

export const UNITS = ['share', 'ms', 'score', 'loss', 'drifts'] as const;

/** What is told of a criterion to a person, whatever its test is. */
export interface CriterionFacts {
  readonly name: CriterionName;
  /** The effect that must be seen, in words. */
  readonly effect: string;
  /** A version's own figure, for people; NaN where there is none. */
  figure(of: VersionEvidence): number;
  readonly unit: (typeof UNITS)[number];
  /** What the figure leaves out, for the reason of a verdict. */
  says?(of: VersionEvidence): string;
  /** What the effect is counted from where that is not plain, as a clause for people. */
  readonly note?: string;
  /** Of `scores`, where an evaluation has said how far both lie apart. */
  readonly allowed?: AllowedScores;
}

/** A criterion about a share of answers. */
export interface Criterion extends CriterionFacts {
  readonly cuts: readonly Cut[];
}

/** Both sides of a test, and how far apart they are, for people. */
export interface Standing {
  stable: Count;
  candidate: Count;
  /** Candidate less stable, of what the test has counted; null before that. */
  difference: number | null;
  interval: Bounds | null;
  /** Answers that weigh as much as an independent one, because entities differ and ask often; 1 = all are. */
  designEffect: number;
}

/** The test of one criterion in one rollout. */
export interface RunningTest {
  readonly criterion: CriterionFacts;
  /**
   * When it has to pass before a step may come: always, where there is data, or never, so that it can only end a
   * rollout.
   */
  readonly holds: 'always' | 'with data' | 'never';
  readonly verdict: (typeof CRITERION_VERDICTS)[number];
  readonly alpha: number;
  /** How much of the logarithm that a failure takes is there, 0 to 1 and more. */
  readonly evidence: number;
  /** `now` may change afterwards; `kept` gives what it is as something that does not. */
  look(now: Arms, kept: () => Arms): void;
  /** What routers had counted until now is not tested. */
  beginFrom(kept: Arms): void;
  /** What was shown at an earlier step does not pass the next one; what was found against it stays. */
  nextStep(): void;
  standing(arms: Arms): Standing;
  /** About how many more answers of both, `share` of them the new version's, until the effect would be seen. */
  answersUntilSeen(share: number): number;
}
