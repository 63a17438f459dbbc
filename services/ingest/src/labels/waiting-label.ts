// Labels of which the record is not there: how they wait, and how they end.

/** A label that found no row, and where it stood on labels.v1. */
export interface WaitingLabel {
  readonly recordId: string;
  /** Empty where it came without, or was written by a release that did not keep it. */
  readonly predictionId: string;
  /** The same. */
  readonly entity: string;
  readonly eventTimeMs: number;
  readonly value: number;
  readonly knownAtMs: number;
  readonly ingestedAtMs: number;
  readonly partition: number;
  readonly offset: number;
}
