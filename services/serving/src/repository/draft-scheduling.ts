// How a ModelConfig says that requests meet the model: dynamic batching, sequences, or an ensemble's steps. Checked.

import type { modelConfigPb } from '@millrace/contracts';
import type {
  BatchingSpec,
  EnsembleStep,
  ModelSpec,
  QueuePolicy,
  SequenceControl,
  SequenceState,
} from '../declaration/model-spec.js';
import { PLAIN_BATCHING, PLAIN_POLICY } from '../models/model-defaults.js';
import { type ConfigFaults, natural } from './config-faults.js';
import { datatypeOf, sizes } from './draft-tensors.js';

/** ModelQueuePolicy.TimeoutAction.DELAY. */
const DELAY = 1;
/** As Triton: a sequence without a request for a second may be forgotten. */
const IDLE_US_DEFAULT = 1_000_000;
const SEQUENCES_DEFAULT = 4096;
/** ModelSequenceBatching.Control.Kind by number. */
const CONTROL_KINDS = ['start', 'ready', 'end', 'id'] as const;

function policyOf(policy: modelConfigPb.ModelQueuePolicy, faults: ConfigFaults): QueuePolicy {
  return {
    timeoutAction: policy.timeoutAction === DELAY ? 'delay' : 'reject',
    defaultTimeoutUs: natural(policy.defaultTimeoutMicroseconds, policy, 'default_timeout_microseconds', faults),
    allowTimeoutOverride: policy.allowTimeoutOverride,
    maxQueueSize: policy.maxQueueSize,
  };
}

function preferred(
  given: readonly number[],
  message: object,
  config: modelConfigPb.ModelConfig,
  faults: ConfigFaults,
): number[] {
  for (const size of given) {
    if (size < 1) faults.add(message, 'preferred_batch_size', `preferred_batch_size ${size} is below 1`);
    else if (config.maxBatchSize > 0 && size > config.maxBatchSize) {
      faults.add(
        message,
        'preferred_batch_size',
        `preferred_batch_size ${size} is above max_batch_size ${config.maxBatchSize}`,
      );
    }
  }
  return [...new Set(given)].sort((a, b) => a - b);
}

export function batchingOf(
  config: modelConfigPb.ModelConfig,
  paddingBuckets: readonly number[],
  faults: ConfigFaults,
): BatchingSpec | undefined {
  const choice = config.schedulingChoice;
  if (choice.case !== 'dynamicBatching') {
    return paddingBuckets.length > 0 ? { ...PLAIN_BATCHING, paddingBuckets } : undefined;
  }
  const given = choice.value;
  if (config.maxBatchSize === 0 && faults.written(config, 'max_batch_size')) {
    faults.notice(config, 'dynamic_batching', 'dynamic_batching has no effect with max_batch_size 0');
  }
  const priorityLevels = natural(given.priorityLevels, given, 'priority_levels', faults);
  const defaultPriorityLevel = natural(given.defaultPriorityLevel, given, 'default_priority_level', faults);
  if (priorityLevels > 0 && (defaultPriorityLevel < 1 || defaultPriorityLevel > priorityLevels)) {
    faults.add(
      given,
      'default_priority_level',
      `default_priority_level is ${defaultPriorityLevel}, expected 1 to ${priorityLevels} (priority_levels)`,
    );
  }
  const policies = new Map<number, QueuePolicy>();
  for (const [key, policy] of Object.entries(given.priorityQueuePolicy)) {
    const level = Number(key);
    if (!(level >= 1 && level <= priorityLevels)) {
      faults.add(given, 'priority_queue_policy', `priority_queue_policy for level ${key}, there are ${priorityLevels}`);
    }
    policies.set(level, policyOf(policy, faults));
  }
  return {
    preferredBatchSizes: preferred(given.preferredBatchSize, given, config, faults),
    maxQueueDelayUs: natural(given.maxQueueDelayMicroseconds, given, 'max_queue_delay_microseconds', faults),
    preserveOrdering: given.preserveOrdering,
    priorityLevels,
    defaultPriorityLevel,
    defaultPolicy: given.defaultQueuePolicy ? policyOf(given.defaultQueuePolicy, faults) : PLAIN_POLICY,
    policies,
    paddingBuckets,
  };
}

export interface DraftSequences {
  sequences: ModelSpec['sequences'];
  controls: SequenceControl[];
  states: SequenceState[];
}

