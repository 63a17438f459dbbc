// One named tensor: always little-endian row-major bytes, kept as a view of the message they came in. Elements are read
// in place by DataView, so that alignment does not matter; a typed array is laid over the bytes where they are aligned
// and over a copy where not. BYTES elements are 4-byte little-endian length-prefixed.

import { PlatformError } from '@millrace/domain';
import { decodeText, decodeTextLossy, textBytes, writeText } from '@millrace/wire';
import {
  bfloatToNumber,
  type Datatype,
  ELEMENT_BYTES,
  halfToNumber,
  numberToBfloat,
  numberToHalf,
  parseDatatype,
} from './datatype.js';

/** Most dimensions a tensor may have; ONNX and Triton models stay well below. */
const RANK_MAX = 16;
/** Most elements of one tensor: 2^28 covers the largest message body the servers accept (4 bytes each, 1 GiB). */
export const ELEMENTS_MAX = 268_435_456;

export type TypedValues =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

export type ElementValue = number | bigint | boolean | string | Uint8Array;

/** A parameter of a request, a tensor or a response; integers are bigint, so that 3 and 3.0 stay apart on the wire. */
export type ParameterValue = boolean | bigint | number | string;
export type Parameters = Readonly<Record<string, ParameterValue>>;
export const NO_PARAMETERS: Parameters = Object.freeze({});

/** Element count of a shape; throws invalid_argument for negative, huge or too many dimensions. */
function elementCount(shape: readonly number[], tensor: string): number {
  if (shape.length > RANK_MAX) fault(tensor, `has ${shape.length} dimensions, at most ${RANK_MAX} are allowed`);
  let count = 1;
  for (let i = 0; i < shape.length; i++) {
    const size = shape[i] as number;
    if (!(size >= 0 && size <= ELEMENTS_MAX) || size % 1 !== 0) fault(tensor, `has a bad dimension ${size}`);
    count *= size;
    if (count > ELEMENTS_MAX) fault(tensor, `has more than ${ELEMENTS_MAX} elements`);
  }
  return count;
}

function fault(tensor: string, what: string): never {
  throw new PlatformError('invalid_argument', `tensor '${tensor.slice(0, 64)}' ${what}`);
}

/** Of a value, in a message. */
const SHOWN_MAX = 40;

function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}

export class Tensor {
  private decoded: readonly string[] | undefined;

  private constructor(
    readonly name: string,
    readonly datatype: Datatype,
    readonly shape: readonly number[],
    readonly count: number,
    private readonly bytes: Uint8Array,
    private readonly start: number,
    private readonly end: number,
    private readonly view: DataView,
    readonly parameters: Parameters,
  ) {}

  /**
   * Lays a tensor over [start, end) of `bytes` without copying; throws invalid_argument where size and shape differ.
   */
  static raw(
    name: string,
    datatype: Datatype,
    shape: readonly number[],
    bytes: Uint8Array,
    start = 0,
    end = bytes.length,
    view: DataView = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    parameters: Parameters = NO_PARAMETERS,
  ): Tensor {
    const count = elementCount(shape, name);
    const size = ELEMENT_BYTES[datatype];
    if (size > 0) {
      if (end - start !== count * size) {
        fault(name, `carries ${end - start} bytes, shape [${shape.join(',')}] of ${datatype} needs ${count * size}`);
      }
    } else {
      let at = start;
      for (let i = 0; i < count; i++) {
        if (at + 4 > end) fault(name, `carries fewer than ${count} BYTES elements`);
        at += 4 + view.getUint32(at, true);
        if (at > end) fault(name, `carries a BYTES element that runs past the end`);
      }
      if (at !== end) fault(name, `carries ${end - at} bytes after its ${count} BYTES elements`);
    }
    return new Tensor(name, datatype, shape, count, bytes, start, end, view, parameters);
  }

  /** From values (typed contents, JSON, results); each is checked against the datatype's range. */
  static of(
    name: string,
    datatype: Datatype | string,
    shape: readonly number[],
    values: TypedValues | readonly ElementValue[],
    parameters: Parameters = NO_PARAMETERS,
  ): Tensor {
    const type = parseDatatype(datatype, name);
    const count = elementCount(shape, name);
    if (values.length !== count) {
      fault(name, `carries ${values.length} elements, shape [${shape.join(',')}] needs ${count}`);
    }
    const bytes = ArrayBuffer.isView(values) && matches(type, values) ? viewBytes(values) : pack(name, type, values);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new Tensor(name, type, shape, count, bytes, 0, bytes.length, view, parameters);
  }

  /** The same elements under another name; no copy. */
  named(name: string): Tensor {
    const { datatype, shape, count, bytes, start, end, view } = this;
    return new Tensor(name, datatype, shape, count, bytes, start, end, view, NO_PARAMETERS);
  }

  /** The same tensor with bytes of its own, for keeping beyond the message or batch that it is a view of. */
  copy(): Tensor {
    const { name, datatype, shape, count, parameters } = this;
    // `new Uint8Array(view)` copies for every kind of byte array, slice() of a Buffer does not.
    const bytes = new Uint8Array(this.rawBytes());
    return new Tensor(name, datatype, shape, count, bytes, 0, bytes.length, new DataView(bytes.buffer), parameters);
  }

