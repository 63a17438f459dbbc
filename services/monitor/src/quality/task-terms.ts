// What the monitor needs of a kind of task beside the task itself: counts of labelled rows that can be added up over
// partitions, buckets and versions, and what they say about quality.

import { PlatformError, type Task, taskOf } from '@millrace/domain';
import {
  type Evaluation,
  evaluateMerged,
  ScoreQuality,
  type ScoreQualityState,
  squaredErrorOfRow,
} from '@millrace/evaluation';

export interface QualityCounts {
  readonly rows: number;
  /** Held in memory. */
  readonly bytes: number;
  add(score: number, label: number): void;
  /** `other`: of the same task. */
  merge(other: QualityCounts): void;
  /** Plain JSON. */
  state(): unknown;
}

export interface TaskTerms {
  readonly task: Task;
  openCounts(): QualityCounts;
  countsFromState(state: unknown): QualityCounts;
  /** Of one labelled answer, in [0, 1]; undefined where nobody says what is right. */
  lossOf(score: number, label: number): number | undefined;
  evaluation(counts: QualityCounts, span: Pick<Evaluation, 'eventTimeFromMs' | 'eventTimeToMs'>): Evaluation;
}

const BINARY: TaskTerms = {
  task: taskOf('binary'),
  openCounts: () => new ScoreQuality(),
  countsFromState: (state) => ScoreQuality.fromState(state as ScoreQualityState),
  lossOf: (score, label) => squaredErrorOfRow({ score, positive: label === 1 }),
  evaluation: (counts, span) => evaluateMerged(counts as ScoreQuality, span),
};

/** Nothing is labelled, so nothing is counted, and nothing is ever evaluated. */
const NO_COUNTS: QualityCounts = { rows: 0, bytes: 0, add: () => undefined, merge: () => undefined, state: () => null };
const ANY_SCORE: TaskTerms = {
  task: taskOf('score'),
  openCounts: () => NO_COUNTS,
  countsFromState: () => NO_COUNTS,
  lossOf: () => undefined,
  evaluation: (_counts, { eventTimeFromMs, eventTimeToMs }) => ({
    ...{ rows: 0, metrics: {}, positiveShare: Number.NaN },
    ...{ eventTimeFromMs, eventTimeToMs },
  }),
};
const TERMS: readonly TaskTerms[] = [BINARY, ANY_SCORE];

/** Throws `unimplemented` for a kind that cannot be watched. */
export function termsOf(kind: string): TaskTerms {
  const task = taskOf(kind);
  const terms = TERMS.find((one) => one.task === task);
  if (terms !== undefined) return terms;
  throw new PlatformError('unimplemented', `projects of task '${task.kind}' cannot be watched`);
}
