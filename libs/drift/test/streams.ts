// Seeded streams of every kind of subject, unchanged or shifted, counted as the monitor counts them: one generator a
// kind, so that a new detector is tried on all its kinds by being registered.

import { type Rng, seededRng } from '@millrace/domain';
import { evaluateMerged, ScoreQuality } from '@millrace/evaluation';
import {
  buildReferenceProfile,
  type CategoricalWindow,
  featureCells,
  LatencyHistogram,
  type NumericWindow,
  openFeatureWindow,
} from '@millrace/statistics';
import type { Sample } from '../src/detector.js';
import type { SubjectKind } from '../src/subjects.js';
import { categoricalSample, numericSample } from './counts.js';

/** One part of a window; parts merge into the whole. */
export interface Part {
  add(rng: Rng, shifted: boolean): void;
  merge(other: Part): void;
  sample(): Sample;
}

const REFERENCE_ROWS = 20_000;
const CATEGORIES = 30;

/** One in fifty values is missing; shifted, one in eight. */
const gap = (rng: Rng, shifted: boolean) => rng.next() < (shifted ? 0.125 : 0.02);
/** Shifted: moved and wider. */
const drawNumber = (rng: Rng, shifted: boolean) =>
  gap(rng, shifted) ? null : shifted ? 1.5 * rng.normal() + 1.2 : rng.normal();
/** Shifted: half of the categories are gone, and one value in eight is new. */
const drawCategory = (rng: Rng, shifted: boolean) => {
  if (gap(rng, shifted)) return null;
  if (!shifted) return `c${rng.below(CATEGORIES)}`;
  return rng.next() < 0.125 ? `new${rng.below(5)}` : `c${rng.below(CATEGORIES / 2)}`;
};
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const drawScore = (rng: Rng, shifted: boolean) => sigmoid(rng.normal() + (shifted ? 1.5 : 0));

function rowsOf<T>(draw: (rng: Rng, shifted: boolean) => T, seed: number): T[] {
  const rng = seededRng(seed);
  return Array.from({ length: REFERENCE_ROWS }, () => draw(rng, false));
}

const profile = buildReferenceProfile({
  features: [
    { name: 'number', kind: 'numeric', values: rowsOf(drawNumber, 1) },
    { name: 'text', kind: 'categorical', values: rowsOf(drawCategory, 2) },
  ],
  scoreName: 'probability',
  scores: rowsOf(drawScore, 3),
  positiveShare: 0.5,
});

function counted<W extends NumericWindow | CategoricalWindow>(
  window: W,
  draw: (rng: Rng, shifted: boolean) => number | string | null,
  sample: (counts: W) => Sample,
): Part & { window: W } {
  return {
    window,
    add: (rng, shifted) => window.add(draw(rng, shifted)),
    merge: (other) => window.merge((other as unknown as { window: W }).window),
    sample: () => sample(window),
  };
}

/** Labels follow the score; shifted, they are thrown like dice. */
function labelled(): Part & { quality: ScoreQuality } {
  const quality = new ScoreQuality();
  return {
    quality,
    add(rng, shifted) {
      const score = drawScore(rng, false);
      quality.add(score, rng.next() < (shifted ? 0.5 : score) ? 1 : 0);
    },
    merge: (other) => quality.merge((other as unknown as { quality: ScoreQuality }).quality),
    sample: () => ({ subject: 'quality', window: evaluateMerged(quality), evaluated }),
  };
}

const evaluated = (() => {
  const reference = new ScoreQuality();
  const rng = seededRng(4);
  for (let i = 0; i < REFERENCE_ROWS; i++) {
    const score = drawScore(rng, false);
    reference.add(score, rng.next() < score ? 1 : 0);
  }
  return evaluateMerged(reference);
})();

/** Latencies around 10 ms, one failure in a thousand; shifted, around 200 ms and one in twenty. */
function answered(): Part & { totals: { times: LatencyHistogram; failures: number } } {
  const totals = { times: new LatencyHistogram(), failures: 0 };
  return {
    totals,
    add(rng, shifted) {
      totals.times.record((shifted ? 200_000 : 10_000) * (0.5 + rng.next()));
      if (rng.next() < (shifted ? 0.05 : 0.001)) totals.failures += 1;
    },
    merge(other) {
      const { times, failures } = (other as unknown as { totals: typeof totals }).totals;
      totals.times.merge(times);
      totals.failures += failures;
    },
    sample: () => ({
      subject: 'software',
      errorShare: totals.times.count === 0 ? 0 : totals.failures / totals.times.count,
      p99Ms: totals.times.quantileUs(0.99) / 1_000,
    }),
  };
}

const [numberCells, textCells] = profile.features.map(featureCells);
const scoreCells = featureCells(profile.score);

/** An empty part. */
export function open(kind: SubjectKind): Part {
  switch (kind) {
    case 'numeric':
      return counted(openFeatureWindow(numberCells!) as NumericWindow, drawNumber, (counts) => ({
        subject: 'numeric',
        counts,
      }));
    case 'categorical':
      return counted(openFeatureWindow(textCells!) as CategoricalWindow, drawCategory, (counts) => ({
        subject: 'categorical',
        counts,
      }));
    case 'score':
      return counted(openFeatureWindow(scoreCells) as NumericWindow, drawScore, (counts) => ({
        subject: 'score',
        counts,
      }));
    case 'quality':
      return labelled();
    case 'software':
      return answered();
  }
}

/** A window of so many rows; from `shiftFrom` on they are shifted. */
export function windowOf(kind: SubjectKind, rows: number, seed: number, shiftFrom = Number.POSITIVE_INFINITY): Sample {
  const part = open(kind);
  const rng = seededRng(seed);
  for (let i = 0; i < rows; i++) part.add(rng, i >= shiftFrom);
  return part.sample();
}

/** An unchanged feature of one value, or of none: reference and window say the same. */
export function degenerate(kind: 'numeric' | 'categorical', value: number | string | null, rows: number): Sample {
  const reference = Array.from({ length: 1_000 }, () => value);
  const window = reference.slice(0, rows);
  return kind === 'numeric' ? numericSample(reference, window) : categoricalSample(reference, window);
}
