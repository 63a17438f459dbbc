// InferTensorContents: typed values of one tensor (bool=1 int=2 int64=3 uint=4 uint64=5 fp32=6 fp64=7 bytes=8), read
// packed or not. Values are collected as they come and become one tensor of the declared datatype; the field must be
// the one that the datatype prescribes.

import { PlatformError } from '@millrace/domain';
import { malformed, WIRE_32, WIRE_64, WIRE_BYTES, WIRE_VARINT, type WireReader } from '@millrace/wire';
import type { Datatype } from './datatype.js';
import { ELEMENTS_MAX, type ElementValue, type Parameters, Tensor } from './tensor.js';

const FIELD_OF: Readonly<Record<Datatype, number>> = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP32: 6,
  FP64: 7,
  BYTES: 8,
  // No typed contents: raw only.
  FP16: 0,
  BF16: 0,
};

const FIELD_NAMES = ['', 'bool', 'int', 'int64', 'uint', 'uint64', 'fp32', 'fp64', 'bytes'];

export class ContentsField {
  field = 0;
  readonly values: ElementValue[] = [];

  get any(): boolean {
    return this.values.length > 0;
  }

  push(field: number, value: ElementValue): void {
    if (this.field !== field && this.any) malformed('a tensor has more than one kind of contents');
    if (this.values.length === ELEMENTS_MAX) malformed(`a tensor has more than ${ELEMENTS_MAX} elements`);
    this.field = field;
    this.values.push(value);
  }

  toTensor(name: string, datatype: Datatype, shape: readonly number[], parameters: Parameters): Tensor {
    if (this.any && FIELD_OF[datatype] !== this.field) {
      const expected = FIELD_OF[datatype] === 0 ? 'raw_input_contents' : `${FIELD_NAMES[FIELD_OF[datatype]]}_contents`;
      throw new PlatformError(
        'invalid_argument',
        `input '${name}' of ${datatype} must bring its values in ${expected}, not ${FIELD_NAMES[this.field]}_contents`,
      );
    }
    return Tensor.of(name, datatype, shape, this.values, parameters);
  }
}

/** Reads one InferTensorContents message; `earlier` is what a repeated field brought before (protobuf merges them). */
export function readContents(reader: WireReader, end: number, earlier: ContentsField | undefined): ContentsField {
  const contents = earlier ?? new ContentsField();
  while (reader.at < end) {
    const tag = reader.tag();
    const field = tag >>> 3;
    const wire = tag & 7;
    if (field > 8) reader.skip(tag, end);
    else if (field === 8) {
      reader.expect(tag, WIRE_BYTES);
      const valueEnd = reader.lengthEnd(end);
      contents.push(8, reader.bytes.subarray(reader.at, valueEnd));
      reader.at = valueEnd;
    } else if (wire === WIRE_BYTES) {
      const packedEnd = reader.lengthEnd(end);
      while (reader.at < packedEnd) contents.push(field, readOne(reader, field));
      reader.finish(packedEnd);
    } else {
      reader.expect(tag, field === 6 ? WIRE_32 : field === 7 ? WIRE_64 : WIRE_VARINT);
      contents.push(field, readOne(reader, field));
    }
  }
  reader.finish(end);
  return contents;
}

function readOne(reader: WireReader, field: number): ElementValue {
  switch (field) {
    case 1:
      return reader.bool();
    case 2:
      return reader.uint32() | 0;
    case 3:
      return reader.int64();
    case 4:
      return reader.uint32();
    case 5:
      return reader.uint64();
    case 6:
      return reader.float();
    default:
      return reader.double();
  }
}
