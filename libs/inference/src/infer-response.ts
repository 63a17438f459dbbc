// inference.ModelInferResponse: model_name=1 model_version=2 id=3 parameters=4 outputs=5{name=1 datatype=2 shape=3
// parameters=4 contents=5} raw_output_contents=6. Written always with raw contents, as Triton does.

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
import { ParameterCollector, parametersBytes, writeParameters } from './parameters.js';
import { NO_PARAMETERS, type Parameters, type Tensor } from './tensor.js';
import {
  assembleTensors,
  headBytes,
  readHead,
  TENSORS_MAX,
  type TensorHead,
  writeHead,
  writeRaw,
} from './tensor-wire.js';

export interface InferResponse {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: Parameters;
  readonly outputs: readonly Tensor[];
}

function responseBytes(response: InferResponse): number {
  let size =
    textFieldBytes(response.modelName) +
    textFieldBytes(response.modelVersion) +
    textFieldBytes(response.id) +
    parametersBytes(response.parameters);
  for (const output of response.outputs) size += delimitedBytes(headBytes(output)) + delimitedBytes(output.byteLength);
  return size;
}

function writeResponse(writer: WireWriter, response: InferResponse): void {
  writer.text(1, response.modelName);
  writer.text(2, response.modelVersion);
  writer.text(3, response.id);
  writeParameters(writer, 4, response.parameters);
  for (const output of response.outputs) writeHead(writer, 5, output);
  for (const output of response.outputs) writeRaw(writer, 6, output);
}

export function encodeInferResponse(response: InferResponse, allocate: Allocate = newBytes): Uint8Array {
  const writer = new WireWriter(allocate(responseBytes(response)));
  writeResponse(writer, response);
  return writer.bytes;
}

/** A map entry {key=1 triton_final_response, value=2{bool_param=1}} as field 4; the last byte is the flag. */
const FINAL_ENTRY = finalEntry();

function finalEntry(): Uint8Array {
  const key = 'triton_final_response';
  const writer = new WireWriter(new Uint8Array(delimitedBytes(textFieldBytes(key) + 4)));
  writer.open(4, textFieldBytes(key) + 4);
  writer.text(1, key);
  writer.open(2, 2);
  writer.byte(8);
  return writer.bytes;
}

/**
 * inference.ModelStreamInferResponse: error_message=1, infer_response=2. `final` becomes response parameter
 * triton_final_response, as Triton sets it on every answer of a stream.
 */
export function encodeStreamResponse(
  answer: { error: string; response?: InferResponse | undefined; final?: boolean },
  allocate: Allocate = newBytes,
): Uint8Array {
  const { error, response, final } = answer;
  const body = response ? responseBytes(response) : 0;
  const inner = body + (response && final !== undefined ? FINAL_ENTRY.length : 0);
  const writer = new WireWriter(allocate(textFieldBytes(error) + (response ? delimitedBytes(inner) : 0)));
  writer.text(1, error);
  if (!response) return writer.bytes;
  writer.open(2, inner);
  writeResponse(writer, response);
  if (final !== undefined) {
    // Fields may come in any order, and so may entries of a map.
    writer.bytes.set(FINAL_ENTRY, writer.at);
    writer.at += FINAL_ENTRY.length;
    writer.bytes[writer.at - 1] = final ? 1 : 0;
  }
  return writer.bytes;
}

/** The ModelInferResponse in a ModelStreamInferResponse; empty where there is none. */
export function inferResponseOf(bytes: Uint8Array): Uint8Array {
  const reader = new WireReader(bytes);
  let response = bytes.subarray(0, 0);
  while (reader.at < bytes.length) {
    const tag = reader.tag();
    if (tag === ((2 << 3) | WIRE_BYTES)) response = reader.part(bytes.length);
    else reader.skip(tag, bytes.length);
  }
  reader.finish(bytes.length);
  return response;
}

/** Throws invalid_argument for anything that is not a well-formed response. */
export function decodeInferResponse(bytes: Uint8Array): InferResponse {
  const reader = new WireReader(bytes);
  const end = bytes.length;
  let modelName = '';
  let modelVersion = '';
  let id = '';
  let parameters: ParameterCollector | undefined;
  const heads: TensorHead[] = [];
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
        if (heads.length === TENSORS_MAX) malformed(`more than ${TENSORS_MAX} outputs`);
        heads.push(readHead(reader, reader.lengthEnd(end)));
        break;
      case (6 << 3) | WIRE_BYTES: {
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
    outputs: assembleTensors(reader, heads, raws, 'output'),
  };
}
