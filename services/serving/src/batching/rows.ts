// Rows of several requests as one tensor and back. Dimension 0 counts rows; bytes of all datatypes are row-major and
// little-endian, BYTES elements length-prefixed, so that joining is putting bytes one after the other. Where rows
// differ in a variable dimension they are padded with zeros (BYTES: empty elements) up to the shape of their bucket,
// and what the model answers is cropped back.

import { PlatformError } from '@millrace/domain';
import { ELEMENT_BYTES, Tensor } from '@millrace/inference';

/** `rowShape`: every tensor's shape without dimension 0, padded up; none of its sizes is below that of a tensor. */
export function joinRows(tensors: readonly Tensor[], rowShape: readonly number[]): Tensor {
  const first = tensors[0] as Tensor;
  let rows = 0;
  let bytes = 0;
  let padded = false;
  for (const tensor of tensors) {
    rows += tensor.shape[0] as number;
    bytes += tensor.byteLength;
    padded ||= !sameRow(tensor.shape, rowShape);
  }
  if (padded) {
    const whole = tensors.map((tensor) => padRows(tensor, rowShape));
    return whole.length === 1 ? (whole[0] as Tensor) : joinRows(whole, rowShape);
  }
  if (tensors.length === 1) return first;
  const joined = new Uint8Array(bytes);
  let at = 0;
  for (const tensor of tensors) {
    tensor.copyTo(joined, at);
    at += tensor.byteLength;
  }
  return Tensor.raw(first.name, first.datatype, [rows, ...rowShape], joined);
}

function sameRow(shape: readonly number[], rowShape: readonly number[]): boolean {
  for (let i = 0; i < rowShape.length; i++) if (shape[i + 1] !== rowShape[i]) return false;
  return true;
}

/** Cuts `tensor` into consecutive runs of rows, as views. Throws internal where it has not exactly as many rows. */
export function splitRows(tensor: Tensor, counts: readonly number[]): Tensor[] {
  const { name, datatype, shape } = tensor;
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (shape[0] !== total) {
    throw new PlatformError(
      'internal',
      `output '${name}' of the model has shape [${shape.join(',')}] for ${total} rows`,
    );
  }
  if (counts.length === 1) return [tensor];
  const bytes = tensor.rawBytes();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rowShape = shape.slice(1);
  const rowElements = rowShape.reduce((product, size) => product * size, 1);
  const size = ELEMENT_BYTES[datatype];
  let at = 0;
  return counts.map((rows) => {
    let end = at + rows * rowElements * size;
    if (size === 0) for (let left = rows * rowElements; left > 0; left--) end += 4 + view.getUint32(end, true);
    const part = Tensor.raw(name, datatype, [rows, ...rowShape], bytes, at, end, view);
    at = end;
    return part;
  });
}

/** Copies a block of `from` into the same corner of `to`; both row-major with the same rank. */
function eachRun(
  from: readonly number[],
  to: readonly number[],
  copy: (fromElement: number, toElement: number, elements: number) => void,
): void {
  const rank = from.length;
  const common = from.map((size, i) => Math.min(size, to[i] as number));
  const run = common[rank - 1] as number;
  const index = new Array<number>(rank).fill(0);
  if (common.some((size) => size === 0)) return;
  for (;;) {
    let fromAt = 0;
    let toAt = 0;
    for (let i = 0; i < rank; i++) {
      fromAt = fromAt * (from[i] as number) + (index[i] as number);
      toAt = toAt * (to[i] as number) + (index[i] as number);
    }
    copy(fromAt, toAt, run);
    let axis = rank - 2;
    while (axis >= 0 && ++(index[axis] as number) === common[axis]) index[axis--] = 0;
    if (axis < 0) return;
  }
}

/** The tensor in another shape of the same rank: what is beyond is zero or empty, what does not fit is left out. */
export function reshapeRows(tensor: Tensor, shape: readonly number[]): Tensor {
  const { name, datatype } = tensor;
  const size = ELEMENT_BYTES[datatype];
  const count = shape.reduce((product, one) => product * one, 1);
  if (size === 0) {
    const elements = tensor.elements();
    const values = new Array<Uint8Array | string>(count).fill('');
    eachRun(tensor.shape, shape, (from, to, run) => {
      for (let i = 0; i < run; i++) values[to + i] = elements[from + i] as Uint8Array;
    });
    return Tensor.of(name, datatype, shape, values);
  }
  const source = tensor.rawBytes();
  const bytes = new Uint8Array(count * size);
  eachRun(tensor.shape, shape, (from, to, run) => {
    bytes.set(source.subarray(from * size, (from + run) * size), to * size);
  });
  return Tensor.raw(name, datatype, shape, bytes);
}

function padRows(tensor: Tensor, rowShape: readonly number[]): Tensor {
  return sameRow(tensor.shape, rowShape)
    ? tensor
    : reshapeRows(tensor, [tensor.shape[0] as number, ...rowShape]).named(tensor.name);
}

/** A dimension of an input that was padded for one request. */
export interface PaddedDimension {
  /** Position in the shape, dimension 0 being the rows. */
  readonly axis: number;
  readonly own: number;
  readonly padded: number;
}

/**
 * Takes the padding out of an answer: a variable dimension of the output (-1 in `declared`) that has a padded size is
 * cut to the request's own size where an input's same axis was padded to that size. Other axes stay: an equal size
 * there may be the model's own.
 */
export function cropRows(tensor: Tensor, declared: readonly number[], paddings: readonly PaddedDimension[]): Tensor {
  const shape = tensor.shape.map((size, axis) => {
    if (axis === 0 || declared[axis] !== -1) return size;
    return paddings.find((padding) => padding.axis === axis && padding.padded === size)?.own ?? size;
  });
  return shape.every((size, axis) => size === tensor.shape[axis]) ? tensor : reshapeRows(tensor, shape);
}
