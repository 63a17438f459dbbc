// Scores rows by a bound model, a batch of rows a request. Where a server takes fewer rows at once than are sent, the
// batch is halved until it does; what one row cannot be answered for is the row's fault, and is said with its number.

import { indexNamed, PlatformError, rowNumber, rowOfWhole, type Task } from '@millrace/domain';
import { isMissing, type RawColumns } from '@millrace/features';
import { type Binding, boundColumns, scoresOfAnswer, tensorsOfRows } from '@millrace/inference';
import type { OpenModel } from './open-model.js';

/** A request of 500 numbers a row is 2 MB; larger ones gain nothing (measured: libs/inference packs 1 M rows/s). */
const ROWS_AT_ONCE = 1_024;

/** `told` hears how many rows are scored. */
export async function boundScores(
  model: OpenModel,
  binding: Binding,
  task: Task,
  { columns, rows }: { columns: RawColumns; rows: number },
  told: (rows: number) => void = () => undefined,
): Promise<Float32Array> {
  const scores = new Float32Array(rows);
  let atOnce = ROWS_AT_ONCE;
  for (let start = 0; start < rows; ) {
    const count = Math.min(atOnce, rows - start);
    try {
      scores.set(await batch(model, binding, task, columns, start, count), start);
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (count > 1 && error.code === 'invalid_argument' && !(thrown instanceof RowError)) {
        atOnce = Math.floor(count / 2);
        continue;
      }
      throw thrown instanceof RowError ? error : ofBatch(error, start, count);
    }
    start += count;
    told(start);
  }
  return scores;
}

/** The fault of a value, not of the size of the batch. */
class RowError extends PlatformError {}

async function batch(
  model: OpenModel,
  binding: Binding,
  task: Task,
  columns: RawColumns,
  start: number,
  count: number,
): Promise<Float64Array> {
  const part = Object.fromEntries(
    boundColumns(binding).map((name) => [name, Array.prototype.slice.call(columns[name], start, start + count)]),
  );
  const tensors = ofRows(start, () => tensorsOfRows(binding, part, count));
  const answer = await model.infer(tensors);
  try {
    return ofRows(start, () => scoresOfAnswer(binding, task, answer, count));
  } catch (thrown) {
    throw withMissing(PlatformError.from(thrown), columns, binding);
  }
}

/** What the row that was not answered well lacks is mostly why. */
function withMissing(error: PlatformError, columns: RawColumns, binding: Binding): PlatformError {
  const row = indexNamed(error.reason);
  const lacking = row === undefined ? [] : boundColumns(binding).filter((name) => isMissing(columns[name]?.[row]));
  if (lacking.length === 0) return error;
  const names = lacking.map((name) => `'${name}'`).join(', ');
  return new RowError(
    error.code,
    `${error.reason}; the row has no value for ${names}: put what fills missing values (an imputer) into the model, or ` +
      'leave such rows out of the data',
    { cause: error },
  );
}

/** What befell a whole batch may be the fault of any row of it. */
function ofBatch(error: PlatformError, start: number, count: number): PlatformError {
  const { code, reason, retry, facts } = error;
  const rows = count === 1 ? `row ${rowNumber(start)}` : `rows ${rowNumber(start)} to ${start + count}`;
  return new PlatformError(code, `${rows}: ${reason}`, { retry, facts, cause: error });
}

/** Faults name the row within the batch; here within all rows. */
function ofRows<T>(start: number, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    const { reason } = PlatformError.from(thrown);
    throw new RowError('invalid_argument', rowOfWhole(reason, start), { cause: thrown });
  }
}
