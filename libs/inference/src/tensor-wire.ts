// How one tensor stands in a ModelInferRequest or ModelInferResponse: a head {name=1 datatype=2 shape=3 parameters=4
// contents=5}, the same in both, and its raw bytes in a repeated field beside the heads, in the same order.

import { PlatformError } from '@millrace/domain';
import {
  bigVarintBytes,
  delimitedBytes,
  malformed,
  textFieldBytes,
  varintBytes,
  WIRE_BYTES,
  WIRE_VARINT,
  type WireReader,
  type WireWriter,
} from '@millrace/wire';
import { type Datatype, parseDatatype } from './datatype.js';
import { ParameterCollector, parametersBytes, refuseSharedMemory, writeParameters } from './parameters.js';
import { NO_PARAMETERS, type Parameters, Tensor } from './tensor.js';
import { type ContentsField, readContents } from './tensor-contents.js';

/** Most input, output or requested output tensors of one message. */
export const TENSORS_MAX = 4096;

export interface TensorHead {
  name: string;
  datatype: Datatype;
  shape: number[];
  parameters: Parameters;
  contents: ContentsField | undefined;
}

export function readHead(reader: WireReader, end: number): TensorHead {
  let name = '';
  let datatype = '';
  const shape: number[] = [];
  let parameters: ParameterCollector | undefined;
  let contents: ContentsField | undefined;
  while (reader.at < end) {
    const tag = reader.tag();
    switch (tag) {
      case (1 << 3) | WIRE_BYTES:
        name = reader.name(end);
        break;
      case (2 << 3) | WIRE_BYTES:
        datatype = reader.name(end);
        break;
      case (3 << 3) | WIRE_BYTES: {
        const shapeEnd = reader.lengthEnd(end);
        while (reader.at < shapeEnd) pushDimension(shape, reader.int());
        reader.finish(shapeEnd);
        break;
      }
      case (3 << 3) | WIRE_VARINT:
        pushDimension(shape, reader.int());
        break;
      case (4 << 3) | WIRE_BYTES:
        parameters ??= new ParameterCollector();
        parameters.read(reader, reader.lengthEnd(end));
        break;
      case (5 << 3) | WIRE_BYTES:
        contents = readContents(reader, reader.lengthEnd(end), contents);
        break;
      default:
        reader.skip(tag, end);
    }
  }
  reader.finish(end);
  const collected = parameters?.done() ?? NO_PARAMETERS;
  refuseSharedMemory(collected, name);
  return { name, datatype: parseDatatype(datatype, name), shape, parameters: collected, contents };
}

function pushDimension(shape: number[], size: number): void {
  // Far above RANK_MAX, which the tensor itself checks with its name.
  if (shape.length === 64) malformed('a shape has more than 64 dimensions');
  shape.push(size);
}

/** `raws` holds start and end of each raw tensor. */
export function assembleTensors(
  reader: WireReader,
  heads: readonly TensorHead[],
  raws: readonly number[],
  kind: 'input' | 'output',
): Tensor[] {
  const tensors = new Array<Tensor>(heads.length);
  if (raws.length > 0 && raws.length !== heads.length * 2) {
    throw new PlatformError(
      'invalid_argument',
      `expected ${heads.length} raw ${kind} contents, one for each ${kind}, but got ${raws.length / 2}`,
    );
  }
  for (let i = 0; i < heads.length; i++) {
    const { name, datatype, shape, parameters, contents } = heads[i] as TensorHead;
    if (raws.length === 0) {
      tensors[i] = contents
        ? contents.toTensor(name, datatype, shape, parameters)
        : Tensor.of(name, datatype, shape, [], parameters);
      continue;
    }
    if (contents?.any) {
      throw new PlatformError(
        'invalid_argument',
        `contents field must not be specified when using raw_${kind}_contents for '${name}'`,
      );
    }
    const start = raws[i * 2] as number;
    const rawEnd = raws[i * 2 + 1] as number;
    tensors[i] = Tensor.raw(name, datatype, shape, reader.bytes, start, rawEnd, reader.view, parameters);
  }
  return tensors;
}

function shapeBytes(shape: readonly number[]): number {
  let total = 0;
  for (const size of shape) total += size < 0 ? bigVarintBytes(BigInt(size)) : varintBytes(size);
  return total;
}

/** Size of name, datatype, shape and parameters of a tensor's head (the same in requests and responses). */
export function headBytes(tensor: Tensor): number {
  const shape = shapeBytes(tensor.shape);
  return (
    textFieldBytes(tensor.name) +
    textFieldBytes(tensor.datatype) +
    (shape === 0 ? 0 : delimitedBytes(shape)) +
    parametersBytes(tensor.parameters)
  );
}

export function writeHead(writer: WireWriter, field: number, tensor: Tensor): void {
  writer.open(field, headBytes(tensor));
  writer.text(1, tensor.name);
  writer.text(2, tensor.datatype);
  if (tensor.shape.length > 0) {
    writer.open(3, shapeBytes(tensor.shape));
    for (const size of tensor.shape) writer.varint(size);
  }
  writeParameters(writer, 4, tensor.parameters);
}

export function writeRaw(writer: WireWriter, field: number, tensor: Tensor): void {
  writer.open(field, tensor.byteLength);
  tensor.copyTo(writer.bytes, writer.at);
  writer.at += tensor.byteLength;
}
