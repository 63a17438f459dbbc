// The numbers that the policy cost weighs by, chosen on seeds 1 to 12 of `npm run bench:loop` over all of its streams;
// what each alone moves, and whether the streams agree, stands in docs/when-to-retrain.md.

export const COST_TUNING = {
  /** Windows that a version is thought to last before anything was seen. */
  horizonWindows: 20,
  /** A change is expected to go on for so many times what it has lasted: storms pass. */
  lasts: 3,
  /** Of the split with the largest z. */
  zMin: 4,
  /** A challenger that is worse by this, or more, tells of its training and of nothing else. */
  wrongBy: 0.02,
  /** Rows that the loss before the change counts for, as the level that a version of clean rows comes back to. */
  levelRows: 300,
  /** Likewise, of the bias of the scores. */
  biasMin: 4,
  /** Standard deviations of the saving below its mean that must still pay. */
  decidedAt: 1,
  /** Gain over excess before any retraining, how much excess it counts for, and its deviation then. */
  kept: 0.9,
  keptPrior: 0.05,
  keptDeviation: 0.15,
  /** What one that was refused on rows of two worlds counts for, against one on rows of the new world alone. */
  mixedWeight: 0.3,
  /** Loss x rows that few rows cost, before any retraining, and its deviation as a share of it. */
  curve: 6,
  curveDeviation: 1,
  /** Variance of the difference of two versions on a row. */
  pairVariance: 0.02,
  /** Loss per prediction that drift at its threshold stands for, before labels. */
  driftExcess: 0.02,
  /** Variance of a row's loss, and the windows that this counts for. */
  variance: 0.35,
  varianceWindows: 8,
};
