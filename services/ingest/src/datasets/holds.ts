// Legal holds of a project as commands change them. Each stays on record, also when it is taken off.

import type { HoldAction, HoldProgress } from '@millrace/contracts';

/** The hold as it becomes; null = nothing changes: it was carried out before, or there is none of this id in force. */
export function holdAfter(
  holds: readonly HoldProgress[],
  project: string,
  commandId: string,
  action: HoldAction,
  atMs: number,
): HoldProgress | null {
  const { reason, by } = action;
  if (action.kind === 'addHold') {
    if (holds.some(({ id }) => id === commandId)) return null;
    const { dataset, model } = action;
    const inForce = { removedAtMs: 0, removedBy: '', removedReason: '' };
    return { kind: 'hold', id: commandId, project, dataset, model, reason, by, atMs, ...inForce };
  }
  const known = holds.find(({ id }) => id === action.holdId);
  if (known === undefined || known.removedAtMs > 0) return null;
  return { ...known, removedAtMs: atMs, removedBy: by, removedReason: reason };
}
