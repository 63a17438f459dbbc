// The chain of a writer's entries: each has the hash of the one before it and of all that it says, so that an entry
// that was changed, or taken out of the middle, is seen. sha256 = SHA-256 of the JSON of all other fields, in the
// order of their names.

import { createHash } from 'node:crypto';
import type { AuditEntry } from '@millrace/contracts';

export function hashOf({ sha256: _, ...entry }: Omit<AuditEntry, 'sha256'> & { sha256?: string }): string {
  const fields = Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex');
}

/** Follows the writers. What retention has deleted is the beginning of a chain: the first that is seen is taken. */
export class AuditChains {
  /** By writer, the one that was heard longest ago first. */
  private readonly last = new Map<string, Pick<AuditEntry, 'sequence' | 'sha256'>>();

  /** `repeated`: it was heard before; `broken`: it, or one before it, is not what was written. */
  hear(entry: AuditEntry): 'sound' | 'repeated' | 'broken' {
    const { writer, sequence, previousSha256, sha256 } = entry;
    const last = this.last.get(writer);
    if (last !== undefined && sequence <= last.sequence && hashOf(entry) === sha256) return 'repeated';
    this.last.delete(writer);
    this.last.set(writer, { sequence, sha256 });
    if (this.last.size > WRITERS_MAX) this.last.delete(this.last.keys().next().value as string);
    const follows = last === undefined || (sequence === last.sequence + 1 && previousSha256 === last.sha256);
    return follows && hashOf(entry) === sha256 ? 'sound' : 'broken';
  }
}

/** Lives of processes; one that comes again after so many others is taken as it comes. */
const WRITERS_MAX = 10_000;
