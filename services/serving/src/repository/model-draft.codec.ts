// A model's configuration from config.pbtxt, or from the JSON of a load request, to a SpecDraft. All faults at once.

import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { modelConfigPb } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { FILE_PARAMETER } from '../runtime/tensor-engine.js';
import { ConfigFaults } from './config-faults.js';
import { parseConfigText } from './config-text.codec.js';
import { instanceGroupsOf, paddingBucketsOf, tellUnused, versionLabelsOf, versionPolicyOf } from './draft-running.js';
import { batchingOf, ensembleOf, sequencesOf } from './draft-scheduling.js';
import { inputsOf, outputsOf, warmUpOf } from './draft-tensors.js';
import type { SpecDraft } from './spec-draft.js';

export interface ReadDraft {
  draft: SpecDraft;
  /** What was accepted but has no effect, for the log. */
  notices: readonly string[];
}

/**
 * `path`: how messages call the file. `model`: the folder's name, that `name` must agree with. Throws invalid_argument.
 */
export function draftFromText(text: string, path: string, model: string): ReadDraft {
  const { config, faults, placeOf } = parseConfigText(text);
  const all = new ConfigFaults(path, placeOf);
  for (const fault of faults) all.at(fault, fault.what);
  return draftOf(config, model, placeOf(config, 'max_batch_size') !== undefined, all);
}

/** `json`: a ModelConfig as protobuf's JSON, field names in either form. Throws invalid_argument. */
export function draftFromJson(json: string, model: string): ReadDraft {
  let value: JsonValue;
  let config: modelConfigPb.ModelConfig;
  try {
    value = JSON.parse(json);
    config = fromJson(modelConfigPb.ModelConfigSchema, value);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PlatformError('invalid_argument', `the configuration of model '${model}' is no ModelConfig: ${reason}`);
  }
  const said = Object.hasOwn(value as object, 'max_batch_size') || Object.hasOwn(value as object, 'maxBatchSize');
  return draftOf(config, model, said, new ConfigFaults('', () => undefined));
}

function draftOf(
  config: modelConfigPb.ModelConfig,
  model: string,
  batchSizeSaid: boolean,
  faults: ConfigFaults,
): ReadDraft {
  if (config.name !== '' && config.name !== model) {
    faults.add(config, 'name', `name is '${config.name}', the model's folder is '${model}'`);
  }
  if (config.maxBatchSize < 0)
    faults.add(config, 'max_batch_size', `max_batch_size is ${config.maxBatchSize}, expected 0 or above`);
  tellUnused(config, faults);
  const parameters: Record<string, string> = {};
  for (const [key, { stringValue }] of Object.entries(config.parameters)) parameters[key] = stringValue;
  if (config.defaultModelFilename !== '') parameters[FILE_PARAMETER] = config.defaultModelFilename;
  const draft: SpecDraft = {
    name: model,
    platform: config.platform,
    backend: config.backend,
    maxBatchSize: batchSizeSaid ? config.maxBatchSize : undefined,
    inputs: inputsOf(config, faults),
    outputs: outputsOf(config, faults),
    batching: batchingOf(config, paddingBucketsOf(config, faults), faults),
    ...sequencesOf(config, faults),
    ensemble: ensembleOf(config, faults),
    instanceGroups: instanceGroupsOf(config, faults),
    versionPolicy: versionPolicyOf(config, faults),
    versionLabels: versionLabelsOf(config, faults),
    responseCache: config.responseCache?.enable ?? false,
    decoupled: config.modelTransactionPolicy?.decoupled ?? false,
    warmUp: warmUpOf(config, faults),
    parameters,
  };
  faults.check(model);
  return { draft, notices: faults.notices };
}
