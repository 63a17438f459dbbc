// A rollout without processes: requests that a hash draws for one of two versions, and what each version answers. For
// the errors of a rollout's judge and its time to decide, over many seeds. Answers are independent; a stable version
// fails in 1 %, answers in 20 ms (log-normal, a p95 of 46 ms) and gives logistic-normal scores.

import type { Rng } from '@millrace/domain';
import type { VersionEvidence } from '@millrace/routing';

/** How a candidate differs from the stable version; 'healthy' not at all. */
export interface Difference {
  /** Failures more, as a share of the answers. */
  failures?: number;
  /** Latencies times this. */
  slower?: number;
  /** Milliseconds more. */
  addedMs?: number;
  /** Share of answers that take TAIL_MS, whatever the others take. */
  tail?: number;
  /** Share of NaN among its answers. */
  nan?: number;
  /** Share of answers that are one and the same number. */
  constant?: number;
  /** On the logit of its scores. */
  shift?: number;
}

const FAILURES = 0.01;
const MEDIAN_MS = 20;
const SIGMA = 0.5;
const TAIL_MS = 200;

export function answerInto(evidence: VersionEvidence, rng: Rng, difference: Difference): void {
  const { failures = 0, slower = 1, addedMs = 0, tail = 0, nan = 0, constant = 0, shift = 0 } = difference;
  const isFailed = rng.next() < FAILURES + failures;
  const usualMs = MEDIAN_MS * Math.exp(SIGMA * rng.normal()) * slower + addedMs;
  const latencyMs = tail > 0 && rng.next() < tail ? TAIL_MS : usualMs;
  evidence.add(isFailed, latencyMs * 1_000);
  if (isFailed) return;
  const score = 1 / (1 + Math.exp(-(rng.normal() + shift)));
  if (nan > 0 && rng.next() < nan) evidence.addScore(Number.NaN);
  else evidence.addScore(constant > 0 && rng.next() < constant ? 0.5 : score);
}
