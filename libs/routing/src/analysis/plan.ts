// What a project says of the analysis of its rollouts (project file: rollout.analysis), and what holds where it says
// nothing. Each default says why.

import type { TestedName } from './criterion.js';

export interface AnalysisPlan {
  /** Probability that a healthy version is aborted, over all criteria and looks together. */
  alpha: number;
  /** Probability, of each criterion, that a version with the stated effect passes. */
  missed: number;
  /** How often it is looked at; looking more often changes no error. */
  intervalMs: number;
  /** Answers of the new version, at each step, before it passes. It fails without any such number. */
  minRequests: number;
  /** A step that has neither passed nor failed by then waits for a person. */
  inconclusiveAfterMs: number;
  /** Judged and told, never acted on. */
  dryRun: boolean;
  /** Not judged. */
  ignore: readonly TestedName[];
  errors: { effect: number };
  /** At this quantile, and at the median. */
  latency: { quantile: number; factor: number };
  unusable: { effect: number };
  constant: { effect: number };
  scores: { effect: number };
  /** In mean loss. `required`: a step waits until labels say that the version is not worse. */
  quality: { effect: number; required: boolean };
  /** The monitor's alarm for an input or the scores of the new version alone ends the rollout. */
  drift: { aborts: boolean };
}

export const DEFAULT_ANALYSIS: AnalysisPlan = {
  // One healthy rollout of a hundred is taken back in vain: it costs a rollout; a bad one that passes costs answers.
  alpha: 0.01,
  // Below the twentieth that is promised, so that what is measured is, too.
  missed: 0.04,
  intervalMs: 1_000,
  // What hits one answer of thirty has shown itself at least once with 96 %.
  minRequests: 100,
  // Three times the default step: at a third of the traffic that the defaults are made for it still decides.
  inconclusiveAfterMs: 1_800_000,
  dryRun: false,
  ignore: [],
  // Two failures more of a hundred: users notice; services that live fail in 0 to 1 %.
  errors: { effect: 0.02 },
  // The slowest twentieth is what a client's time-out is set by; under half as slow again is within the noise of a
  // version that is newly loaded. A version that is slower throughout is seen at its median.
  latency: { quantile: 0.95, factor: 1.5 },
  // One of a hundred: a healthy version gives none, a column that is missing in some rows gives some.
  unusable: { effect: 0.01 },
  // Four fifths of what could be the same: a classifier of two classes repeats itself in half or more anyway.
  constant: { effect: 0.8 },
  // A retrained version moves some scores; one of five on the other side of a point is another model or another input.
  scores: { effect: 0.2 },
  // Brier's score of a useful classifier is .05 to .2: a tenth to a third of that is another model. Seen after some
  // 2,700 labels of the new version at a fifth of the traffic (docs/rollout-analysis.md); they may come weeks later, so
  // that nobody waits for them who does not say so.
  quality: { effect: 0.02, required: false },
  // The monitor's alarms have a rate of false ones by themselves, window by window, which alpha does not bound.
  drift: { aborts: false },
};

/** Less than this is the noise of a machine, whatever the factor says. */
export const SLOWER_US_MIN = 5_000;
