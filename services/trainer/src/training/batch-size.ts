// The global batch of a training: the project's, or smaller where so few rows would leave too few updates per epoch.

/**
 * Updates per epoch below which the batch shrinks, and the smallest batch; both measured on warm starts with 7,000 and
 * 11,000 rows (512 beat 256 and 2,048).
 */
const STEPS_PER_EPOCH_MIN = 25;
const BATCH_ROWS_MIN = 512;

export function batchRowsFor(rows: number, batchRows: number): number {
  let batch = batchRows;
  while (batch / 2 >= BATCH_ROWS_MIN && rows / batch < STEPS_PER_EPOCH_MIN) batch = Math.floor(batch / 2);
  return batch;
}
