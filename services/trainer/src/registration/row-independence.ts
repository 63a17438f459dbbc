// Whether a model answers each row by itself. Serving asks it rows of several requests together, and predictions of
// one row alone: one whose answer depends on its neighbours (a normalisation over the batch), or on chance, would
// answer the same row differently each time, and be judged by answers that nobody gets.

import { PlatformError, rowNumber } from '@millrace/domain';
import type { RawColumns } from '@millrace/features';
import { type Binding, boundColumns } from '@millrace/inference';

/** Spread over all rows. */
const PROBED_ROWS = 24;
/** Arithmetic in other orders differs by less: 32-bit floats have 7 digits. */
const TOLERANCE = 1e-3;

type Scored = { columns: RawColumns; rows: number };

/**
 * @param scores of the rows, asked together
 * @throws PlatformError 'invalid_argument' that names a row and both answers
 */
export async function refuseDependentRows(
  binding: Binding,
  { columns, rows }: Scored,
  scores: ArrayLike<number>,
  score: (rows: Scored) => Promise<ArrayLike<number>>,
): Promise<void> {
  const names = boundColumns(binding);
  const step = Math.max(1, Math.floor(rows / PROBED_ROWS));
  for (let row = 0; row < rows; row += step) {
    const alone = await score({ columns: rowOf(columns, names, row), rows: 1 });
    const [apart, together] = [alone[0] as number, scores[row] as number];
    if (Math.abs(apart - together) <= TOLERANCE * Math.max(1, Math.abs(together))) continue;
    throw new PlatformError(
      'invalid_argument',
      `row ${rowNumber(row)} is answered ${figure(together)} among other rows and ${figure(apart)} alone: requests are asked ` +
        'together, so an answer may depend on its row only, and not on chance. Export the model for inference (a ' +
        'normalisation over the batch, or dropout, is of training)',
    );
  }
}

function rowOf(columns: RawColumns, names: readonly string[], row: number): RawColumns {
  return Object.fromEntries(names.map((name) => [name, [columns[name]?.[row] ?? null]]));
}

const figure = (score: number): string => String(Number(score.toPrecision(4)));
