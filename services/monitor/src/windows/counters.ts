// What the monitor has counted of one project since it first saw it. Survives restarts with the state.

export interface Counters {
  /** Counted once each. */
  predictions: number;
  duplicatePredictions: number;
  latePredictions: number;
  shadowPredictions: number;
  futurePredictions: number;
  /** Counted, but past the bound on rows that wait for labels. */
  unjoinable: number;
  labels: number;
  labelsJoined: number;
  /** Joined after their window had closed. */
  lateLabels: number;
  duplicateLabels: number;
  contradictingLabels: number;
  /** No prediction for them was known. */
  unmatchedLabels: number;
  windowsClosed: number;
  windowsClosedEarly: number;
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
    shadowPredictions: 0,
    futurePredictions: 0,
    unjoinable: 0,
    labels: 0,
    labelsJoined: 0,
    lateLabels: 0,
    duplicateLabels: 0,
    contradictingLabels: 0,
    unmatchedLabels: 0,
    windowsClosed: 0,
    windowsClosedEarly: 0,
    driftEvents: 0,
    joinedByCohort: {},
    unkeptCohorts: 0,
  };
}
