// Where a ModelConfig wants the model to run, which versions, and the parameters that are Millrace's own:
//
//   version_labels    "stable=3, canary=4"          names for versions
//   padding_buckets   "16, 32, 64"                  sizes that open dimensions are padded to, so that requests batch
//   engine            "inside" or "process"         in the process that speaks the wire, or apart from it

import type { modelConfigPb } from '@millrace/contracts';
import type { InstanceGroup, VersionPolicy } from '../declaration/model-spec.js';
import { type ConfigFaults, natural } from './config-faults.js';

/** ModelInstanceGroup.Kind. */
const KIND_AUTO = 0;
const KIND_GPU = 1;
const KIND_CPU = 2;
/** Engine processes of one group and GPU; a machine has fewer cores. */
const INSTANCES_MAX = 64;
const GPUS_MAX = 64;
const PADDING_BUCKETS_MAX = 64;

export function versionPolicyOf(config: modelConfigPb.ModelConfig, faults: ConfigFaults): VersionPolicy {
  const choice = config.versionPolicy?.policyChoice;
  switch (choice?.case) {
    case 'all':
      return { kind: 'all' };
    case 'specific': {
      const { versions } = choice.value;
      if (versions.length === 0) faults.add(choice.value, 'versions', 'version_policy specific names no version');
      const bad = versions.find((version) => version < 1n);
      if (bad !== undefined) faults.add(choice.value, 'versions', `version ${bad} is below 1`);
      return {
        kind: 'specific',
        versions: versions.map((version) => natural(version, choice.value, 'versions', faults)),
      };
    }
    case 'latest':
      return { kind: 'latest', count: Math.max(1, choice.value.numVersions) };
    default:
      return { kind: 'latest', count: 1 };
  }
}

/** undefined = serving decides. */
export function instanceGroupsOf(
  config: modelConfigPb.ModelConfig,
  faults: ConfigFaults,
): readonly InstanceGroup[] | undefined {
  const engine = config.parameters.engine?.stringValue ?? '';
  if (engine !== '' && engine !== 'inside' && engine !== 'process') {
    faults.add(config, 'parameters', `parameter 'engine' is '${engine}', expected inside or process`);
  }
  const groups = config.instanceGroup.flatMap((group) => groupOf(group, faults));
  if (engine === 'inside') {
    if (groups.some(({ kind, count }) => kind === 'gpu' || count > 1)) {
      faults.add(config, 'instance_group', "instance_group asks for engine processes, parameter 'engine' for none");
    }
    return [{ kind: 'inside', count: 1, gpus: [] }];
  }
  if (groups.length > 0) return groups;
  return engine === 'process' ? [{ kind: 'cpu', count: 1, gpus: [] }] : undefined;
}

function groupOf(group: modelConfigPb.ModelInstanceGroup, faults: ConfigFaults): InstanceGroup[] {
  const { kind, gpus, passive } = group;
  if (group.count < 0 || group.count > INSTANCES_MAX) {
    faults.add(group, 'count', `count is ${group.count}, expected 1 to ${INSTANCES_MAX}`);
  }
  const bad = gpus.find((gpu) => gpu < 0 || gpu >= GPUS_MAX);
  if (bad !== undefined) faults.add(group, 'gpus', `GPU ${bad} is not 0 to ${GPUS_MAX - 1}`);
  if (gpus.length > 0 && kind !== KIND_GPU && kind !== KIND_AUTO) {
    faults.add(group, 'gpus', 'gpus go with KIND_GPU or KIND_AUTO only');
  }
  if (group.rateLimiter) faults.notice(group, 'rate_limiter', 'rate_limiter has no effect');
  if (group.hostPolicy !== '') faults.notice(group, 'host_policy', 'host_policy has no effect');
  if (group.secondaryDevices.length > 0) faults.notice(group, 'secondary_devices', 'secondary_devices has no effect');
  if (group.profile.length > 0) faults.notice(group, 'profile', 'profile has no effect: it is TensorRT’s');
  if (passive) faults.notice(group, 'passive', 'a passive group gets no requests and is not started');
  // One plain instance of no kind says nothing that serving could not decide better by measurement.
  const said = kind === KIND_GPU || kind === KIND_CPU || gpus.length > 0 || group.count > 1;
  if (passive || !said) return [];
  const count = Math.max(1, group.count);
  // No GPU listed means every one; which there are is only known where the engine runs, so that one is taken.
  if (kind === KIND_GPU || gpus.length > 0) return [{ kind: 'gpu', count, gpus: gpus.length > 0 ? [...gpus] : [0] }];
  return [{ kind: 'cpu', count, gpus: [] }];
}

export function versionLabelsOf(config: modelConfigPb.ModelConfig, faults: ConfigFaults): Record<string, number> {
  const labels: Record<string, number> = {};
  for (const part of listed(config, 'version_labels')) {
    const [, label, version] = /^([A-Za-z_][\w.-]{0,63})\s*=\s*([1-9]\d{0,8})$/.exec(part) ?? [];
    if (label === undefined || label === '__proto__') {
      faults.add(config, 'parameters', `parameter 'version_labels' has '${part}', expected <label>=<version>`);
    } else labels[label] = Number(version);
  }
  return labels;
}

export function paddingBucketsOf(config: modelConfigPb.ModelConfig, faults: ConfigFaults): number[] {
  const parts = listed(config, 'padding_buckets');
  const bad = parts.find((part) => !/^[1-9]\d{0,8}$/.test(part));
  if (bad !== undefined || parts.length > PADDING_BUCKETS_MAX) {
    const expected = `up to ${PADDING_BUCKETS_MAX} sizes with commas between`;
    faults.add(config, 'parameters', `parameter 'padding_buckets' has '${bad ?? parts.length}', expected ${expected}`);
    return [];
  }
  return [...new Set(parts.map(Number))].sort((a, b) => a - b);
}

function listed(config: modelConfigPb.ModelConfig, key: string): string[] {
  const text = config.parameters[key]?.stringValue ?? '';
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Fields that say nothing to Millrace's engines, by proto name, with the reason where it is not plain. */
const WITHOUT_EFFECT: readonly (readonly [string, (config: modelConfigPb.ModelConfig) => boolean, string])[] = [
  ['optimization', (config) => config.optimization !== undefined, 'ONNX Runtime optimises graphs by itself'],
  ['cc_model_filenames', (config) => Object.keys(config.ccModelFilenames).length > 0, ''],
  ['metric_tags', (config) => Object.keys(config.metricTags).length > 0, ''],
  ['model_metrics', (config) => config.modelMetrics !== undefined, 'histograms have fixed buckets'],
  ['runtime', (config) => config.runtime !== '', 'backend or platform say what runs the model'],
];

const REFUSED: readonly (readonly [string, (config: modelConfigPb.ModelConfig) => boolean, string])[] = [
  ['batch_input', (config) => config.batchInput.length > 0, 'inputs made from ragged batches'],
  ['batch_output', (config) => config.batchOutput.length > 0, 'outputs of ragged batches'],
  ['model_operations', (config) => config.modelOperations !== undefined, 'custom operator libraries'],
  ['model_repository_agents', (config) => config.modelRepositoryAgents !== undefined, 'repository agents'],
];

export function tellUnused(config: modelConfigPb.ModelConfig, faults: ConfigFaults): void {
  for (const [field, set, why] of WITHOUT_EFFECT) {
    if (set(config)) faults.notice(config, field, `${field} has no effect${why === '' ? '' : `: ${why}`}`);
  }
  for (const [field, set, what] of REFUSED) {
    if (set(config)) faults.add(config, field, `${field} is not supported: ${what}`);
  }
}
