// Inputs, outputs and warm-up samples of a ModelConfig, checked.

import type { modelConfigPb } from '@millrace/contracts';
import { CONFIG_DATATYPE, DATATYPES, type Datatype } from '@millrace/inference';
import type { WarmUpSample } from '../declaration/model-spec.js';
import type { ConfigFaults } from './config-faults.js';
import type { DraftTensor, SpecDraft } from './spec-draft.js';

const DATATYPE_OF: ReadonlyMap<number, Datatype> = new Map(
  DATATYPES.map((datatype) => [CONFIG_DATATYPE[datatype], datatype]),
);

/** Samples and requests that warm a model; loading waits for them. */
const WARM_UP_REQUESTS_MAX = 1000;

/** undefined = not said. */
export function datatypeOf(number: number): Datatype | undefined {
  return DATATYPE_OF.get(number);
}

/** A list of sizes, each above 0 or -1; one that was not written is open. */
export function sizes(
  given: readonly bigint[],
  message: object,
  field: string,
  faults: ConfigFaults,
): readonly number[] | undefined {
  const bad = given.find((size) => size < -1n || size === 0n || size > BigInt(Number.MAX_SAFE_INTEGER));
  if (bad !== undefined) faults.add(message, field, `${field} has ${bad}, a size is above 0, or -1 for any`);
  return given.length === 0 && !faults.written(message, field) ? undefined : given.map(Number);
}

function reshapeOf(
  tensor: modelConfigPb.ModelInput | modelConfigPb.ModelOutput,
  dims: readonly number[] | undefined,
  faults: ConfigFaults,
): readonly number[] | undefined {
  const { reshape } = tensor;
  if (!reshape) return undefined;
  const shape = sizes(reshape.shape, reshape, 'shape', faults) ?? [];
  const open = (list: readonly number[]) => list.filter((size) => size === -1).length;
  const product = (list: readonly number[]) => list.reduce((count, size) => count * (size === -1 ? 1 : size), 1);
  if (dims && (open(dims) !== open(shape) || product(dims) !== product(shape) || open(dims) > 1)) {
    faults.add(tensor, 'reshape', `reshape [${shape}] and dims [${dims}] of '${tensor.name}' differ in elements`);
  }
  return shape;
}

function tensorOf(
  tensor: modelConfigPb.ModelInput | modelConfigPb.ModelOutput,
  kind: string,
  seen: Set<string>,
  faults: ConfigFaults,
): DraftTensor {
  const { name } = tensor;
  if (name === '') faults.add(tensor, '', `an ${kind} has no name`);
  else if (seen.has(name)) faults.add(tensor, 'name', `two ${kind}s are called '${name}'`);
  seen.add(name);
  if (tensor.isShapeTensor) faults.notice(tensor, 'is_shape_tensor', 'is_shape_tensor has no effect: it is TensorRT’s');
  if (tensor.isNonLinearFormatIo) {
    faults.add(tensor, 'is_non_linear_format_io', 'is_non_linear_format_io is not supported: it is TensorRT’s');
  }
  const dims = sizes(tensor.dims, tensor, 'dims', faults);
  return { name, datatype: datatypeOf(tensor.dataType), dims, reshape: reshapeOf(tensor, dims, faults) };
}

export function inputsOf(config: modelConfigPb.ModelConfig, faults: ConfigFaults): SpecDraft['inputs'] {
  const seen = new Set<string>();
  return config.input.map((input) => {
    const tensor = tensorOf(input, 'input', seen, faults);
    if (input.allowRaggedBatch) {
      faults.notice(
        input,
        'allow_ragged_batch',
        "allow_ragged_batch has no effect: requests of different shapes run apart; the parameter 'padding_buckets' joins them",
      );
    }
    if (input.format !== 0 && tensor.dims && tensor.dims.length !== 3) {
      faults.add(input, 'format', `an image format of '${input.name}' needs 3 dims, it has ${tensor.dims.length}`);
    }
    return { ...tensor, optional: input.optional };
  });
}

export function outputsOf(config: modelConfigPb.ModelConfig, faults: ConfigFaults): SpecDraft['outputs'] {
  const seen = new Set<string>();
  return config.output.map((output) => ({
    ...tensorOf(output, 'output', seen, faults),
    labelFile: output.labelFilename,
  }));
}

export function warmUpOf(config: modelConfigPb.ModelConfig, faults: ConfigFaults): WarmUpSample[] {
  let requests = 0;
  const samples = config.modelWarmup.map((sample) => {
    const count = Math.max(1, sample.count);
    requests += count;
    if (sample.batchSize > Math.max(1, config.maxBatchSize) && faults.written(config, 'max_batch_size')) {
      faults.add(sample, 'batch_size', `batch_size ${sample.batchSize} is above max_batch_size ${config.maxBatchSize}`);
    }
    const inputs = Object.entries(sample.inputs).map(([name, input]) => {
      const datatype = datatypeOf(input.dataType);
      if (!datatype) faults.add(input, 'data_type', `warm-up input '${name}' has no data_type`);
      const dims = sizes(input.dims, input, 'dims', faults) ?? [];
      if (dims.includes(-1)) faults.add(input, 'dims', `warm-up input '${name}' needs sizes, not -1`);
      const { inputDataType } = input;
      if (inputDataType.case === 'inputDataFile') {
        const file = inputDataType.value;
        return { name, datatype: datatype ?? ('FP32' as const), dims, data: 'file' as const, file };
      }
      const data = inputDataType.case === 'randomData' ? ('random' as const) : ('zero' as const);
      return { name, datatype: datatype ?? ('FP32' as const), dims, data };
    });
    return { name: sample.name, batchSize: Math.max(1, sample.batchSize), count, inputs };
  });
  if (requests > WARM_UP_REQUESTS_MAX) {
    faults.add(
      config,
      'model_warmup',
      `model_warmup has ${requests} requests, at most ${WARM_UP_REQUESTS_MAX} are run`,
    );
  }
  return samples;
}
