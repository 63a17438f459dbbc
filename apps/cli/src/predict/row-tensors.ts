// Columns of a file as the tensors of one request, and answers as values of output columns.

import {
  type ElementValue,
  FLOATS,
  type InferResponse,
  Tensor,
  type TensorSpec,
  tensorOfValues,
} from '@millrace/inference';

/** null = missing; an array for tensors of more than one element a row. */
export type CellValue = number | bigint | boolean | string | null | readonly (number | bigint | boolean | string)[];

export interface InputColumn {
  readonly spec: TensorSpec;
  /** Elements a row; 1 for shapes [N] and [N,1]. */
  readonly elements: number;
}

/** Elements a row of a tensor, or undefined where a row has no fixed size. */
export function rowElements(shape: readonly number[]): number | undefined {
  if (shape.length === 0) return undefined;
  const inner = shape.slice(1);
  return inner.every((size) => size > 0) ? inner.reduce((product, size) => product * size, 1) : undefined;
}

/** Rows `from` to `to` of a column. Throws invalid_argument where a value does not fit. */
export function tensorOf(
  { spec, elements }: InputColumn,
  values: readonly CellValue[],
  from: number,
  to: number,
): Tensor {
  const { name, datatype, shape } = spec;
  const count = to - from;
  const whole = [count, ...shape.slice(1)];
  if (elements > 1) {
    const flat: ElementValue[] = [];
    for (let row = from; row < to; row++) for (const value of values[row] as readonly ElementValue[]) flat.push(value);
    return Tensor.of(name, datatype, whole, flat);
  }
  const own = values.slice(from, to) as (ElementValue | null)[];
  // As every client of the protocol sends them, whatever the model: NaN and an empty text. Others have no such value.
  const stand = datatype === 'BYTES' ? '' : FLOATS.has(datatype) ? Number.NaN : null;
  return tensorOfValues(name, datatype, whole, stand === null ? own : own.map((value) => value ?? stand));
}

/** The outputs of an answer, row by row. */
export function answerRows(response: InferResponse, outputs: readonly TensorSpec[], rows: number): CellValue[][] {
  const columns = outputs.map(({ name }) => {
    const tensor = response.outputs.find((output) => output.name === name);
    return tensor === undefined ? undefined : { values: tensor.toValues(), each: tensor.count / rows };
  });
  return Array.from({ length: rows }, (_, row) =>
    columns.map((column) => {
      if (column === undefined) return null;
      const { values, each } = column;
      return each === 1 ? (values[row] as CellValue) : values.slice(row * each, (row + 1) * each);
    }),
  );
}
