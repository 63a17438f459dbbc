// inference.ModelInferRequest (proto/inference/grpc_service.proto), decoded by hand: raw tensors stay views of the
// message, typed contents become the same little-endian bytes, so that the rest of the code knows one form only.
// Grammar: model_name=1 model_version=2 id=3 parameters=4 inputs=5{name=1 datatype=2 shape=3 parameters=4 contents=5}
// outputs=6{name=1 parameters=2} raw_input_contents=7.

import {
  type Allocate,
  delimitedBytes,
  malformed,
  newBytes,
  textFieldBytes,
  WIRE_BYTES,
  WireReader,
  WireWriter,
} from '@millrace/wire';
import {
  ParameterCollector,
  parametersBytes,
  readParameter,
  refuseSharedMemory,
  writeParameters,
} from './parameters.js';
import { NO_PARAMETERS, type Parameters, type ParameterValue, type Tensor } from './tensor.js';
import {
  assembleTensors,
  headBytes,
  readHead,
  TENSORS_MAX,
  type TensorHead,
  writeHead,
  writeRaw,
} from './tensor-wire.js';

export interface RequestedOutput {
  readonly name: string;
  readonly parameters: Parameters;
}

export interface InferRequest {
  readonly modelName: string;
  /** '' = the server chooses. */
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly inputs: readonly Tensor[];
  /** Empty = all. */
  readonly outputs: readonly RequestedOutput[];
}

const NO_OUTPUTS: readonly RequestedOutput[] = Object.freeze([]);

/** Throws invalid_argument for anything that is not a well-formed request; tensors keep `bytes` alive. */
export function decodeInferRequest(bytes: Uint8Array): InferRequest {
  const reader = new WireReader(bytes);
  const end = bytes.length;
  let modelName = '';
  let modelVersion = '';
  let id = '';
  let parameters: ParameterCollector | undefined;
  const heads: TensorHead[] = [];
  let outputs: RequestedOutput[] | undefined;
  // Start and end of each raw tensor.
  const raws: number[] = [];
  while (reader.at < end) {
    const tag = reader.tag();
    switch (tag) {
      case (1 << 3) | WIRE_BYTES:
        modelName = reader.name(end);
        break;
      case (2 << 3) | WIRE_BYTES:
        modelVersion = reader.name(end);
        break;
      case (3 << 3) | WIRE_BYTES:
        id = reader.text(end);
        break;
      case (4 << 3) | WIRE_BYTES:
        parameters ??= new ParameterCollector();
        parameters.read(reader, reader.lengthEnd(end));
        break;
      case (5 << 3) | WIRE_BYTES:
        if (heads.length === TENSORS_MAX) malformed(`more than ${TENSORS_MAX} inputs`);
        heads.push(readHead(reader, reader.lengthEnd(end)));
        break;
      case (6 << 3) | WIRE_BYTES:
        outputs ??= [];
        if (outputs.length === TENSORS_MAX) malformed(`more than ${TENSORS_MAX} outputs`);
        outputs.push(readOutput(reader, reader.lengthEnd(end)));
        break;
      case (7 << 3) | WIRE_BYTES: {
        const rawEnd = reader.lengthEnd(end);
        raws.push(reader.at, rawEnd);
        reader.at = rawEnd;
        break;
      }
      default:
        reader.skip(tag, end);
    }
  }
  reader.finish(end);
  return {
    modelName,
    modelVersion,
    id,
    parameters: parameters?.done() ?? NO_PARAMETERS,
    inputs: assembleTensors(reader, heads, raws, 'input'),
    outputs: outputs ?? NO_OUTPUTS,
  };
}

function readOutput(reader: WireReader, end: number): RequestedOutput {
  let name = '';
  let parameters: ParameterCollector | undefined;
  while (reader.at < end) {
    const tag = reader.tag();
    if (tag === 10) name = reader.name(end);
    else if (tag === 18) {
      parameters ??= new ParameterCollector();
      parameters.read(reader, reader.lengthEnd(end));
    } else reader.skip(tag, end);
  }
  reader.finish(end);
  const collected = parameters?.done() ?? NO_PARAMETERS;
  refuseSharedMemory(collected, name);
  return { name, parameters: collected };
}

