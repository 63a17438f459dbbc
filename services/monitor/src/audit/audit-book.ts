// What the audit says of each project, newest last, as this process has read audit.v1: the newest ENTRIES_MAX of a
// project, of the PROJECTS_KEPT projects that were heard of last (deleted ones, too). What was told twice stands
// there once. All of it is in the topic.

import type { AuditEntry } from '@millrace/contracts';
import { PROJECTS_MAX } from '@millrace/domain';

const ENTRIES_MAX = 2_000;
/** Those that are there, and as many that were deleted. */
const PROJECTS_KEPT = 2 * PROJECTS_MAX;

export interface HeardEntry extends AuditEntry {
  /** It is what its writer wrote, and nothing before it is missing. */
  isSound: boolean;
}

interface Page {
  entries: HeardEntry[];
  /** What was left out for want of room, and of when the newest of it was. */
  leftOut: number;
  leftOutMs: number;
}

export class AuditBook {
  /** The project that was heard of longest ago first. */
  private readonly pages = new Map<string, Page>();

  /** `hear` of libs/audit's chains. */
  constructor(private readonly follow: (entry: AuditEntry) => 'sound' | 'repeated' | 'broken') {}

  hear(entry: AuditEntry): void {
    const standing = this.follow(entry);
    const { project } = entry;
    if (standing === 'repeated' || project === '') return;
    const page = this.pages.get(project) ?? { entries: [], leftOut: 0, leftOutMs: 0 };
    this.pages.delete(project);
    this.pages.set(project, page);
    if (this.pages.size > PROJECTS_KEPT) this.pages.delete(this.pages.keys().next().value as string);
    if (page.entries.some(({ id, result }) => id === entry.id && result === entry.result)) return;
    // Writers are read partition by partition: they come in the order of time all but always.
    const at = page.entries.findLastIndex(({ atMs }) => atMs <= entry.atMs) + 1;
    page.entries.splice(at, 0, { ...entry, isSound: standing === 'sound' });
    if (page.entries.length <= ENTRIES_MAX) return;
    // What was refused costs whoever asks nothing: a flood of it must not take away what was done.
    const refused = page.entries.findIndex(({ result }) => result === 'refused');
    const [left] = page.entries.splice(Math.max(0, refused), 1);
    page.leftOut += 1;
    page.leftOutMs = Math.max(page.leftOutMs, left?.atMs ?? 0);
  }

  /** Newest first, of `sinceMs` and later; `more`: how many of those are not in it. */
  of(project: string, sinceMs: number, limit: number): { entries: HeardEntry[]; more: number; leftOut: number } {
    const { entries, leftOut, leftOutMs } = this.pages.get(project) ?? { entries: [], leftOut: 0, leftOutMs: 0 };
    const since = entries.filter(({ atMs }) => atMs >= sinceMs);
    return {
      entries: since.slice(-limit).reverse(),
      more: Math.max(0, since.length - limit),
      leftOut: sinceMs <= leftOutMs ? leftOut : 0,
    };
  }
}
