// A served version as the V2 protocol's configuration and statistics describe it.

import { CONFIG_DATATYPE, type DurationStatistic, statisticsJson, type TensorSpec } from '@millrace/inference';
import type { ServedVersion } from './served-version.js';

interface ConfigTensor {
  name: string;
  dataType: number;
  dims: bigint[];
}

/** Fields of inference.ModelConfig. The batch dimension is not among dims, as Triton has it. */
export function modelConfigMessage(version: ServedVersion): {
  name: string;
  platform: string;
  maxBatchSize: number;
  input: ConfigTensor[];
  output: ConfigTensor[];
} {
  const { name, platform, inputs, outputs } = version.metadata;
  const tensor = (spec: TensorSpec): ConfigTensor => ({
    name: spec.name,
    dataType: CONFIG_DATATYPE[spec.datatype],
    dims: [1n],
  });
  return { name, platform, maxBatchSize: version.batchRowsMax, input: inputs.map(tensor), output: outputs.map(tensor) };
}

/** The same as GET …/config answers it. */
export function modelConfigJson(version: ServedVersion): Record<string, unknown> {
  const { name, platform, inputs, outputs } = version.metadata;
  const tensor = (spec: TensorSpec) => ({
    name: spec.name,
    data_type: spec.datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${spec.datatype}`,
    dims: [1],
  });
  return {
    name,
    platform,
    max_batch_size: version.batchRowsMax,
    input: inputs.map(tensor),
    output: outputs.map(tensor),
    dynamic_batching: {},
  };
}

/** Fields of inference.ModelStatistics. */
export function statisticsMessage(version: ServedVersion) {
  const { statistics } = version;
  const duration = (d: DurationStatistic) => ({ count: BigInt(d.count), ns: BigInt(Math.round(d.ns)) });
  return {
    name: version.facts.project,
    version: String(version.facts.version),
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
    },
    batchStats: statistics.batchStatistics().map((batch) => ({
      batchSize: BigInt(batch.batchSize),
      computeInput: duration(batch.computeInput),
      computeInfer: duration(batch.computeInfer),
      computeOutput: duration(batch.computeOutput),
    })),
  };
}

export function versionStatisticsJson(version: ServedVersion): Record<string, unknown> {
  return statisticsJson(version.facts.project, String(version.facts.version), version.statistics);
}