/** What a router needs from a request without decoding its tensors. */
export interface RequestHead {
  modelName: string;
  modelVersion: string;
  id: string;
  entity: string;
  /** undefined = not given. */
  eventTimeMs: number | undefined;
  /** sequence_id as text; '' = none. */
  sequence: string;
  /** 1 = highest; 0 = not given. */
  priority: number;
}

/** Walks the top level of ModelInferRequest bytes; tensors are skipped by their length. Throws invalid_argument. */
export function peekModel(bytes: Uint8Array): RequestHead {
  const reader = new WireReader(bytes);
  const end = bytes.length;
  const head: RequestHead = {
    modelName: '',
    modelVersion: '',
    id: '',
    entity: '',
    eventTimeMs: undefined,
    sequence: '',
    priority: 0,
  };
  while (reader.at < end) {
    const tag = reader.tag();
    switch (tag) {
      case (1 << 3) | WIRE_BYTES:
        head.modelName = reader.name(end);
        break;
      case (2 << 3) | WIRE_BYTES:
        head.modelVersion = reader.name(end);
        break;
      case (3 << 3) | WIRE_BYTES:
        head.id = reader.text(end);
        break;
      case (4 << 3) | WIRE_BYTES: {
        const { key, value } = readParameter(reader, reader.lengthEnd(end));
        if (key === 'entity' && typeof value === 'string') head.entity = value;
        else if (key === 'event_time_ms' && typeof value === 'bigint') head.eventTimeMs = Number(value);
        else if (key === 'priority' && typeof value === 'bigint') head.priority = value > 0n ? Number(value) : 0;
        else if (key === 'sequence_id' && value !== undefined) head.sequence = sequenceText(value);
        break;
      }
      default:
        reader.skip(tag, end);
    }
  }
  reader.finish(end);
  return head;
}

/** 0 and '' name none; what is no id is refused where the model is. */
function sequenceText(value: ParameterValue): string {
  const text = typeof value === 'boolean' ? '' : String(value);
  return text === '0' ? '' : text;
}

/** Whether the request asks for an empty last answer of a decoupled model; false where it cannot be read. */
export function wantsEmptyFinal(bytes: Uint8Array): boolean {
  try {
    const reader = new WireReader(bytes);
    const end = bytes.length;
    let wants = false;
    while (reader.at < end) {
      const tag = reader.tag();
      if (tag === ((4 << 3) | WIRE_BYTES)) {
        const { key, value } = readParameter(reader, reader.lengthEnd(end));
        if (key === 'triton_enable_empty_final_response') wants = value === true;
      } else reader.skip(tag, end);
    }
    return wants;
  } catch {
    return false;
  }
}

/** Always raw contents. */
export function encodeInferRequest(request: InferRequest, allocate: Allocate = newBytes): Uint8Array {
  let size =
    textFieldBytes(request.modelName) +
    textFieldBytes(request.modelVersion) +
    textFieldBytes(request.id) +
    parametersBytes(request.parameters);
  for (const input of request.inputs) size += delimitedBytes(headBytes(input)) + delimitedBytes(input.byteLength);
  for (const output of request.outputs) size += delimitedBytes(outputBytes(output));
  const writer = new WireWriter(allocate(size));
  writer.text(1, request.modelName);
  writer.text(2, request.modelVersion);
  writer.text(3, request.id);
  writeParameters(writer, 4, request.parameters);
  for (const input of request.inputs) writeHead(writer, 5, input);
  for (const output of request.outputs) {
    writer.open(6, outputBytes(output));
    writer.text(1, output.name);
    writeParameters(writer, 2, output.parameters);
  }
  for (const input of request.inputs) writeRaw(writer, 7, input);
  return writer.bytes;
}

function outputBytes(output: RequestedOutput): number {
  return textFieldBytes(output.name) + parametersBytes(output.parameters);
}
