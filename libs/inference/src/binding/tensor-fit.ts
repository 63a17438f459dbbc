// Does a column fit a tensor, and what is the shape of one row of a tensor that takes so many columns.

import { PlatformError } from '@millrace/domain';
import type { SignatureInput } from '@millrace/features';
import type { TensorSpec } from '../metadata.js';

/** Texts go only into BYTES and nothing else does; flags and times are numbers for every other tensor. */
export function takes(tensor: TensorSpec, { type }: SignatureInput): boolean {
  if (tensor.datatype === 'BYTES' || type === 'text') return tensor.datatype === 'BYTES' && type === 'text';
  return tensor.datatype !== 'BOOL' || type === 'boolean';
}

/**
 * Shape of one row where the tensor takes `columns` values a row; undefined where it does not. A size that the model
 * leaves open is the number of columns. Throws invalid_argument where the tensor has no open batch dimension.
 */
export function rowShape(tensor: TensorSpec, columns: number): number[] | undefined {
  const [batch, ...row] = tensor.shape;
  if (batch === undefined || batch >= 0) throw new PlatformError('invalid_argument', batchless(tensor));
  if (row.filter((size) => size < 0).length > 1) return undefined;
  const fixed = row.reduce((product, size) => (size < 0 ? product : product * size), 1);
  const shape = row.map((size) => (size < 0 ? columns / fixed : size));
  const isWhole = shape.every((size) => Number.isInteger(size) && size >= 1);
  return isWhole && shape.reduce((product, size) => product * size, 1) === columns ? shape : undefined;
}

function batchless({ name, datatype, shape }: TensorSpec): string {
  return (
    `tensor '${name}' ${datatype} [${shape.join(',')}] takes rows by the piece: its first size is not open. Export the ` +
    `model with an open batch size (torch.onnx.export: dynamic_axes={'${name}': {0: 'n'}}; skl2onnx: ` +
    `FloatTensorType([None, k]); TensorFlow: tf.TensorSpec([None, k]))`
  );
}

/** A name without what tools change in it: case, blanks, brackets, a ':0' at its end. */
export function spelled(name: string): string {
  return name
    .replace(/:\d+$/, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_|_$/g, '');
}
