// The declared shift of a replay: an operation on raw feature values from a given share of the live rows on.

import type { Scalar } from '@millrace/domain';
import type { ReplaySpec } from '@millrace/project';

type Operation = NonNullable<ReplaySpec['shift']>['operations'][number];

/** Applies the operations in place; values that are not numbers stay as they are. */
export function applyShift(values: Record<string, Scalar>, operations: readonly Operation[]): void {
  for (const operation of operations) {
    const value = values[operation.feature];
    if (typeof value !== 'number') continue;
    values[operation.feature] = shifted(value, operation);
  }
}

function shifted(value: number, operation: Operation): number {
  const moved =
    operation.operation === 'add'
      ? value + operation.value
      : operation.operation === 'multiply'
        ? value * operation.value
        : operation.value;
  if (operation.modulo === undefined) return moved;
  return ((moved % operation.modulo) + operation.modulo) % operation.modulo;
}

/** Index of the first shifted row; `rows` when there is no shift. */
export function shiftStart(rows: number, shift: ReplaySpec['shift'] | undefined): number {
  return shift === undefined ? Number.POSITIVE_INFINITY : Math.round(rows * shift.fromShare);
}
