// How far two versions' answers to one request lie apart, row by row. Deciding outputs are texts, booleans and whole
// numbers: a row disagrees where one of them differs. An answer without any (a regression, raw scores) disagrees where
// its first output differs by more than the noise of float32. The difference is |live - shadow| of the first output,
// over the elements that are finite in both; an element that is finite in one alone disagrees. O(elements); answers
// come here bounded in bytes (shadow-copies.ts).

import type { InferResponse, Tensor } from '@millrace/inference';

export interface Compared {
  rows: number;
  disagreeing: number;
  /** Elements of the first output that are finite in both, and the sum of their differences. */
  elements: number;
  differenceSum: number;
  /** Elements of the first output that are finite in one answer alone. */
  notFinite: number;
}

/** Relative: another order of a float32 sum over a thousand terms stays below. */
const FLOAT_NOISE = 1e-5;

/** undefined: the answers have other outputs or shapes, so that nothing can be said. */
export function compareAnswers(live: InferResponse, shadow: InferResponse): Compared | undefined {
  const pairs: [Tensor, Tensor][] = [];
  for (const output of live.outputs) {
    const other = shadow.outputs.find(({ name }) => name === output.name);
    if (other === undefined || !alike(output, other)) return undefined;
    pairs.push([output, other]);
  }
  const [first] = pairs;
  if (first === undefined) return undefined;
  const rows = first[0].shape.length === 0 ? 1 : (first[0].shape[0] as number);
  if (rows === 0 || pairs.some(([{ count }]) => count % rows !== 0)) return undefined;
  const differs = new Uint8Array(rows);
  const deciding = pairs.filter(([{ datatype }]) => !isFloat(datatype));
  for (const [a, b] of deciding) markDifferent(differs, a, b);
  const told: Compared = { rows, disagreeing: 0, elements: 0, differenceSum: 0, notFinite: 0 };
  if (isNumeric(first[0])) addDifferences(told, differs, first, deciding.length === 0);
  for (let row = 0; row < rows; row++) told.disagreeing += differs[row] as number;
  return told;
}

function addDifferences(told: Compared, differs: Uint8Array, [a, b]: [Tensor, Tensor], decides: boolean): void {
  const width = a.count / told.rows;
  for (let i = 0; i < a.count; i++) {
    const [x, y] = [a.number(i), b.number(i)];
    const row = Math.floor(i / width);
    if (Number.isFinite(x) && Number.isFinite(y)) {
      const difference = Math.abs(x - y);
      told.elements += 1;
      told.differenceSum += difference;
      if (decides && difference > FLOAT_NOISE * Math.max(1, Math.abs(x), Math.abs(y))) differs[row] = 1;
    } else if (Number.isFinite(x) !== Number.isFinite(y)) {
      told.notFinite += 1;
      differs[row] = 1;
    }
  }
}

function markDifferent(differs: Uint8Array, a: Tensor, b: Tensor): void {
  const [left, right] = [a.toValues(), b.toValues()];
  const width = a.count / differs.length;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) differs[Math.floor(i / width)] = 1;
}

function alike(a: Tensor, b: Tensor): boolean {
  return (
    a.datatype === b.datatype &&
    a.shape.length === b.shape.length &&
    a.shape.every((size, axis) => size === b.shape[axis])
  );
}

const isFloat = (datatype: string): boolean => datatype.startsWith('FP') || datatype === 'BF16';
const isNumeric = ({ datatype }: Tensor): boolean => datatype !== 'BYTES' && datatype !== 'BOOL';
