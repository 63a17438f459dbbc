// Triton's generate extension: a flat JSON object in, where keys that are inputs become tensors and the rest
// parameters, and a flat JSON object out for each answer. Elements of one are written without brackets, both ways.

import { PlatformError } from '@millrace/domain';
import {
  type ElementValue,
  type InferRequest,
  type InferResponse,
  type ParameterValue,
  Tensor,
  type TensorSpec,
} from '@millrace/inference';

export const ONE_ANSWER =
  'generate expects model to produce exactly 1 response, use generate stream for model that generates various number of responses';

function invalid(what: string): never {
  throw new PlatformError('invalid_argument', what);
}

/** `inputs` with the batch dimension in front where the model batches. */
export function generateRequest(
  json: Readonly<Record<string, unknown>>,
  model: { name: string; inputs: readonly TensorSpec[]; batched: boolean },
  version: string,
): InferRequest {
  const parameters = Object.create(null) as Record<string, ParameterValue>;
  const inputs: Tensor[] = [];
  let id = '';
  for (const [name, value] of Object.entries(json)) {
    const input = model.inputs.find((candidate) => candidate.name === name);
    if (input) inputs.push(tensorOf(input, value, model.batched));
    else if (name === 'id' && typeof value === 'string') id = value;
    else if (name === 'parameters' && isObject(value)) {
      for (const [key, one] of Object.entries(value)) parameters[key] = parameterOf(key, one);
    } else parameters[name] = parameterOf(name, value);
  }
  return { modelName: model.name, modelVersion: version, id, parameters, inputs, outputs: [] };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parameterOf(name: string, value: unknown): ParameterValue {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value;
  return invalid(`'${name.slice(0, 64)}' is no input of the model and no parameter: a text, a number or a boolean`);
}

function tensorOf({ name, datatype, shape }: TensorSpec, value: unknown, batched: boolean): Tensor {
  const values = Array.isArray(value) ? value : [value];
  for (const one of values) {
    const scalar = typeof one === 'number' || typeof one === 'string' || typeof one === 'boolean';
    if (!scalar && typeof one !== 'bigint') invalid(`'${name}' must be a value or a flat list of values`);
  }
  return Tensor.of(name, datatype, shapeOf(name, values.length, shape, batched), values as ElementValue[]);
}

/** One row where the model batches; a single open dimension takes what the others leave. */
function shapeOf(name: string, count: number, declared: readonly number[], batched: boolean): number[] {
  const row = batched && declared.length > 1 ? declared.slice(1) : [...declared];
  const open = row.filter((size) => size < 0).length;
  if (open > 1) invalid(`'${name}' has ${open} dimensions of open size; use infer, which states a shape`);
  const fixed = row.reduce((product, size) => (size < 0 ? product : product * size), 1);
  const shape = row.map((size) => (size < 0 ? count / Math.max(fixed, 1) : size));
  return batched && declared.length > 1 ? [1, ...shape] : shape;
}

export function generateJson({ id, modelName, modelVersion, parameters, outputs }: InferResponse): string {
  const members: string[] = [];
  const add = (name: string, json: string) => members.push(`${JSON.stringify(name)}:${json}`);
  if (id !== '') add('id', JSON.stringify(id));
  add('model_name', JSON.stringify(modelName));
  add('model_version', JSON.stringify(modelVersion));
  for (const [name, value] of Object.entries(parameters)) add(name, scalarJson(value));
  for (const output of outputs) {
    const values = output.toValues().map(scalarJson);
    add(output.name, values.length === 1 ? (values[0] as string) : `[${values.join(',')}]`);
  }
  return `{${members.join(',')}}`;
}

/** 64-bit integers with all digits; NaN and infinities, which JSON lacks, as null. */
function scalarJson(value: number | bigint | boolean | string): string {
  return typeof value === 'bigint' ? value.toString() : JSON.stringify(value);
}
