// The REST form of an inference request (V2 core plus the binary tensor data extension): a JSON object, and after it,
// where the header Inference-Header-Content-Length says how long the JSON is, the bytes of binary inputs one after the
// other. Decodes to the same InferRequest as gRPC.

import { PlatformError, parseExactJson } from '@millrace/domain';
import { ELEMENT_BYTES, parseDatatype } from './datatype.js';
import type { InferRequest, RequestedOutput } from './infer-request.js';
import type { TensorSpec } from './metadata.js';
import { tensorOfValues } from './nulls.js';
import { PARAMETERS_MAX, refuseSharedMemory } from './parameters.js';
import { type ElementValue, NO_PARAMETERS, type Parameters, type ParameterValue, Tensor } from './tensor.js';
import { TENSORS_MAX } from './tensor-wire.js';

function invalid(what: string): never {
  throw new PlatformError('invalid_argument', what);
}

/** The header Inference-Header-Content-Length; undefined = the whole body is JSON. Throws invalid_argument. */
export function parseHeaderLength(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,12}$/.test(text)) return Number(text);
  return invalid(`Inference-Header-Content-Length '${text.slice(0, 32)}' is no whole number of bytes`);
}

/** `headerLength`: undefined = the whole body is JSON. Model and version come from the path. */
export function decodeRestRequest(
  body: Uint8Array,
  headerLength: number | undefined,
  modelName: string,
  modelVersion: string,
): InferRequest {
  if (
    headerLength !== undefined &&
    !(Number.isInteger(headerLength) && headerLength >= 0 && headerLength <= body.length)
  ) {
    invalid(`Inference-Header-Content-Length ${headerLength} does not fit a body of ${body.length} bytes`);
  }
  const json = parseRestJson(headerLength === undefined ? body : body.subarray(0, headerLength));
  const tensors = restTensors(json, 'inputs', body, headerLength);
  return {
    modelName,
    modelVersion,
    id: text(json, 'id', false),
    parameters: parametersOf(json, 'request'),
    inputs: tensors,
    outputs: list(json, 'outputs', false).map(outputOf),
  };
}

/** What a log needs of an answer; throws invalid_argument where the body is none. */
export function decodeRestResponse(
  body: Uint8Array,
  headerLength: number | undefined,
): { id: string; modelVersion: string; outputs: Tensor[] } {
  const json = parseRestJson(headerLength === undefined ? body : body.subarray(0, headerLength));
  const short = (key: string) => (typeof json[key] === 'string' ? (json[key] as string) : '');
  const outputs = restTensors(json, 'outputs', body, headerLength);
  return { id: short('id'), modelVersion: short('model_version'), outputs };
}

/** The tensors under `key`; those without data are the bytes after the JSON, one after the other. */
function restTensors(
  json: JsonObject,
  key: 'inputs' | 'outputs',
  body: Uint8Array,
  headerLength: number | undefined,
): Tensor[] {
  const what = key === 'inputs' ? 'input' : 'output';
  let at = headerLength ?? body.length;
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const tensors = list(json, key, true).map((tensor) => {
    const name = text(tensor, 'name', true);
    const datatype = parseDatatype(text(tensor, 'datatype', true), name);
    const label = `${what} '${name}'`;
    const shape = shapeOf(tensor, label);
    const parameters = parametersOf(tensor, label);
    refuseSharedMemory(parameters, name);
    const size = parameters.binary_data_size;
    if (size === undefined) return tensorOfValues(name, datatype, shape, flatten(tensor.data, label), parameters);
    if (tensor.data !== undefined) invalid(`${label} has both data and binary_data_size`);
    if (typeof size !== 'bigint' || size < 0n || size > BigInt(body.length - at)) {
      invalid(`${label} has a binary_data_size that does not fit the body`);
    }
    const start = at;
    at += Number(size);
    return Tensor.raw(name, datatype, shape, body, start, at, view, parameters);
  });
  if (at !== body.length) invalid(`the body has ${body.length - at} bytes after its binary ${key}`);
  return tensors;
}

/**
 * The raw form (Inference-Header-Content-Length: 0): the body is the one input of the model, one row of it where the
 * model batches. `inputs` with the batch dimension in front. A single open dimension is what the body's length leaves;
 * BYTES is one element, without a length before it. All outputs are answered as binary.
 */
export function rawRestRequest(
  body: Uint8Array,
  inputs: readonly TensorSpec[],
  modelName: string,
  modelVersion: string,
  batched: boolean,
): InferRequest {
  const input = inputs[0];
  if (!input || inputs.length !== 1)
    invalid(`raw binary request must be for a model with one input, '${modelName}' has ${inputs.length}`);
  const shape = rawShape(input, body.length, batched);
  const one =
    input.datatype === 'BYTES'
      ? Tensor.of(input.name, 'BYTES', shape, [body])
      : Tensor.raw(input.name, input.datatype, shape, body);
  const parameters = Object.freeze({ binary_data_output: true });
  return { modelName, modelVersion, id: '', parameters, inputs: [one], outputs: [] };
}

