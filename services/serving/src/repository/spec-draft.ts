// A model's configuration as it was written: what it leaves open stays open, for auto-complete.ts to fill from the
// engine's own declaration. Made by model-draft.codec.ts from config.pbtxt or from the JSON of a load request.

import type { Datatype } from '@millrace/inference';
import type {
  BatchingSpec,
  EnsembleStep,
  InstanceGroup,
  ModelSpec,
  SequenceControl,
  SequenceState,
  VersionPolicy,
  WarmUpSample,
} from '../declaration/model-spec.js';

export interface DraftTensor {
  name: string;
  /** undefined = as the engine declares. */
  datatype: Datatype | undefined;
  /** Without the batch dimension; undefined = as the engine declares. */
  dims: readonly number[] | undefined;
  /** Shape in the engine where it differs from dims; [] for a scalar per row. */
  reshape: readonly number[] | undefined;
}

export interface SpecDraft {
  name: string;
  /** '' = by the files. */
  platform: string;
  backend: string;
  /** undefined = not said. */
  maxBatchSize: number | undefined;
  /** Empty = as the engine declares. */
  inputs: readonly (DraftTensor & { optional: boolean })[];
  /** `labelFile`: '' = none; beside config.pbtxt. */
  outputs: readonly (DraftTensor & { labelFile: string })[];
  batching: BatchingSpec | undefined;
  sequences: ModelSpec['sequences'];
  controls: readonly SequenceControl[];
  states: readonly SequenceState[];
  ensemble: readonly EnsembleStep[] | undefined;
  /** undefined = not said: serving decides where the model runs. */
  instanceGroups: readonly InstanceGroup[] | undefined;
  versionPolicy: VersionPolicy;
  versionLabels: Readonly<Record<string, number>>;
  responseCache: boolean;
  decoupled: boolean;
  warmUp: readonly WarmUpSample[];
  parameters: Readonly<Record<string, string>>;
}

/** The draft of a model without any configuration. */
export function emptyDraft(name: string): SpecDraft {
  return {
    name,
    platform: '',
    backend: '',
    maxBatchSize: undefined,
    inputs: [],
    outputs: [],
    batching: undefined,
    sequences: undefined,
    controls: [],
    states: [],
    ensemble: undefined,
    instanceGroups: undefined,
    versionPolicy: { kind: 'latest', count: 1 },
    versionLabels: {},
    responseCache: false,
    decoupled: false,
    warmUp: [],
    parameters: {},
  };
}
