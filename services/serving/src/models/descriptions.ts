// A served model as the V2 protocol's configuration and statistics describe it, made from its ModelSpec. Numbers of
// enums are those of model_config.proto.

import type { ModelConfigInit } from '@millrace/contracts';
import { CONFIG_DATATYPE, type DurationStatistic, statisticsJson, type VersionStatistics } from '@millrace/inference';
import type { BatchingSpec, InstanceGroup, ModelSpec, QueuePolicy, WarmUpSample } from '../declaration/model-spec.js';
import type { ServedModel } from './served-model.js';

const KIND_GPU = 1;
const KIND_CPU = 2;
const DELAY = 1;
const REJECT = 0;

/** Fields of inference.ModelConfig. The batch dimension is not among dims, as Triton has it. */
export function modelConfigMessage(spec: ModelSpec): ModelConfigInit {
  const dims = (shape: readonly number[]) => shape.map(BigInt);
  return {
    name: spec.name,
    platform: spec.platform,
    backend: spec.backend,
    versionPolicy: versionPolicy(spec),
    maxBatchSize: spec.maxBatchSize,
    input: spec.inputs.map(({ name, datatype, shape, optional }) => ({
      name,
      dataType: CONFIG_DATATYPE[datatype],
      dims: dims(shape),
      optional,
    })),
    output: spec.outputs.map(({ name, datatype, shape }) => ({
      name,
      dataType: CONFIG_DATATYPE[datatype],
      dims: dims(shape),
    })),
    ...scheduling(spec),
    instanceGroup: spec.instanceGroups.map((group, index) => instanceGroup(spec.name, group, index)),
    parameters: Object.fromEntries(
      Object.entries(spec.parameters).map(([key, stringValue]) => [key, { stringValue }] as const),
    ),
    modelWarmup: spec.warmUp.map(warmUp),
    ...(spec.decoupled ? { modelTransactionPolicy: { decoupled: true } } : {}),
    ...(spec.responseCache ? { responseCache: { enable: true } } : {}),
  };
}

function versionPolicy({ versionPolicy: policy }: ModelSpec): ModelConfigInit['versionPolicy'] {
  if (policy.kind === 'all') return { policyChoice: { case: 'all', value: {} } };
  if (policy.kind === 'latest') return { policyChoice: { case: 'latest', value: { numVersions: policy.count } } };
  return { policyChoice: { case: 'specific', value: { versions: policy.versions.map(BigInt) } } };
}

/** The three ways of scheduling are one `oneof`: an ensemble, else sequences, else dynamic batching. */
function scheduling(spec: ModelSpec): Pick<ModelConfigInit, 'schedulingChoice'> {
  if (spec.ensemble) {
    const step = spec.ensemble.map(({ model, version, inputs, outputs }) => ({
      modelName: model,
      modelVersion: BigInt(version),
      inputMap: { ...inputs },
      outputMap: { ...outputs },
    }));
    return { schedulingChoice: { case: 'ensembleScheduling', value: { step } } };
  }
  if (spec.sequences) {
    const { maxIdleUs, maxSequences } = spec.sequences;
    const oldest = { maxCandidateSequences: maxSequences, maxQueueDelayMicroseconds: 0n };
    return {
      schedulingChoice: {
        case: 'sequenceBatching',
        value: {
          maxSequenceIdleMicroseconds: BigInt(maxIdleUs),
          strategyChoice: { case: 'oldest', value: oldest },
        },
      },
    };
  }
  if (spec.batching) return { schedulingChoice: { case: 'dynamicBatching', value: dynamicBatching(spec.batching) } };
  return {};
}

function dynamicBatching(batching: BatchingSpec) {
  return {
    preferredBatchSize: [...batching.preferredBatchSizes],
    maxQueueDelayMicroseconds: BigInt(batching.maxQueueDelayUs),
    preserveOrdering: batching.preserveOrdering,
    priorityLevels: BigInt(batching.priorityLevels),
    defaultPriorityLevel: BigInt(batching.defaultPriorityLevel),
    defaultQueuePolicy: queuePolicy(batching.defaultPolicy),
    priorityQueuePolicy: Object.fromEntries(
      [...batching.policies].map(([level, policy]) => [String(level), queuePolicy(policy)] as const),
    ),
  };
}

function queuePolicy(policy: QueuePolicy) {
  return {
    timeoutAction: policy.timeoutAction === 'delay' ? DELAY : REJECT,
    defaultTimeoutMicroseconds: BigInt(policy.defaultTimeoutUs),
    allowTimeoutOverride: policy.allowTimeoutOverride,
    maxQueueSize: policy.maxQueueSize,
  };
}

function instanceGroup(model: string, { kind, count, gpus }: InstanceGroup, index: number) {
  return { name: `${model}_${index}`, kind: kind === 'gpu' ? KIND_GPU : KIND_CPU, count, gpus: [...gpus] };
}

function warmUp(sample: WarmUpSample) {
  const inputs = sample.inputs.map(({ name, datatype, dims, data, file = '' }) => [
    name,
    {
      dataType: CONFIG_DATATYPE[datatype],
      dims: dims.map(BigInt),
      inputDataType:
        data === 'file'
          ? ({ case: 'inputDataFile', value: file } as const)
          : ({ case: data === 'zero' ? 'zeroData' : 'randomData', value: true } as const),
    },
  ]);
  return {
    name: sample.name,
    batchSize: sample.batchSize,
    count: sample.count,
    inputs: Object.fromEntries(inputs) as Record<string, object>,
  };
}

type Described = Pick<ServedModel, 'name' | 'version' | 'statistics'>;

/** Fields of inference.ModelStatistics. */
export function statisticsMessage({ name, version, statistics }: Described) {
  return {
    name,
    version: String(version),
    lastInference: BigInt(Math.round(statistics.lastInferenceMs)),
    inferenceCount: BigInt(statistics.inferenceCount),
    executionCount: BigInt(statistics.executionCount),
    inferenceStats: {
      success: duration(statistics.success),
      fail: duration(statistics.fail),
      queue: duration(statistics.queue),
      computeInput: duration(statistics.computeInput),
      computeInfer: duration(statistics.computeInfer),
      computeOutput: duration(statistics.computeOutput),
      cacheHit: duration(statistics.cacheHit),
      cacheMiss: duration(statistics.cacheMiss),
    },
    batchStats: statistics.batchStatistics().map((batch) => ({
      batchSize: BigInt(batch.batchSize),
      computeInput: duration(batch.computeInput),
      computeInfer: duration(batch.computeInfer),
      computeOutput: duration(batch.computeOutput),
    })),
    responseStats: responseStats(statistics),
  };
}

function responseStats(statistics: VersionStatistics) {
  return Object.fromEntries(
    statistics.responseStatistics().map(({ index, statistic }) => [
      String(index),
      {
        computeInfer: duration(statistic.computeInfer),
        computeOutput: duration(statistic.computeOutput),
        success: duration(statistic.success),
        fail: duration(statistic.fail),
        emptyResponse: duration(statistic.emptyResponse),
        cancel: duration(statistic.cancel),
      },
    ]),
  );
}

function duration({ count, ns }: DurationStatistic): { count: bigint; ns: bigint } {
  return { count: BigInt(count), ns: BigInt(Math.round(ns)) };
}

export function versionStatisticsJson({ name, version, statistics }: Described): Record<string, unknown> {
  return statisticsJson(name, String(version), statistics);
}