export function sequencesOf(config: modelConfigPb.ModelConfig, faults: ConfigFaults): DraftSequences {
  const choice = config.schedulingChoice;
  if (choice.case !== 'sequenceBatching') return { sequences: undefined, controls: [], states: [] };
  const given = choice.value;
  const maxIdleUs = natural(given.maxSequenceIdleMicroseconds, given, 'max_sequence_idle_microseconds', faults);
  const oldest = given.strategyChoice.case === 'oldest' ? given.strategyChoice.value : undefined;
  const maxSequences = oldest?.maxCandidateSequences ?? 0;
  if (maxSequences < 0) faults.add(oldest as object, 'max_candidate_sequences', 'max_candidate_sequences is below 0');
  if (given.iterativeSequence) {
    faults.add(given, 'iterative_sequence', 'iterative_sequence is not supported');
  }
  return {
    sequences: { maxIdleUs: maxIdleUs || IDLE_US_DEFAULT, maxSequences: maxSequences || SEQUENCES_DEFAULT },
    controls: given.controlInput.flatMap((input) => controlsOf(input, faults)),
    states: given.state.map((state) => stateOf(state, faults)),
  };
}

function controlsOf(input: modelConfigPb.ModelSequenceBatching_ControlInput, faults: ConfigFaults): SequenceControl[] {
  if (input.name === '') faults.add(input, '', 'a control_input has no name');
  const [control, second] = input.control;
  if (!control || second) {
    faults.add(input, 'control', `control_input '${input.name}' needs one control`);
    return [];
  }
  const kind = CONTROL_KINDS[control.kind] as SequenceControl['kind'];
  if (kind === 'id') {
    const datatype = datatypeOf(control.dataType);
    if (!datatype) faults.add(control, 'data_type', `'${input.name}' needs a data_type for the sequence's id`);
    return [{ input: input.name, kind, datatype: datatype ?? 'UINT64', off: 0, on: 0 }];
  }
  const lists = [
    ['INT32', control.int32FalseTrue],
    ['FP32', control.fp32FalseTrue],
    ['BOOL', control.boolFalseTrue.map(Number)],
  ] as const;
  const [found, another] = lists.filter(([, values]) => values.length > 0);
  if (!found || another || found[1].length !== 2) {
    faults.add(control, '', `'${input.name}' needs two values in one of int32_, fp32_ or bool_false_true`);
    return [];
  }
  return [{ input: input.name, kind, datatype: found[0], off: found[1][0] as number, on: found[1][1] as number }];
}

function stateOf(state: modelConfigPb.ModelSequenceBatching_State, faults: ConfigFaults): SequenceState {
  const { inputName, outputName } = state;
  const datatype = datatypeOf(state.dataType);
  const dims = sizes(state.dims, state, 'dims', faults) ?? [];
  if (inputName === '' || outputName === '') faults.add(state, '', 'a state needs input_name and output_name');
  if (!datatype) faults.add(state, 'data_type', `the state of '${inputName}' has no data_type`);
  const [initial] = state.initialState;
  if (initial?.stateData.case === 'dataFile') {
    faults.add(initial, 'data_file', 'an initial state from a file is not supported: zero_data is');
  }
  const first = initial ? (sizes(initial.dims, initial, 'dims', faults) ?? dims) : dims;
  // Without an initial state, Triton begins with zeros, 1 for every dimension that is open.
  return {
    input: inputName,
    output: outputName,
    datatype: datatype ?? 'FP32',
    dims: first.map((size) => Math.abs(size)),
  };
}

export function ensembleOf(config: modelConfigPb.ModelConfig, faults: ConfigFaults): EnsembleStep[] | undefined {
  const choice = config.schedulingChoice;
  const called = config.platform === 'ensemble' || config.backend === 'ensemble';
  if (choice.case !== 'ensembleScheduling') {
    if (called) faults.add(config, 'platform', 'an ensemble needs ensemble_scheduling with its steps');
    return undefined;
  }
  const given = choice.value;
  if (given.step.length === 0) faults.add(given, '', 'ensemble_scheduling has no step');
  if (config.input.length === 0 || config.output.length === 0) {
    faults.add(config, 'ensemble_scheduling', 'an ensemble must declare its inputs and outputs');
  }
  for (const tensor of [...config.input, ...config.output]) {
    if (tensor.dataType === 0) faults.add(tensor, '', `'${tensor.name}' of an ensemble needs a data_type`);
    if (tensor.dims.length === 0) faults.add(tensor, '', `'${tensor.name}' of an ensemble needs dims`);
  }
  return given.step.map((step) => {
    if (step.modelName === '') faults.add(step, '', 'a step has no model_name');
    const version = faults.written(step, 'model_version') ? Number(step.modelVersion) : Number(step.modelVersion) || -1;
    if (version === 0 || version < -1) {
      faults.add(step, 'model_version', `model_version is ${version}, expected -1 (the newest) or above 0`);
    }
    for (const [field, map] of [
      ['input_map', step.inputMap],
      ['output_map', step.outputMap],
    ] as const) {
      if (Object.keys(map).length === 0) faults.add(step, field, `step '${step.modelName}' has no ${field}`);
    }
    return { model: step.modelName, version, inputs: { ...step.inputMap }, outputs: { ...step.outputMap } };
  });
}
