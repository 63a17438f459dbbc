// A model's configuration as serving uses it: normalised from config.pbtxt, from load parameters or from defaults that
// the engine's own declaration completes. Pure data; the wire forms (ModelConfig message and JSON) are made from it.

import type { TensorSpec } from '@millrace/inference';

export interface QueuePolicy {
  /** A request whose time in the queue passes its timeout: refused, or served after all others. */
  timeoutAction: 'reject' | 'delay';
  /** 0 = none. */
  defaultTimeoutUs: number;
  /** Whether a request's `timeout` parameter may shorten the default. */
  allowTimeoutOverride: boolean;
  /** Requests; 0 = the service's own bound. */
  maxQueueSize: number;
}

export interface BatchingSpec {
  /** Ascending; empty = none preferred. */
  preferredBatchSizes: readonly number[];
  /** How long an idle engine waits for a fuller batch; 0 = never (work-conserving). */
  maxQueueDelayUs: number;
  preserveOrdering: boolean;
  /** 0 = no priorities; else 1 (highest) to this. */
  priorityLevels: number;
  defaultPriorityLevel: number;
  defaultPolicy: QueuePolicy;
  /** By priority level. */
  policies: ReadonlyMap<number, QueuePolicy>;
  /**
   * Ascending sizes per variable dimension that inputs are padded up to with zeros; empty = only equal shapes batch.
   */
  paddingBuckets: readonly number[];
}

export interface InstanceGroup {
  /** 'inside' = in the process that speaks the wire; else engine processes of their own. */
  kind: 'inside' | 'cpu' | 'gpu';
  /** For each GPU when kind is gpu. */
  count: number;
  gpus: readonly number[];
}

export type VersionPolicy =
  | { kind: 'latest'; count: number }
  | { kind: 'all' }
  | { kind: 'specific'; versions: readonly number[] };

export interface EnsembleStep {
  model: string;
  /** -1 = the newest ready one. */
  version: number;
  /** Tensor name of the step's model → name in the ensemble. */
  inputs: Readonly<Record<string, string>>;
  outputs: Readonly<Record<string, string>>;
}

export interface WarmUpSample {
  name: string;
  batchSize: number;
  /** Requests of this sample. */
  count: number;
  inputs: readonly {
    name: string;
    datatype: TensorSpec['datatype'];
    dims: readonly number[];
    /** 'file': `bytes`, which the file `file` of the model's folder warmup holds. */
    data: 'zero' | 'random' | 'file';
    file?: string;
    /** One row's elements as V2's raw form has them. */
    bytes?: Uint8Array;
  }[];
}

/** A tensor of the engine that says where a request stands in its sequence; clients do not send it. */
export interface SequenceControl {
  input: string;
  kind: 'start' | 'ready' | 'end' | 'id';
  datatype: TensorSpec['datatype'];
  /** Values for no and yes; not used for 'id'. */
  off: number;
  on: number;
}

/** A tensor that the engine gives with one request of a sequence and gets with the next one; zeros with the first. */
export interface SequenceState {
  input: string;
  output: string;
  datatype: TensorSpec['datatype'];
  /** Of the first, without the batch dimension. */
  dims: readonly number[];
}

/** What stands between requests and the engine (runtime/adapted-engine.ts). */
export interface Adaptation {
  /** Input or output name → its shape in the engine, without the batch dimension. */
  reshapes: Readonly<Record<string, readonly number[]>>;
  controls: readonly SequenceControl[];
  states: readonly SequenceState[];
}

export interface ModelSpec {
  name: string;
  /** "onnxruntime_onnx", "ensemble", … */
  platform: string;
  backend: string;
  /** 0 = the model does not batch and dims hold every dimension. */
  maxBatchSize: number;
  /** dims without the batch dimension, as Triton states them; -1 = any. */
  inputs: readonly (TensorSpec & { optional: boolean })[];
  /** `labelFile`: class labels for the classification extension, one a line. */
  outputs: readonly (TensorSpec & { labels: readonly string[] })[];
  /** undefined = dynamic batching is off: one request a call. */
  batching: BatchingSpec | undefined;
  /** undefined = the model keeps no sequences. */
  sequences: { maxIdleUs: number; maxSequences: number } | undefined;
  instanceGroups: readonly InstanceGroup[];
  versionPolicy: VersionPolicy;
  /** Label → version, for example stable → 3. */
  versionLabels: Readonly<Record<string, number>>;
  ensemble: readonly EnsembleStep[] | undefined;
  responseCache: boolean;
  decoupled: boolean;
  warmUp: readonly WarmUpSample[];
  parameters: Readonly<Record<string, string>>;
  /** undefined = requests' tensors are the engine's. */
  adaptation?: Adaptation | undefined;
}
