// Quality of probabilities against 0/1 outcomes over whole arrays: exact AUC with ties, log loss, accuracy, Brier score.
//
//   AUC = (sum of the mid-ranks of the positives - P (P + 1) / 2) / (P N)          (Mann-Whitney; Hanley and McNeil 1982)
//   log loss = -1/n sum y ln p' + (1 - y) ln(1 - p'),  p' = min(max(p, EPSILON), 1 - EPSILON)
//   accuracy = share of rows with (p >= threshold) = y
// Cost O(n log n) for AUC, O(n) for the rest. Empty input, and AUC with one class only: NaN.

/** Clips probabilities: FP32 outputs reach 0 and 1, and one such row must not make the mean infinite. */
export const PROBABILITY_EPSILON = 1e-7;

export function auc(probabilities: ArrayLike<number>, outcomes: ArrayLike<number>): number {
  const n = probabilities.length;
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  order.sort((a, b) => (probabilities[a] as number) - (probabilities[b] as number));
  let positives = 0;
  let rankSum = 0;
  for (let i = 0; i < n; ) {
    let j = i;
    let tiedPositives = 0;
    const value = probabilities[order[i] as number] as number;
    while (j < n && probabilities[order[j] as number] === value) {
      if ((outcomes[order[j] as number] as number) >= 0.5) tiedPositives++;
      j++;
    }
    if (j === i) return Number.NaN;
    rankSum += tiedPositives * ((i + 1 + j) / 2);
    positives += tiedPositives;
    i = j;
  }
  const negatives = n - positives;
  if (positives === 0 || negatives === 0) return Number.NaN;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/** Log loss of one row. */
export function rowLogLoss(probability: number, outcome: number): number {
  const p = Math.min(Math.max(probability, PROBABILITY_EPSILON), 1 - PROBABILITY_EPSILON);
  return outcome >= 0.5 ? -Math.log(p) : -Math.log(1 - p);
}

export function logLoss(probabilities: ArrayLike<number>, outcomes: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < probabilities.length; i++) sum += rowLogLoss(probabilities[i] as number, outcomes[i] as number);
  return probabilities.length === 0 ? Number.NaN : sum / probabilities.length;
}

export function accuracy(probabilities: ArrayLike<number>, outcomes: ArrayLike<number>, threshold = 0.5): number {
  let right = 0;
  for (let i = 0; i < probabilities.length; i++) {
    if ((probabilities[i] as number) >= threshold === (outcomes[i] as number) >= 0.5) right++;
  }
  return probabilities.length === 0 ? Number.NaN : right / probabilities.length;
}
