// When a training has learnt what there is to learn: the loss on held-out rows is looked at every so often; after
// `patience` looks without a better one the training goes back to the best weights at a lower rate, and ends where that
// rate would fall below the last one. State is plain data, so that a checkpoint resumes it.

/** A third of an order of magnitude twice is one: 1, 0.32, 0.1 of the rate. */
const RATE_FACTOR = Math.sqrt(0.1);
/** Standard errors: with one, three of fifteen public tables ended with a network that was worse on new rows. */
const ERRORS = 2;
/** 0.1 is reached in two steps in spite of rounding. */
const SLACK = 1.001;

export interface StoppingRule {
  /** Looks without a better loss. */
  patience: number;
  /** The last rate, as a share of the first. */
  finalRateShare: number;
}

export interface StoppingState {
  best: number;
  /** Looks since the best one. */
  since: number;
  /** The rate in force, as a share of the first. */
  rateShare: number;
}

/** better: keep these weights. wait: go on. lower: back to the best ones, at the state's rate. stop: they are it. */
export type StoppingStep = 'better' | 'wait' | 'lower' | 'stop';

/** `loss` is that of the weights before the first step. */
export function startStopping(loss: number): StoppingState {
  // What is no number in JSON would be none after a checkpoint.
  return { best: Number.isFinite(loss) ? loss : Number.MAX_VALUE, since: 0, rateShare: 1 };
}

/** Changes `state`. A loss that is no number is no better one. */
export function lookAt(state: StoppingState, rule: StoppingRule, loss: number): StoppingStep {
  if (loss < state.best) {
    state.best = loss;
    state.since = 0;
    return 'better';
  }
  state.since++;
  if (state.since < rule.patience) return 'wait';
  state.since = 0;
  const lower = state.rateShare * RATE_FACTOR;
  if (lower * SLACK < rule.finalRateShare) return 'stop';
  state.rateShare = lower;
  return 'lower';
}

/**
 * Whether the second of two models is better on the same rows by more than chance gives one time in forty: the mean
 * difference of their losses is above twice its standard error.
 *
 *   mean(d) > 2 sqrt(var(d) / n), d_i = before_i - after_i
 */
export function isClearlyBetter(before: ArrayLike<number>, after: ArrayLike<number>): boolean {
  const n = before.length;
  let [sum, squares] = [0, 0];
  for (let i = 0; i < n; i++) {
    const d = (before[i] as number) - (after[i] as number);
    sum += d;
    squares += d * d;
  }
  const mean = sum / n;
  return n > 1 && mean > ERRORS * Math.sqrt(Math.max(0, squares / n - mean * mean) / (n - 1));
}
