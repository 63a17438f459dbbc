// A request for a training, the one shape of it: over HTTP and gRPC, as a command on Kafka, in the loop and in the
// trainer's files. What a field leaves open (0, empty, undefined) the project file or the trainer fills in.

export interface TrainingRequest {
  project: string;
  datasetVersions: readonly string[];
  /** Rows from this event time on evaluate; 0 = the newest `evaluationShare`. */
  evaluateFromMs: number;
  /** 0 = the project's. */
  evaluationShare: number;
  /** Version to start the weights from; 0 = from scratch. */
  warmStartVersion: number;
  /** 0 = the project's. */
  workers: number;
  /** 0 = the project's. */
  seed: number;
  /** "initial", "drift", "schedule", "manual"; empty = manual. */
  trigger: string;
  correlationId: string;
  /** The version to beat: undefined = the latest blessed one, 0 = none. */
  championVersion?: number | undefined;
}