  /** The bytes as they travel; a view, not a copy. */
  rawBytes(): Uint8Array {
    return this.start === 0 && this.end === this.bytes.length ? this.bytes : this.bytes.subarray(this.start, this.end);
  }

  get byteLength(): number {
    return this.end - this.start;
  }

  /** Copies the bytes into `into` at `at`. */
  copyTo(into: Uint8Array, at: number): void {
    const { bytes, start, end } = this;
    if (end - start <= 32) for (let i = start; i < end; i++) into[at + i - start] = bytes[i] as number;
    else into.set(this.rawBytes(), at);
  }

  /** Element as a number (BOOL as 0 or 1, 64-bit integers rounded to the nearest double); throws for BYTES. */
  number(index: number): number {
    const { view, start } = this;
    switch (this.datatype) {
      case 'FP64':
        return view.getFloat64(start + index * 8, true);
      case 'FP32':
        return view.getFloat32(start + index * 4, true);
      case 'INT64':
        // Exact up to 2^53, and without the cost of a BigInt.
        return view.getInt32(start + index * 8 + 4, true) * 4294967296 + view.getUint32(start + index * 8, true);
      case 'UINT64':
        return view.getUint32(start + index * 8 + 4, true) * 4294967296 + view.getUint32(start + index * 8, true);
      case 'INT32':
        return view.getInt32(start + index * 4, true);
      case 'UINT32':
        return view.getUint32(start + index * 4, true);
      case 'INT16':
        return view.getInt16(start + index * 2, true);
      case 'UINT16':
        return view.getUint16(start + index * 2, true);
      case 'INT8':
        return view.getInt8(start + index);
      case 'UINT8':
        return view.getUint8(start + index);
      case 'BOOL':
        return view.getUint8(start + index) ? 1 : 0;
      case 'FP16':
        return halfToNumber(view.getUint16(start + index * 2, true));
      case 'BF16':
        return bfloatToNumber(view.getUint16(start + index * 2, true));
      case 'BYTES':
        return fault(this.name, 'is of BYTES, a number was asked for');
    }
  }

  /** BYTES elements as texts; an element that is not UTF-8 is invalid_argument naming the tensor. */
  texts(): readonly string[] {
    if (this.decoded) return this.decoded;
    const texts = new Array<string>(this.count);
    let at = this.start;
    for (let i = 0; i < this.count; i++) {
      const length = this.view.getUint32(at, true);
      texts[i] = this.decode(at + 4, at + 4 + length);
      at += 4 + length;
    }
    this.decoded = texts;
    return texts;
  }

  private decode(start: number, end: number): string {
    try {
      return decodeText(this.bytes, start, end);
    } catch {
      return fault(this.name, 'has an element that is not valid UTF-8');
    }
  }

  /** BYTES elements as views. */
  elements(): Uint8Array[] {
    if (this.datatype !== 'BYTES') fault(this.name, `is of ${this.datatype}, not BYTES`);
    const out: Uint8Array[] = [];
    let at = this.start;
    for (let i = 0; i < this.count; i++) {
      const length = this.view.getUint32(at, true);
      out.push(this.bytes.subarray(at + 4, at + 4 + length));
      at += 4 + length;
    }
    return out;
  }

  /**
   * A typed array over the bytes: no copy where they are aligned. BOOL is Uint8Array, FP16 and BF16 their bits; not for
   * BYTES.
   */
  typed(): TypedValues {
    const size = ELEMENT_BYTES[this.datatype];
    if (size === 0) fault(this.name, 'is of BYTES and has no typed array');
    let raw = this.rawBytes();
    // Buffer.slice() would be a view: only `new Uint8Array(view)` copies for every kind of byte array.
    if (raw.byteOffset % size !== 0) raw = new Uint8Array(raw);
    return overlay(this.datatype, raw.buffer as ArrayBuffer, raw.byteOffset, this.count);
  }

  /**
   * All elements in JavaScript's own kinds: boolean, number, bigint for 64-bit integers, string for BYTES (lossy
   * UTF-8).
   */
  toValues(): (number | bigint | boolean | string)[] {
    if (this.datatype === 'BYTES') {
      return this.elements().map((element) => decodeTextLossy(element, 0, element.length));
    }
    const out: (number | bigint | boolean)[] = new Array(this.count);
    for (let i = 0; i < this.count; i++) {
      if (this.datatype === 'BOOL') out[i] = this.number(i) === 1;
      else if (this.datatype === 'INT64') out[i] = this.view.getBigInt64(this.start + i * 8, true);
      else if (this.datatype === 'UINT64') out[i] = this.view.getBigUint64(this.start + i * 8, true);
      else out[i] = this.number(i);
    }
    return out;
  }
}

