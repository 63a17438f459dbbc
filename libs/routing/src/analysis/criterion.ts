// What one criterion of a rollout's analysis is: which share of a version's answers it counts, from what on the new
// version's share is too high, and how both are told to a person. The test is the same for all (judge.ts): every
// criterion is about a share of answers, in one or several cuts of them, and looks for a higher one.

import type { VersionEvidence } from './evidence.js';

export const CRITERIA = ['errors', 'latency', 'unusable', 'constant', 'scores'] as const;
export type CriterionName = (typeof CRITERIA)[number];

/** Of a whole rollout; inconclusive = its time is up, a person decides. */
export const VERDICTS = ['pass', 'fail', 'not_yet', 'no_data', 'inconclusive'] as const;
/** Of one criterion; no_data = neither version gave any. */
export const CRITERION_VERDICTS = ['pass', 'fail', 'not_yet', 'no_data'] as const;

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
}

export interface Criterion {
  readonly name: CriterionName;
  readonly cuts: readonly Cut[];
  /** The effect that must be seen, in words. */
  readonly effect: string;
  /** A version's own figure, for people; NaN where there is none. */
  figure(of: VersionEvidence): number;
  readonly unit: 'share' | 'ms' | 'score';
}
