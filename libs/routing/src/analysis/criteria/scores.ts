// How far the new version's scores lie from those of the version in service on the same traffic: the largest difference
// of their shares below or above a point (Kolmogorov's distance), taken at the quartiles of the version in service. A
// shift to either side moves the median's shares, a spread the quartiles'. Quartiles are of its answers before those
// that are counted, so that each cut is a fair comparison; buckets of a score that is no continuum lie on neither side.
// Where an evaluation has compared both versions, only what goes beyond its distance counts: every cut to the same
// side has that as its margin, for it is the largest at any point. A cut that this leaves less than half of the effect
// is left out, for nothing could be seen or ruled out there.

import { floatBucket } from '@millrace/statistics';
import type { Criterion, Cut } from '../criterion.js';
import { type AllowedScores, allowedScores, type ExpectedScores, NOT_ASKED } from '../expected-scores.js';
import { points } from './errors.js';

const QUARTILES = [0.25, 0.5, 0.75] as const;
/** Fewer say next to nothing of a quartile; it is taken anew at each block, so that a first guess does little harm. */
const STABLE_ANSWERS_MIN = 10;

type ScoreSide = 'below' | 'above';

/** `boundAlpha`: the probability that what is allowed is too little. */
export function scores(
  { effect }: { effect: number },
  expected: ExpectedScores = NOT_ASKED,
  boundAlpha = 0.5,
): Criterion {
  const all = cutsOf(effect);
  const plain = {
    ...{ name: 'scores', unit: 'score' },
    effect: `${points(effect)} more scores beyond a quartile of the version in service`,
    figure: ({ scores }) => scores.quantile(0.5),
  } satisfies Omit<Criterion, 'cuts'>;
  if (expected.kind === 'unknown') return { ...plain, cuts: all, ...noted(expected.why) };
  const allowed = allowedScores(expected.distance, boundAlpha);
  const cuts = cutsOf(effect, allowed);
  const { rows } = allowed;
  if (cuts.length === 0) {
    const why = `on ${rows} rows its evaluation cannot say how far the scores of both lie apart`;
    return { ...plain, cuts: all, ...noted(why) };
  }
  const { below, above } = allowed.seen;
  return {
    ...{ ...plain, cuts, allowed },
    effect: `${plain.effect} than its evaluation allows (${points(allowed.below)} below, ${points(allowed.above)} above)`,
    note:
      `in its evaluation, on ${rows} rows, up to ${points(below)} more of its scores lay below a point ` +
      `and ${points(above)} above one`,
  };
}

function cutsOf(effect: number, allowed: Pick<AllowedScores, ScoreSide> = { below: 0, above: 0 }): Cut[] {
  const sides = QUARTILES.flatMap((quartile) => [[quartile, 'below'] as const, [quartile, 'above'] as const]);
  return sides.flatMap(([quartile, side], place) => {
    const cut = { ...cutAt(quartile, side, effect, allowed[side]), place };
    return cut.prior + cut.margin + effect / 2 > 1 ? [] : cut;
  });
}

function cutAt(quartile: number, side: ScoreSide, effect: number, margin: number): Cut & { margin: number } {
  return {
    margin,
    prior: side === 'below' ? quartile : 1 - quartile,
    worse: (p) => p + margin + Math.min(effect, 1 - p - margin),
    edge: ({ scores }) => (scores.count < STABLE_ANSWERS_MIN ? undefined : scores.quantileBucket(quartile)),
    all: ({ scores }) => scores.count,
    marked: ({ scores }, bucket) => scores[side](bucket),
    counts: ({ score }, bucket) => {
      if (score === undefined || !Number.isFinite(score)) return undefined;
      return side === 'below' ? floatBucket(score) < bucket : floatBucket(score) > bucket;
    },
  };
}

const noted = (why: string): { note?: string } =>
  why === '' ? {} : { note: `nothing but the same scores is expected: ${why}` };