function overlay(datatype: Datatype, buffer: ArrayBuffer, offset: number, count: number): TypedValues {
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
    case 'BYTES':
      return new Uint8Array(buffer, offset, count);
    case 'INT8':
      return new Int8Array(buffer, offset, count);
    case 'UINT16':
    case 'FP16':
    case 'BF16':
      return new Uint16Array(buffer, offset, count);
    case 'INT16':
      return new Int16Array(buffer, offset, count);
    case 'UINT32':
      return new Uint32Array(buffer, offset, count);
    case 'INT32':
      return new Int32Array(buffer, offset, count);
    case 'UINT64':
      return new BigUint64Array(buffer, offset, count);
    case 'INT64':
      return new BigInt64Array(buffer, offset, count);
    case 'FP32':
      return new Float32Array(buffer, offset, count);
    case 'FP64':
      return new Float64Array(buffer, offset, count);
  }
}

function viewBytes(values: TypedValues): Uint8Array {
  return new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength);
}

/**
 * The typed array is already laid out as the datatype travels (JavaScript runs little-endian on every supported
 * machine).
 */
function matches(datatype: Datatype, values: ArrayBufferView): boolean {
  switch (datatype) {
    case 'UINT8':
      return values instanceof Uint8Array;
    case 'INT8':
      return values instanceof Int8Array;
    case 'UINT16':
    case 'FP16':
    case 'BF16':
      return values instanceof Uint16Array;
    case 'INT16':
      return values instanceof Int16Array;
    case 'UINT32':
      return values instanceof Uint32Array;
    case 'INT32':
      return values instanceof Int32Array;
    case 'UINT64':
      return values instanceof BigUint64Array;
    case 'INT64':
      return values instanceof BigInt64Array;
    case 'FP32':
      return values instanceof Float32Array;
    case 'FP64':
      return values instanceof Float64Array;
    default:
      return false;
  }
}

const INTEGER_RANGE: Partial<Record<Datatype, readonly [bigint, bigint]>> = {
  UINT8: [0n, 255n],
  UINT16: [0n, 65535n],
  UINT32: [0n, 4294967295n],
  UINT64: [0n, 18446744073709551615n],
  INT8: [-128n, 127n],
  INT16: [-32768n, 32767n],
  INT32: [-2147483648n, 2147483647n],
  INT64: [-9223372036854775808n, 9223372036854775807n],
};

function pack(tensor: string, datatype: Datatype, values: TypedValues | readonly ElementValue[]): Uint8Array {
  if (datatype === 'BYTES') return packBytes(tensor, values as readonly ElementValue[]);
  const size = ELEMENT_BYTES[datatype];
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  const range = INTEGER_RANGE[datatype];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as ElementValue;
    if (datatype === 'BOOL') {
      if (typeof value === 'boolean') bytes[i] = value ? 1 : 0;
      else if (value === 0 || value === 1) bytes[i] = value;
      else fault(tensor, `element ${i} is not a BOOL: ${shown(value)}`);
    } else if (range) packInteger(view, i * size, datatype, integer(tensor, i, value, datatype, range));
    else packFloat(view, i * size, datatype, float(tensor, i, value, datatype));
  }
  return bytes;
}

function integer(
  tensor: string,
  index: number,
  value: ElementValue,
  datatype: Datatype,
  range: readonly [bigint, bigint],
): number | bigint {
  if (typeof value === 'bigint' ? value >= range[0] && value <= range[1] : Number.isInteger(value)) {
    if (typeof value === 'bigint') return value;
    const number = value as number;
    if (number >= Number(range[0]) && number <= Number(range[1])) {
      const wide = datatype === 'INT64' || datatype === 'UINT64';
      if (!wide) return number;
      const big = BigInt(number);
      if (big >= range[0] && big <= range[1]) return big;
    }
  }
  return fault(tensor, `element ${index} is not of ${datatype}: ${shown(value)}`);
}

function float(tensor: string, index: number, value: ElementValue, datatype: Datatype): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return fault(tensor, `element ${index} is not of ${datatype}: ${shown(value)}`);
}

function packInteger(view: DataView, at: number, datatype: Datatype, value: number | bigint): void {
  switch (ELEMENT_BYTES[datatype]) {
    case 1:
      view.setUint8(at, Number(value));
      return;
    case 2:
      view.setUint16(at, Number(value), true);
      return;
    case 4:
      view.setUint32(at, Number(value), true);
      return;
    default:
      view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
  }
}

function packFloat(view: DataView, at: number, datatype: Datatype, value: number): void {
  if (datatype === 'FP32') view.setFloat32(at, value, true);
  else if (datatype === 'FP64') view.setFloat64(at, value, true);
  else view.setUint16(at, datatype === 'FP16' ? numberToHalf(value) : numberToBfloat(value), true);
}

function packBytes(tensor: string, values: readonly ElementValue[]): Uint8Array {
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'string') total += 4 + textBytes(value);
    else if (value instanceof Uint8Array) total += 4 + value.length;
    else fault(tensor, `element ${i} is not of BYTES: ${shown(value)}`);
  }
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const value of values) {
    const start = at + 4;
    if (typeof value === 'string') at = writeText(value, bytes, start);
    else {
      bytes.set(value as Uint8Array, start);
      at = start + (value as Uint8Array).length;
    }
    view.setUint32(start - 4, at - start, true);
  }
  return bytes;
}
