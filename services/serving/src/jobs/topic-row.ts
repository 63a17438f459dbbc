// One message of a batch job as a request of one row, and an answer as the message that goes out. In: a JSON object,
// either the columns themselves, or {"values": {columns}, "entity"?: text, "eventTimeMs"?: number}. Out: {"id",
// "model", "version", "outputs": {name: value}} or {"id", "model", "error"}; the id is "<topic>/<partition>/<offset>"
// of the message that it answers, so that whoever reads can tell what belongs to what.

import { PlatformError } from '@millrace/domain';
import {
  type ElementValue,
  type InferRequest,
  type InferResponse,
  type ParameterValue,
  plainOutputs,
  type Tensor,
  type TensorSpec,
  tensorOfValues,
} from '@millrace/inference';

/** Largest message that is read as a row; Kafka's own default bound. */
const MESSAGE_BYTES_MAX = 1_048_576;

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface TopicPosition {
  topic: string;
  partition: number;
  offset: number;
}

export function rowId({ topic, partition, offset }: TopicPosition): string {
  return `${topic}/${partition}/${offset}`;
}

/** Throws invalid_argument with what is wrong about the message. Columns that are no inputs are left out. */
export function rowRequest(
  model: string,
  version: string,
  inputs: readonly TensorSpec[],
  id: string,
  value: Uint8Array | null,
): InferRequest {
  const { values, entity, eventTimeMs } = parse(value);
  const parameters: Record<string, ParameterValue> = {};
  if (entity !== '') parameters.entity = entity;
  if (eventTimeMs !== undefined) parameters.event_time_ms = BigInt(eventTimeMs);
  const tensors: Tensor[] = [];
  for (const spec of inputs) {
    const given = values[spec.name];
    if (given !== undefined) tensors.push(tensorOf(spec, given));
  }
  return { modelName: model, modelVersion: version, id, parameters, inputs: tensors, outputs: [] };
}

function parse(value: Uint8Array | null): {
  values: Record<string, Json>;
  entity: string;
  eventTimeMs: number | undefined;
} {
  if (value === null) throw new PlatformError('invalid_argument', 'the message has no value');
  if (value.length > MESSAGE_BYTES_MAX) {
    throw new PlatformError('invalid_argument', `the message has ${value.length} bytes, at most ${MESSAGE_BYTES_MAX}`);
  }
  let json: Json;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value)) as Json;
  } catch {
    throw new PlatformError('invalid_argument', 'the message is no JSON');
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new PlatformError('invalid_argument', 'the message is no JSON object of columns');
  const inner = json.values;
  const nested = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
  const entity = nested && typeof json.entity === 'string' ? json.entity : '';
  const time = nested ? json.eventTimeMs : undefined;
  if (time !== undefined && !Number.isSafeInteger(time))
    throw new PlatformError('invalid_argument', 'eventTimeMs is no integer');
  return { values: nested ? inner : json, entity, eventTimeMs: time as number | undefined };
}

function tensorOf({ name, datatype, shape }: TensorSpec, value: Json): Tensor {
  const whole = shape.map((size, i) => (i === 0 ? 1 : size));
  if (Array.isArray(value)) {
    const flat = value.flat(8) as ElementValue[];
    const fixed = whole.map((size, i) => (size === -1 && i === 1 && whole.length === 2 ? flat.length : size));
    return tensorOfValues(name, datatype, fixed, flat);
  }
  if (
    value !== null &&
    (datatype === 'BYTES' ? typeof value !== 'string' : !['number', 'boolean'].includes(typeof value))
  )
    throw new PlatformError('invalid_argument', `column '${name}' is ${typeof value}, the input is ${datatype}`);
  return tensorOfValues(name, datatype, whole, [value as ElementValue | null]);
}

/** The message's value for an answer. */
export function answerValue(id: string, response: InferResponse): Uint8Array {
  return encode({
    id,
    model: response.modelName,
    version: response.modelVersion,
    outputs: plainOutputs(response.outputs),
  });
}

export function errorValue(id: string, model: string, error: PlatformError): Uint8Array {
  return encode({ id, model, error: error.reason });
}

const encode = (value: object): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
