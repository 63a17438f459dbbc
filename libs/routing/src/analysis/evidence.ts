// What was seen of one version while a rollout progresses, counted from its beginning: answers, failures, latencies,
// and of the answers' first number what a judge needs. Cumulative and mergeable, so that several routers' add up and
// a message that is lost changes nothing. O(1) per answer; 58 KiB a version, whatever came.

import { type ClusterCounts, FloatHistogram, LatencyHistogram, type LatencyState, Moments } from '@millrace/statistics';
import type { DriftSaid } from './drift-said.js';
import { type AnswerFacts, EntityMarks, type EntityMarksState } from './entity-marks.js';
import { EntityTurns } from './entity-turns.js';
import type { LossesByWeight } from './rollout-losses.js';

export interface EvidenceState {
  version: number;
  answered: number;
  failed: number;
  latency: LatencyState;
  /** Finite first numbers of answers. */
  scored: number;
  /** NaN or infinite ones. */
  unusable: number;
  /** Finite ones by two, each in one pair, as they came. */
  pairs: number;
  /** Of these, pairs of the same number. */
  equalPairs: number;
  mean: number;
  m2: number;
  min: number;
  max: number;
  /** Of FloatHistogram. */
  scores: number[];
  entities: EntityMarksState[];
}

const NO_LOSSES: LossesByWeight = new Map();

export class VersionEvidence {
  answered = 0;
  failed = 0;
  latency = new LatencyHistogram();
  unusable = 0;
  pairs = 0;
  equalPairs = 0;
  moments = new Moments();
  scores = new FloatHistogram();
  /** What labels said: it comes from the monitor, beside what routers count; never changed here. */
  losses: LossesByWeight = NO_LOSSES;
  /** The same by entity; undefined: of no label it is known whose it is. */
  entityLosses: ClusterCounts | undefined;
  /** Alarms of the monitor that ring for the version: they come from there. */
  drifts: readonly DriftSaid[] = [];
  /** What rings for other versions, and of which it is not known whether it does for this one. */
  unknownDrifts: readonly string[] = [];
  entities = new EntityMarks();
  private readonly turns = new EntityTurns();
  /** Half of a pair. */
  private waiting: number | undefined;

  constructor(readonly version: number) {}

  /** Whether the next answer of this bucket counts; said before anything is known of it. */
  takes(bucket: number): boolean {
    return this.turns.take(bucket);
  }

  /** An answer, or a failure: its latency counts all the same. `bucket`: of what the version was drawn by. */
  add(isFailed: boolean, latencyUs: number, bucket: number): void {
    this.answered += 1;
    if (isFailed) this.failed += 1;
    this.latency.record(latencyUs);
    this.entities.add(bucket, { isFailed, latencyUs });
  }

  addScore(score: number, bucket: number): void {
    const facts: AnswerFacts = { score };
    if (!Number.isFinite(score)) this.unusable += 1;
    else {
      this.moments.add(score);
      this.scores.add(score);
      if (this.waiting === undefined) this.waiting = score;
      else {
        facts.isEqual = this.waiting === score;
        this.pairs += 1;
        if (facts.isEqual) this.equalPairs += 1;
        this.waiting = undefined;
      }
    }
    this.entities.add(bucket, facts);
  }

  get scored(): number {
    return this.scores.count;
  }

  merge(other: VersionEvidence): void {
    this.entities.merge(other.entities);
    this.mergeCounts(other);
  }

  /** Of everything that a block is the difference of: without what is counted by entity. */
  copy(): VersionEvidence {
    const copied = new VersionEvidence(this.version);
    copied.mergeCounts(this);
    return copied;
  }

  private mergeCounts(other: VersionEvidence): void {
    this.answered += other.answered;
    this.failed += other.failed;
    this.latency.merge(other.latency);
    this.unusable += other.unusable;
    this.pairs += other.pairs;
    this.equalPairs += other.equalPairs;
    this.moments.merge(other.moments);
    this.scores.merge(other.scores);
  }

  state(): EvidenceState {
    const { count, mean, m2, min, max } = this.moments.state();
    const isEmpty = count === 0;
    return {
      version: this.version,
      answered: this.answered,
      failed: this.failed,
      latency: this.latency.state(),
      scored: this.scored,
      unusable: this.unusable,
      pairs: this.pairs,
      equalPairs: this.equalPairs,
      mean,
      m2,
      min: isEmpty ? 0 : min,
      max: isEmpty ? 0 : max,
      scores: this.scores.state(),
      entities: this.entities.state(),
    };
  }

  static fromState(state: EvidenceState): VersionEvidence {
    const evidence = new VersionEvidence(state.version);
    evidence.answered = state.answered;
    evidence.failed = state.failed;
    evidence.latency = LatencyHistogram.fromState(state.latency);
    evidence.unusable = state.unusable;
    evidence.pairs = state.pairs;
    evidence.equalPairs = state.equalPairs;
    evidence.moments = Moments.fromState({ count: state.scored, ...state });
    evidence.scores = FloatHistogram.fromState(state.scores);
    evidence.entities = EntityMarks.fromState(state.entities);
    return evidence;
  }
}
