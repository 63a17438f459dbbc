// Values of features and records as the domain sees them.

/** A raw feature value; null is "missing". Timestamps are numbers (milliseconds since the Unix epoch, UTC). */
export type Scalar = number | string | boolean | null;

/** One accepted record. */
export interface RecordRow {
  recordId: string;
  /** Empty where the project has none. */
  entity: string;
  eventTimeMs: number;
  /** By column name; an absent column is missing. */
  values: Readonly<Record<string, Scalar>>;
}

/** One label. */
export interface LabelRow {
  recordId: string;
  predictionId: string;
  /** Empty where the project has none. */
  entity: string;
  /** Outcome after the label rule; 0 or 1 for binary tasks. */
  value: number;
  /** Event time of the record it belongs to; of a project without event time, when the label arrived. */
  eventTimeMs: number;
  knownAtMs: number;
}
