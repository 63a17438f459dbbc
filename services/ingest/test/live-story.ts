// A story of rows and labels for processes that are disturbed, with late, repeated and corrected ones; and what of the
// versions that come of it must be the same however it is disturbed.

import type { DatasetVersion } from '@millrace/contracts';
import { DELAY_MS, label, record, STEP_MS, type World } from './live-process.js';

export const PER_STEP = 8;

/** What is sent before step `step`; rows and labels in the order of time, with a few that are odd. */
export function sendStep(target: World, step: number): void {
  const partitions = target.progress.length;
  for (let row = step * PER_STEP; row < (step + 1) * PER_STEP; row++) {
    const atMs = row * STEP_MS;
    target.send(record(target, `r${row}`, atMs), row % partitions);
    // Sent twice by its sender, the second time otherwise.
    if (row === 40) target.send(record(target, 'r40', atMs, { size: -1 }), row % partitions);
    // Its span has closed; and one that is in that version already.
    if (row === 100) target.send(record(target, 'late', 10_000), row % partitions);
    if (row === 101) target.send(record(target, 'r4', 8_000), row % partitions);
    const due = row - DELAY_MS / STEP_MS;
    if (due >= 0 && due % 3 > 0) target.send(label(`r${due}`, due * STEP_MS, due % 3 === 1 ? 1 : 0), due % partitions);
    // Corrected, by way of another partition.
    if (due >= 0 && due % 10 === 1)
      target.send(label(`r${due}`, due * STEP_MS, 0, row * STEP_MS + 1), (due + 1) % partitions);
  }
}

export function shapeOf(version: DatasetVersion) {
  const { id, rows, labelledRows, lateRows, repeatedRows, windowStartMs, ordinal, parent, offsets } = version;
  return { id, rows, labelledRows, lateRows, repeatedRows, windowStartMs, ordinal, parent, offsets };
}
