// What an engine of named tensors must offer: any model a user brings, with its declared inputs. Packages of the
// platform use the narrower MatrixEngine (runtime.ts), because their inputs are encoded rows and that path is the hot
// one.
//
// Where the model batches (max_batch_size > 0), dimension 0 of every tensor counts rows and the engine may be given the
// rows of several requests in one call; without, a call is one request with its shapes as they came.

import type { Parameters, Tensor, TensorSpec } from '@millrace/inference';

/** A request of a stateful sequence; `id` is sequence_id as text, never ''. */
export interface SequenceStep {
  readonly id: string;
  readonly start: boolean;
  readonly end: boolean;
}

export interface EngineCall {
  /** Outputs that somebody wants; empty = all. An engine may give more. */
  readonly outputs: readonly string[];
  /**
   * Of the request; where several share the call, those that they agree in: all but what steers the way to the engine.
   */
  readonly parameters: Parameters;
  readonly sequence: SequenceStep | undefined;
}

export interface TensorEngine {
  /** Declared tensors with the batch dimension in front as -1 where the model batches; -1 = any size. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /**
   * One answer: the outputs by name, in any order. Inputs may be views of a request's bytes, valid until it resolves.
   */
  run(inputs: readonly Tensor[], call: EngineCall): Promise<readonly Tensor[]>;
  /**
   * Decoupled models: any number of answers, `emit`ted in order; resolves after the last. Aborted when the caller went.
   */
  stream?(
    inputs: readonly Tensor[],
    call: EngineCall,
    emit: (outputs: readonly Tensor[]) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Engines of several instances: has `work` done by each of them, now and in every one that takes its place later,
   * before that answers requests. Rejects as the first of the present ones does; faults of later ones are ignored.
   */
  each?(work: (instance: TensorEngine) => Promise<void>): Promise<void>;
  /** Why it will never answer again until it is loaded anew; undefined or '' = it answers. */
  readonly failure?: string;
  /** A sequence ended without its last step (idle time-out, failed start): its state can go. */
  forget?(sequenceId: string): void;
  close(): Promise<void>;
}

/** Key of ModelSource.parameters that config.pbtxt's default_model_filename becomes. */
export const FILE_PARAMETER = 'default_model_filename';

/** Where the files of one model version lie, and what its configuration says about running it. */
export interface ModelSource {
  readonly name: string;
  readonly version: number;
  /** Absolute folder of the version, for example <repository>/<model>/1. */
  readonly folder: string;
  /** `parameters` of config.pbtxt, string values. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Index of the GPU this instance runs on; undefined = CPU. */
  readonly gpu: number | undefined;
  /** Whether dimension 0 is the batch (max_batch_size > 0). */
  readonly batched: boolean;
}

/** One way to run a model folder. The five: onnxruntime, tfjs, savedmodel, typescript; ensembles have no engine. */
export interface TensorRuntime {
  /** As V2's metadata states it, for example "onnxruntime_onnx". */
  readonly platform: string;
  /** config.pbtxt's `backend` names that mean this runtime, for example ["onnxruntime"]. */
  readonly backends: readonly string[];
  /** Default file or folder of a version that it runs, for example "model.onnx", "model.savedmodel". */
  readonly defaultFile: string;
  /** Small fast models may stay inside the process that speaks the wire; every run holds its event loop meanwhile. */
  readonly mayStayInside: boolean;
  /** The files declare the batch dimension themselves (as -1 in front); a module declares its tensors without it. */
  readonly declaresBatch: boolean;
  /** Throws corrupt where the files are no model of this kind. */
  load(source: ModelSource): Promise<TensorEngine>;
}
