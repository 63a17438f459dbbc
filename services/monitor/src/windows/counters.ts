// What the monitor has counted of one project since it first saw it: of messages, by each partition's part; of windows,
// by the judge. Survives restarts with the state.

import { COHORTS_MAX } from '@millrace/domain';

/** Of the messages of one partition. */
export interface PartCounters {
  /** Counted once each. */
  predictions: number;
  duplicatePredictions: number;
  /** After their window had closed: their inputs are in no judgement, quality has them where it was not judged yet. */
  latePredictions: number;
  /** Counted, but their id was that of another prediction of their window: no label can be told to be theirs. */
  reusedIds: number;
  shadowPredictions: number;
  futurePredictions: number;
  /** Event times of predictions and labels ahead of the clock that nobody else has said: they moved no window. */
  doubtedTimes: number;
  /** Counted, but past the bound on rows that wait for labels. */
  unjoinable: number;
  labels: number;
  labelsJoined: number;
  /** Joined after the quality of their window had been judged. */
  lateLabels: number;
  duplicateLabels: number;
  contradictingLabels: number;
  /** Of an id that several predictions have. */
  ambiguousLabels: number;
  /** No prediction for them was known. */
  unmatchedLabels: number;
  /** By the cohort's key, at most COHORTS_MAX of them. */
  joinedByCohort: Record<string, number>;
  /** Rows that a cohort past its bound (COHORTS_MAX) did not count; they count in ALL. */
  unkeptCohorts: number;
}

export interface JudgeCounters {
  windowsClosed: number;
  windowsClosedEarly: number;
  /** Windows whose quality was judged. */
  qualityJudged: number;
  /** Of them, before their labels were due, because too many rows waited. */
  qualityJudgedEarly: number;
  /** Of them, without rows that a lost checkpoint knew and that are gone from the topic. */
  qualityJudgedShort: number;
  /** Windows that were over, and forgotten before every checkpoint knew so: what is read again of them is late. */
  overUnsaved: number;
  /** Judgements of quality that late labels changed. */
  qualityCorrected: number;
  driftEvents: number;
  /** Joined with predictions of the archive, when their window was over. */
  labelsFromArchive: number;
  /** As of a part: cohorts that are past the bound only when the parts are taken together. */
  unkeptCohorts: number;
}

/** Of a project. */
export type Counters = PartCounters & JudgeCounters;

export function noPartCounters(): PartCounters {
  return {
    predictions: 0,
    duplicatePredictions: 0,
    latePredictions: 0,
    reusedIds: 0,
    shadowPredictions: 0,
    futurePredictions: 0,
    doubtedTimes: 0,
    unjoinable: 0,
    labels: 0,
    labelsJoined: 0,
    lateLabels: 0,
    duplicateLabels: 0,
    contradictingLabels: 0,
    ambiguousLabels: 0,
    unmatchedLabels: 0,
    joinedByCohort: {},
    unkeptCohorts: 0,
  };
}

export function noJudgeCounters(): JudgeCounters {
  return {
    windowsClosed: 0,
    windowsClosedEarly: 0,
    qualityJudged: 0,
    qualityJudgedEarly: 0,
    qualityJudgedShort: 0,
    overUnsaved: 0,
    qualityCorrected: 0,
    driftEvents: 0,
    labelsFromArchive: 0,
    unkeptCohorts: 0,
  };
}

export function countJoined({ joinedByCohort }: PartCounters, key: string): void {
  const before = joinedByCohort[key];
  if (before === undefined && Object.keys(joinedByCohort).length >= COHORTS_MAX) {
    // The first of the keys is the lowest version.
    delete joinedByCohort[Object.keys(joinedByCohort)[0] as string];
  }
  joinedByCohort[key] = (before ?? 0) + 1;
}

export function sumOf(parts: readonly PartCounters[], judge: JudgeCounters): Counters {
  const sum = { ...noPartCounters(), ...judge };
  for (const { joinedByCohort, ...counts } of parts) {
    for (const key of Object.keys(counts) as (keyof typeof counts)[]) sum[key] += counts[key];
    for (const [key, joined] of Object.entries(joinedByCohort))
      sum.joinedByCohort[key] = (sum.joinedByCohort[key] ?? 0) + joined;
  }
  // Their parts could not join them.
  sum.labelsJoined += judge.labelsFromArchive;
  sum.lateLabels += judge.labelsFromArchive;
  sum.unmatchedLabels = Math.max(0, sum.unmatchedLabels - judge.labelsFromArchive);
  return sum;
}
