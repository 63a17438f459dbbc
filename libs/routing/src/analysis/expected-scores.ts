// How far the scores of a rollout's two versions may lie apart, by the evaluation of the new one: it was compared with
// the other on the same rows, and what lay between their scores there is no fault here. That distance, and what it may
// be off by with so many rows, is what a test takes for nothing (libs/statistics score-distance.ts). Where the two were
// not compared it is not known, and why is said.

import { distanceBound, type ScoreDistance } from '@millrace/statistics';

export type ExpectedScores = { kind: 'evaluated'; distance: ScoreDistance } | { kind: 'unknown'; why: string };

/** Where nobody asked what an evaluation says: as far as it is no difference. */
export const NOT_ASKED: ExpectedScores = { kind: 'unknown', why: '' };

/** What is allowed on top of nothing, as shares of the answers. */
export interface AllowedScores {
  /** Rows of the evaluation. */
  rows: number;
  /** Of the new version's more below a point than of the other's. */
  below: number;
  /** The same above a point. */
  above: number;
  /** What the evaluation saw, without what it may be off by. */
  seen: { below: number; above: number };
}

/** `alpha`: the probability that it is too little. */
export function allowedScores({ rows, below, above }: ScoreDistance, alpha: number): AllowedScores {
  const bound = distanceBound(rows, alpha);
  const within = (share: number): number => Math.min(1, share + bound);
  return { rows, below: within(below), above: within(above), seen: { below, above } };
}
