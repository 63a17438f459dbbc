// What the monitor has counted of one project since it first saw it. Survives restarts with the state.

export interface Counters {
  /** Counted once each. */
  predictions: number;
  duplicatePredictions: number;
  /** After their window had closed: their inputs are in no judgement, quality has them where it was not judged yet. */
  latePredictions: number;
  /** Counted, but their id was that of another prediction of their window: no label can be told to be theirs. */
  reusedIds: number;
  shadowPredictions: number;
  futurePredictions: number;
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
  windowsClosed: number;
  windowsClosedEarly: number;
  /** Windows whose quality was judged. */
  qualityJudged: number;
  /** Of them, before their labels were due, because too many rows waited. */
  qualityJudgedEarly: number;
  /** Judgements of quality that late labels changed. */
  qualityCorrected: number;
  driftEvents: number;
  /** By the cohort's key, at most COHORTS_MAX of them. */
  joinedByCohort: Record<string, number>;
  /** Rows that a cohort past its bound (COHORTS_MAX) did not count; they count in ALL. */
  unkeptCohorts: number;
}

export function noCounters(): Counters {
  return {
    predictions: 0,
    duplicatePredictions: 0,
    latePredictions: 0,
    reusedIds: 0,
    shadowPredictions: 0,
    futurePredictions: 0,
    unjoinable: 0,
    labels: 0,
    labelsJoined: 0,
    lateLabels: 0,
    duplicateLabels: 0,
    contradictingLabels: 0,
    ambiguousLabels: 0,
    unmatchedLabels: 0,
    windowsClosed: 0,
    windowsClosedEarly: 0,
    qualityJudged: 0,
    qualityJudgedEarly: 0,
    qualityCorrected: 0,
    driftEvents: 0,
    joinedByCohort: {},
    unkeptCohorts: 0,
  };
}
