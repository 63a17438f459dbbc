// Rows of a project's columns as the tensors of a bound model. A missing value is NaN in a tensor of floating-point
// numbers and an empty text in one of BYTES; in one of integers or flags there is nothing that could stand for it, so
// the rows are refused. Cost: one pass over the values; nothing is copied twice.

import { PlatformError, rowNumber } from '@millrace/domain';
import { isMissing, type RawColumns } from '@millrace/features';
import { FLOATS } from '../nulls.js';
import { type ElementValue, Tensor } from '../tensor.js';
import { type Binding, type BoundInput, rowWidth } from './binding.js';

/** Throws invalid_argument, naming row, column, value and tensor, where a value cannot be one of its tensor. */
export function tensorsOfRows(binding: Pick<Binding, 'inputs'>, columns: RawColumns, rows: number): Tensor[] {
  return binding.inputs.map((input) => tensorOfRows(input, columns, rows));
}

function tensorOfRows(input: BoundInput, columns: RawColumns, rows: number): Tensor {
  const { tensor, datatype, shape } = input;
  const width = rowWidth(shape);
  const isFloat = FLOATS.has(datatype);
  const values: ElementValue[] | Float32Array =
    datatype === 'FP32' ? new Float32Array(rows * width) : new Array(rows * width);
  for (let at = 0; at < width; at++) {
    const name = input.columns[at] as string;
    const column = columns[name];
    if (column === undefined) throw new PlatformError('invalid_argument', `column '${name}' is not there`);
    for (let row = 0; row < rows; row++) {
      const value = column[row];
      let element: ElementValue;
      if (isMissing(value)) {
        if (isFloat) element = Number.NaN;
        else if (datatype === 'BYTES') element = '';
        else throw refusal(row, name, `is missing, and tensor '${tensor}' of ${datatype} has no missing value`);
      } else if (typeof value === 'string') {
        if (datatype !== 'BYTES')
          throw refusal(row, name, `is '${shortened(value)}', tensor '${tensor}' is of ${datatype}`);
        element = value;
      } else if (datatype === 'BYTES') {
        throw refusal(row, name, `is ${value}, no text, and tensor '${tensor}' is of BYTES`);
      } else if (isFloat || datatype === 'BOOL') {
        element = typeof value === 'boolean' && isFloat ? Number(value) : value;
      } else {
        if (!Number.isInteger(Number(value)))
          throw refusal(row, name, `is ${value}, tensor '${tensor}' is of ${datatype}`);
        element = Number(value);
      }
      values[row * width + at] = element as number;
    }
  }
  return Tensor.of(tensor, datatype, [rows, ...shape], values);
}

function refusal(row: number, column: string, what: string): PlatformError {
  return new PlatformError('invalid_argument', `row ${rowNumber(row)}: column '${column}' ${what}`);
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
