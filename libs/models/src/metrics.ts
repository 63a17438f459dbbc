// Metrics of binary probabilities. Labels are 0 or 1; rows whose label or score is NaN are the caller's to leave out.
//
// AUC by the rank sum (Mann-Whitney) with mid-ranks for ties: (sum of ranks of positives - P(P+1)/2) / (P N).
// Log loss: -mean(y ln p + (1 - y) ln(1 - p)), p clipped to [1e-15, 1 - 1e-15]. Accuracy at probability >= 0.5.
// Empty input and one-class input give NaN where the metric is not defined.

import type { Rng } from '@millrace/domain';

export interface BinaryEvaluation {
  rows: number;
  auc: number;
  logLoss: number;
  accuracy: number;
  positiveShare: number;
}

const CLIP = 1e-15;

/** Row numbers by ascending score. */
function ascending(scores: ArrayLike<number>): Uint32Array {
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i);
  return order.sort((a, b) => (scores[a] as number) - (scores[b] as number) || a - b);
}

/** Last position (exclusive) of the group of equal scores that each group starts; groups in order. */
function groupEnds(order: Uint32Array, scores: ArrayLike<number>): Uint32Array {
  const ends: number[] = [];
  for (let i = 1; i <= order.length; i++) {
    if (i === order.length || scores[order[i] as number] !== scores[order[i - 1] as number]) ends.push(i);
  }
  return Uint32Array.from(ends);
}

/** Weighted AUC over a precomputed order: pairs won + half the ties, over all pairs. */
function weightedAuc(
  order: Uint32Array,
  ends: Uint32Array,
  labels: ArrayLike<number>,
  weights: ArrayLike<number> | null,
): number {
  let negativesBelow = 0;
  let positives = 0;
  let won = 0;
  let start = 0;
  for (let g = 0; g < ends.length; g++) {
    const end = ends[g] as number;
    let p = 0;
    let n = 0;
    for (let i = start; i < end; i++) {
      const row = order[i] as number;
      const weight = weights === null ? 1 : (weights[row] as number);
      if (labels[row] === 1) p += weight;
      else n += weight;
    }
    won += p * (negativesBelow + n / 2);
    negativesBelow += n;
    positives += p;
    start = end;
  }
  const pairs = positives * negativesBelow;
  return pairs > 0 ? won / pairs : Number.NaN;
}

export function auc(labels: ArrayLike<number>, scores: ArrayLike<number>): number {
  const order = ascending(scores);
  return weightedAuc(order, groupEnds(order, scores), labels, null);
}

export function logLoss(labels: ArrayLike<number>, scores: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < labels.length; i++) {
    const p = Math.min(Math.max(scores[i] as number, CLIP), 1 - CLIP);
    sum -= labels[i] === 1 ? Math.log(p) : Math.log1p(-p);
  }
  return sum / labels.length;
}

export function accuracy(labels: ArrayLike<number>, scores: ArrayLike<number>): number {
  let right = 0;
  for (let i = 0; i < labels.length; i++) if ((scores[i] as number) >= 0.5 === (labels[i] === 1)) right++;
  return right / labels.length;
}

export function positiveShare(labels: ArrayLike<number>): number {
  let positives = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] === 1) positives++;
  return positives / labels.length;
}

export function evaluate(labels: ArrayLike<number>, scores: ArrayLike<number>): BinaryEvaluation {
  if (labels.length !== scores.length) throw new Error(`${labels.length} labels but ${scores.length} scores`);
  return {
    rows: labels.length,
    auc: auc(labels, scores),
    logLoss: logLoss(labels, scores),
    accuracy: accuracy(labels, scores),
    positiveShare: positiveShare(labels),
  };
}

export interface BootstrapInterval {
  /** AUC of a minus AUC of b on all rows. */
  difference: number;
  lower: number;
  upper: number;
}

/**
 * Paired bootstrap of the AUC difference: each replicate draws rows with replacement, the same for both scores; the
 * interval is between the (1 - confidence) / 2 quantiles. Both orders are sorted once; a replicate costs O(rows).
 */
export function bootstrapAucDifference(
  labels: ArrayLike<number>,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: { replicates: number; confidence: number; rng: Rng },
): BootstrapInterval {
  const rows = labels.length;
  const orders = [a, b].map((scores) => {
    const order = ascending(scores);
    return { order, ends: groupEnds(order, scores) };
  });
  const [first, second] = orders as [(typeof orders)[0], (typeof orders)[0]];
  const difference = (weights: Float64Array | null) =>
    weightedAuc(first.order, first.ends, labels, weights) - weightedAuc(second.order, second.ends, labels, weights);
  const weights = new Float64Array(rows);
  const drawn: number[] = [];
  for (let r = 0; r < options.replicates; r++) {
    weights.fill(0);
    for (let i = 0; i < rows; i++) {
      const row = options.rng.below(rows);
      weights[row] = (weights[row] as number) + 1;
    }
    const value = difference(weights);
    if (!Number.isNaN(value)) drawn.push(value);
  }
  drawn.sort((x, y) => x - y);
  const tail = (1 - options.confidence) / 2;
  const at = (share: number) => drawn[Math.min(drawn.length - 1, Math.floor(share * drawn.length))] ?? Number.NaN;
  return { difference: difference(null), lower: at(tail), upper: at(1 - tail) };
}
