// Whether a version has become worse: the likeliest change in the losses of its windows, or in what they say of the
// bias of its scores, with its size and how sure that is. Pure.
//
//   rise: the split of the windows with the largest z = (mean after - mean before) / sqrt(v (1/n before + 1/n after)),
//         the version's evaluation being rows from before; there is none below zMin.  v: variance of a row's loss, of
//         windows that follow each other, held together by a prior: what moves all the time makes the interval wide.
//         Loss is told as what it is above that of the best constant guess: harder days are no change
//   bias: b = mean score - share of label 1 since the split with the largest |b| / sqrt(p (1 - p) / n); it costs
//         b^2 / (2 p (1 - p)) of log loss (to second order), also where the loss falls meanwhile; none below biasMin
//
// Cost O(windows). Without windows, or without rows from before: none.

import { COST_TUNING } from './cost-tuning.js';

/** Windows of which the newest level is the mean. */
const LATEST = 3;
/** Where all labels are alike. */
const VARIANCE_MIN = 1e-3;

/** One closed window of one version, its labels there. */
export interface WindowLoss {
  readonly version: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly predictions: number;
  /** Labelled ones, whose mean loss `loss` is. */
  readonly rows: number;
  readonly loss: number;
  /** Share of label 1, and the mean of the scores; NaN where it is not known. */
  readonly positiveShare: number;
  readonly meanScore: number;
}

/** Of a version that a training made, on rows that it had not learned from. */
export interface JudgedVersion {
  readonly version: number;
  readonly rows: number;
  readonly loss: number;
  /** Share of label 1 among them; not there where it is not known. */
  readonly positiveShare?: number | undefined;
  /** Rows that it learned from; not there in a state of an earlier release. */
  readonly learned?: number | undefined;
}

export interface Change {
  /** Told as what it is above the best constant guess, where `isEased`. */
  readonly levelBefore?: number;
  readonly isEased?: boolean;
  readonly excess: number;
  readonly deviation: number;
  readonly changeMs: number;
}

/** Rows, and the sum of their losses. */
interface Total {
  readonly rows: number;
  readonly losses: number;
}

const NOTHING: Total = { rows: 0, losses: 0 };
const plus = ({ rows, losses }: Total, more: { rows: number; loss: number }): Total => ({
  rows: rows + more.rows,
  losses: losses + more.rows * more.loss,
});
export const totalOf = (parts: readonly { rows: number; loss: number }[]): Total => parts.reduce(plus, NOTHING);
export const meanOf = ({ rows, losses }: Total): number => losses / rows;

/** Of a row's loss. */
function varianceOf(windows: readonly WindowLoss[]): number {
  const { variance, varianceWindows } = COST_TUNING;
  let sum = variance * varianceWindows;
  let count = varianceWindows;
  for (let i = 1; i < windows.length; i++) {
    const [a, b] = [windows[i - 1] as WindowLoss, windows[i] as WindowLoss];
    sum += (b.loss - a.loss) ** 2 / (1 / a.rows + 1 / b.rows);
    count += 1;
  }
  return sum / count;
}

/** Whichever of the two tells of more, less its deviation. */
export function changeIn(windows: readonly WindowLoss[], evaluated: JudgedVersion | undefined): Change | undefined {
  const found = [riseIn(windows, evaluated), biasIn(windows)].filter((one) => one !== undefined);
  return found.sort((a, b) => b.excess - b.deviation - (a.excess - a.deviation))[0];
}

/** The likeliest time since which scores are off the labels, on the mean; the loss may even fall meanwhile. */
function biasIn(windows: readonly WindowLoss[]): Change | undefined {
  let found: (Change & { z: number }) | undefined;
  let latest: { bias: number; error: number } | undefined;
  const after = { rows: 0, positives: 0, scores: 0 };
  for (const { rows, positiveShare, meanScore, startMs } of windows.toReversed()) {
    if (!Number.isFinite(meanScore)) break;
    after.rows += rows;
    after.positives += rows * positiveShare;
    after.scores += rows * meanScore;
    const bias = (after.scores - after.positives) / after.rows;
    const share = after.positives / after.rows;
    const variance = Math.max(VARIANCE_MIN, share * (1 - share));
    const error = Math.sqrt(variance / after.rows);
    const z = Math.abs(bias) / error;
    if (found !== undefined && found.z >= z) continue;
    // As with a rise: what has passed is no more in the newest window.
    latest ??= { bias, error };
    const now = Math.sign(bias) * latest.bias + latest.error;
    const size = Math.max(0, Math.min(Math.abs(bias), now));
    const excess = Math.max(0, size ** 2 - error ** 2) / (2 * variance);
    found = { z, excess, deviation: (size * error) / variance, changeMs: startMs };
  }
  return found !== undefined && found.z >= COST_TUNING.biasMin && found.excess > 0 ? found : undefined;
}

/** Of the best constant guess where label 1 has this share; NaN where nobody knows it. */
export const entropy = (share: number | undefined): number => {
  if (share === 0 || share === 1) return 0;
  return share === undefined ? Number.NaN : -share * Math.log(share) - (1 - share) * Math.log1p(-share);
};

interface Eased {
  readonly rows: number;
  readonly loss: number;
}

/** The likeliest rise of the loss that lasts in the newest window. */
function riseIn(windows: readonly WindowLoss[], evaluated: JudgedVersion | undefined): Change | undefined {
  const ease = <T extends Eased & { positiveShare?: number | undefined }>(one: T) => ({
    ...one,
    loss: one.loss - entropy(one.positiveShare),
  });
  const eased = windows.map(ease);
  const judged = evaluated === undefined ? undefined : ease(evaluated);
  // Where the share of some is not known, the loss itself.
  const isEased = [...eased, ...(judged ? [judged] : [])].every(({ loss }) => Number.isFinite(loss));
  const found = isEased ? riseOf(eased, judged) : riseOf(windows, evaluated);
  return found && { ...found, isEased };
}

function riseOf(windows: readonly WindowLoss[], evaluated: Eased | undefined): Change | undefined {
  const newest = windows.at(-1);
  if (newest === undefined) return undefined;
  const variance = varianceOf(windows);
  const all = totalOf(evaluated === undefined ? windows : [evaluated, ...windows]);
  let found: (Change & { z: number }) | undefined;
  let after = NOTHING;
  let latest = NOTHING;
  windows.toReversed().forEach((window, i) => {
    after = plus(after, window);
    if (i < LATEST) latest = after;
    const before: Total = { rows: all.rows - after.rows, losses: all.losses - after.losses };
    if (before.rows === 0) return;
    const levelBefore = meanOf(before);
    const deviation = Math.sqrt(variance * (1 / before.rows + 1 / after.rows));
    const z = (meanOf(after) - levelBefore) / deviation;
    if (found !== undefined && found.z >= z) return;
    // A storm that has passed is in the mean, and no more in the newest window.
    const usual = varianceOf(windows.slice(0, windows.length - 1 - i));
    const now = newest.loss - levelBefore + Math.sqrt(usual / newest.rows);
    // A change that goes on is more now than it was on the mean since.
    const excess = Math.min(Math.max(meanOf(after), meanOf(latest)) - levelBefore, now);
    found = { z, excess, deviation, changeMs: window.startMs, levelBefore };
  });
  return found !== undefined && found.z >= COST_TUNING.zMin && found.excess > 0 ? found : undefined;
}