function rawShape({ name, datatype, shape }: TensorSpec, bytes: number, batched: boolean): number[] {
  const row = batched ? shape.slice(1) : shape;
  const open = row.filter((size) => size < 0).length;
  if (open > 1) invalid(`raw binary request: input '${name}' has ${open} dimensions of open size`);
  const fixed = row.reduce((product, size) => (size < 0 ? product : product * size), 1);
  const elements = datatype === 'BYTES' ? 1 : bytes / ELEMENT_BYTES[datatype];
  const left = fixed === 0 ? 0 : elements / fixed;
  if (open === 1 && !Number.isInteger(left)) {
    invalid(`raw binary request: ${bytes} bytes do not fill input '${name}' of ${datatype} [${row.join(',')}]`);
  }
  const filled = row.map((size) => (size < 0 ? left : size));
  return batched ? [1, ...filled] : filled;
}

type JsonObject = Record<string, unknown>;

/** Of what a parser says. */
const FAULT_SHOWN_MAX = 160;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * A JSON object; integers beyond 2^53 come as bigint, so that 64-bit values keep all digits. Throws invalid_argument.
 */
export function parseRestJson(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseExactJson(utf8.decode(bytes));
  } catch (thrown) {
    // Triton's words, which clients look for; then where it is.
    const why = (thrown as Error).message.slice(0, FAULT_SHOWN_MAX);
    invalid(`failed to parse the request JSON buffer: ${why}; a body is JSON, whatever its Content-Type says`);
  }
  return object(value, 'the request');
}

function object(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) invalid(`${what} must be a JSON object`);
  return value as JsonObject;
}

function list(json: JsonObject, key: string, required: boolean): JsonObject[] {
  const value = json[key];
  if (value === undefined && !required) return [];
  if (!Array.isArray(value)) invalid(`'${key}' must be an array`);
  if (value.length > TENSORS_MAX) invalid(`'${key}' has more than ${TENSORS_MAX} entries`);
  return value.map((entry) => object(entry, `each of '${key}'`));
}

function text(json: JsonObject, key: string, required: boolean): string {
  const value = json[key];
  if (value === undefined && !required) return '';
  if (typeof value !== 'string') invalid(`'${key}' must be a text`);
  return value;
}

function shapeOf(tensor: JsonObject, what: string): number[] {
  const { shape } = tensor;
  if (!Array.isArray(shape) || !shape.every((size) => typeof size === 'number')) {
    invalid(`${what} must have a 'shape' of numbers`);
  }
  return shape as number[];
}

function outputOf(json: JsonObject): RequestedOutput {
  const name = text(json, 'name', true);
  const parameters = parametersOf(json, `output '${name}'`);
  refuseSharedMemory(parameters, name);
  return { name, parameters };
}

function parametersOf(json: JsonObject, what: string): Parameters {
  if (json.parameters === undefined) return NO_PARAMETERS;
  const raw = object(json.parameters, `parameters of ${what}`);
  const keys = Object.keys(raw);
  if (keys.length > PARAMETERS_MAX) invalid(`${what} has more than ${PARAMETERS_MAX} parameters`);
  const parameters = Object.create(null) as Record<string, ParameterValue>;
  for (const key of keys) {
    const value = raw[key];
    if (typeof value === 'number') parameters[key] = Number.isSafeInteger(value) ? BigInt(value) : value;
    else if (typeof value === 'string' || typeof value === 'boolean' || isWide(value)) parameters[key] = value;
    else invalid(`parameter '${key}' of ${what} must be a text, a number or a boolean`);
  }
  return parameters;
}

/** What a parameter can carry: int64 and uint64. */
function isWide(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= -(2n ** 63n) && value < 2n ** 64n;
}

/**
 * Row-major elements of nested arrays, null where one is missing; nesting beyond 16 levels is refused, the shape itself
 * is checked by the tensor.
 */
function flatten(data: unknown, what: string): (ElementValue | null)[] {
  if (!Array.isArray(data)) invalid(`${what} must have its 'data' as an array`);
  const flat: (ElementValue | null)[] = [];
  const walk = (values: unknown[], depth: number): void => {
    if (depth > 16) invalid(`${what} is nested too deeply`);
    for (const value of values) {
      if (Array.isArray(value)) walk(value, depth + 1);
      else if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') flat.push(value);
      else if (typeof value === 'bigint' || value === null) flat.push(value);
      else invalid(`${what} has an element that is no number, text, boolean or null`);
    }
  };
  walk(data, 1);
  return flat;
}
