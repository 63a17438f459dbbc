// A request for a training or a registration, the one shape of it: over HTTP and gRPC, as a command on Kafka, in the
// loop and in the trainer's files. What a field leaves open (0, empty, undefined) the project file or the trainer fills
// in.

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
  /** Of the project file that it is meant for: with another one it is refused. 0, undefined = whatever is current. */
  projectRevision?: number | undefined;
  /** Dataset versions whose labels are of another rule than the project file's are left out; else they are refused. */
  leaveOutUnfit?: boolean | undefined;
  /** Nothing is trained: a model from elsewhere becomes a version. Only over HTTP, and in the trainer's files. */
  registration?: RegistrationRequest | undefined;
}

/** A model that was trained elsewhere. */
export interface RegistrationRequest {
  /** By where they lie in the model: "model.onnx", or those of a SavedModel folder; empty for an upstream. */
  readonly files: readonly { readonly path: string; readonly upload: string }[];
  /** A V2 server that answers instead. */
  readonly upstream?: { readonly address: string; readonly model: string; readonly version: string } | undefined;
  /** Which columns a tensor takes; what is not said is found by name or order. */
  readonly inputs: readonly { readonly tensor: string; readonly columns: readonly string[] }[];
  readonly outputs: readonly {
    readonly output: string;
    readonly tensor: string;
    readonly index: number;
    readonly of: 'value' | 'logit';
  }[];
}
