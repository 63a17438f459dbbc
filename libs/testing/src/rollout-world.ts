// A rollout without processes: requests that a hash draws for one of two versions, and what each version answers. For
// the errors of a rollout's judge and its time to decide, over many seeds. A stable version fails in 1 %, answers in
// 20 ms (log-normal, a p95 of 46 ms) and gives logistic-normal scores. Answers are independent, or those of entities
// that stay with one version and are peculiar with either.

import { type Rng, seededRng } from '@millrace/domain';
import { ENTITY_BUCKETS, type ExpectedScores, type VersionEvidence } from '@millrace/routing';
import { type ScoreDistance, scoreDistance } from '@millrace/statistics';

/** How a candidate differs from the stable version, or an entity from others; healthy: not at all. */
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

/** An answer of somebody who asks once, unless `bucket` says who. */
export function answerInto(evidence: VersionEvidence, rng: Rng, difference: Difference, bucket?: number): void {
  const { failures = 0, slower = 1, addedMs = 0, tail = 0, nan = 0, constant = 0, shift = 0 } = difference;
  const isFailed = rng.next() < FAILURES + failures;
  const usualMs = MEDIAN_MS * Math.exp(SIGMA * rng.normal()) * slower + addedMs;
  const latencyMs = tail > 0 && rng.next() < tail ? TAIL_MS : usualMs;
  const of = bucket ?? rng.below(ENTITY_BUCKETS);
  if (!evidence.takes(of)) return;
  evidence.add(isFailed, latencyMs * 1_000, of);
  if (isFailed) return;
  const score = scoreOf(rng, shift);
  if (nan > 0 && rng.next() < nan) evidence.addScore(Number.NaN, of);
  else evidence.addScore(constant > 0 && rng.next() < constant ? 0.5 : score, of);
}

const scoreOf = (rng: Rng, shift: number): number => 1 / (1 + Math.exp(-(rng.normal() + shift)));

/** What the evaluation of a version says, on so many rows, that differs from the stable one by `shift`. */
export function evaluatedScores(shift: number, seed: number, rows = 4_000): ExpectedScores & { kind: 'evaluated' } {
  const rng = seededRng(seed);
  const scores = (of: number) => Array.from({ length: rows }, () => scoreOf(rng, of));
  return { kind: 'evaluated', distance: scoreDistance(scores(0), scores(shift)) as ScoreDistance };
}

export interface Entity {
  readonly bucket: number;
  /** Drawn for the new version, and stays there. */
  readonly isOfCandidate: boolean;
  /** With either version. */
  readonly own: Difference;
}

export interface Crowd {
  count: number;
  /** Of Zipf's law: the r-th asks for r^-exponent of what the first one does. */
  exponent: number;
  /** Share of all requests that the first one has, where it is not Zipf's. */
  first?: number;
  /** The first one's, where it is not drawn. */
  ofFirst?: Difference;
  /** How peculiar the others are, 0 not at all. */
  peculiar: number;
}

/** Entities and how often each asks. */
export class Entities {
  private readonly all: Entity[];
  private readonly upTo: Float64Array;

  constructor(
    private readonly rng: Rng,
    candidateShare: number,
    { count, exponent, first, ofFirst, peculiar }: Crowd,
  ) {
    const own = () => peculiarity(rng, peculiar);
    this.all = Array.from({ length: count }, (_, i) => ({
      bucket: rng.below(ENTITY_BUCKETS),
      isOfCandidate: rng.next() < candidateShare,
      own: i === 0 && ofFirst !== undefined ? ofFirst : own(),
    }));
    const parts = this.all.map((_, i) => (i + 1) ** -exponent);
    const others = parts.slice(1).reduce((sum, part) => sum + part, 0);
    if (first !== undefined) parts[0] = (others * first) / (1 - first);
    this.upTo = new Float64Array(count);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      sum += parts[i] as number;
      this.upTo[i] = sum;
    }
  }

  /** Who asks next. */
  next(): Entity {
    const at = this.rng.next() * (this.upTo[this.upTo.length - 1] as number);
    let [low, high] = [0, this.upTo.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.upTo[middle] as number) > at) high = middle;
      else low = middle + 1;
    }
    return this.all[low] as Entity;
  }
}

/**
 * With 1: failures log-normal about the usual ones, latencies and scores that differ between entities as much as
 * between two answers of one; one of twenty gets NaN at times, another one often the same number.
 */
function peculiarity(rng: Rng, size: number): Difference {
  if (size === 0) return {};
  return {
    failures: FAILURES * (Math.exp(size * rng.normal()) - 1),
    slower: Math.exp(SIGMA * size * rng.normal()),
    shift: size * rng.normal(),
    nan: rng.next() < 0.05 ? 0.05 * size : 0,
    constant: rng.next() < 0.05 ? 0.5 * size : 0,
  };
}

/** An entity's peculiarity with a version's fault. */
export function both(a: Difference, b: Difference): Difference {
  return {
    failures: (a.failures ?? 0) + (b.failures ?? 0),
    slower: (a.slower ?? 1) * (b.slower ?? 1),
    addedMs: (a.addedMs ?? 0) + (b.addedMs ?? 0),
    tail: Math.max(a.tail ?? 0, b.tail ?? 0),
    nan: Math.max(a.nan ?? 0, b.nan ?? 0),
    constant: Math.max(a.constant ?? 0, b.constant ?? 0),
    shift: (a.shift ?? 0) + (b.shift ?? 0),
  };
}
