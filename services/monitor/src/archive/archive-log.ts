// What waits to be archived of one kind of message in one partition number, and up to which offset everything is
// archived. Messages come in the order of offsets, some again after a restart. Synchronous; no clock.

import { type ArchiveFile, type ArchiveKind, type ArchiveOf, dayOf } from './archive-file.js';
import type { Placed } from './archived.js';

export interface Waiting<M> extends ArchiveOf {
  rows: Placed<M>[];
}

/** What becomes a file each, by project. */
export interface Flush<M> {
  /** Offsets [from, to) of the partition. */
  from: number;
  to: number;
  projects: Waiting<M>[];
  bytes: number;
}

/** To be saved: of a number and kind. */
export interface ArchiveLogState {
  /** Everything before is archived, or is not to be. */
  next: number;
  /** How often the topic was deleted and created again. */
  log: number;
}

export class ArchiveLogBuffer<M> {
  log: number;
  private projects = new Map<string, Waiting<M>>();
  /** Offset of the first message that waits. */
  private from: number;
  private seenTo: number;
  private waitingBytes = 0;
  private flushing: Flush<M> | undefined;
  /** Of writing, one after the other. */
  failures = 0;
  /** When the first of those that wait came. */
  sinceMs = Number.POSITIVE_INFINITY;

  constructor(
    readonly kind: ArchiveKind,
    readonly partition: number,
    { next, log }: ArchiveLogState,
  ) {
    this.log = log;
    this.from = next;
    this.seenTo = next;
  }

  state(): ArchiveLogState {
    return { next: this.archivedTo, log: this.log };
  }

  private get archivedTo(): number {
    if (this.flushing !== undefined) return this.flushing.from;
    return this.projects.size === 0 ? this.seenTo : this.from;
  }

  /** In memory, those that are being written among them. */
  get bytes(): number {
    return this.waitingBytes + (this.flushing?.bytes ?? 0);
  }

  /** In memory, but for those that are being written. */
  get rowsWaiting(): number {
    return [...this.projects.values()].reduce((sum, { rows }) => sum + rows.length, 0);
  }

  /** The topic begins here: gives how many messages are gone that were not archived. */
  startsAt(start: number): number {
    if (this.projects.size > 0 || this.flushing !== undefined || start <= this.seenTo) return 0;
    const lost = start - this.seenTo;
    this.seenTo = start;
    return lost;
  }

  /** The message is not to be archived. */
  pass(offset: number): void {
    if (offset >= this.seenTo) this.seenTo = offset + 1;
  }

  add(of: ArchiveOf, row: Placed<M>, bytes: number, nowMs: number): void {
    if (row.offset < this.seenTo) return;
    this.seenTo = row.offset + 1;
    if (this.projects.size === 0) {
      this.from = row.offset;
      this.sinceMs = nowMs;
    }
    this.waitingBytes += bytes;
    const key = keyOf(of);
    const waiting = this.projects.get(key);
    if (waiting !== undefined) waiting.rows.push(row);
    else this.projects.set(key, { project: of.project, createdAtMs: of.createdAtMs, rows: [row] });
  }

  /** Rows of the project that are in no file yet. */
  *waiting({ project, createdAtMs }: ArchiveOf): Iterable<Placed<M>> {
    for (const all of [this.flushing?.projects ?? [], this.projects.values()])
      for (const of of all) if (of.project === project && of.createdAtMs === createdAtMs) yield* of.rows;
  }

  /** Takes what waits, once at a time; undefined: nothing does. */
  take(): Flush<M> | undefined {
    if (this.flushing !== undefined || this.projects.size === 0) return undefined;
    const { from, seenTo: to, waitingBytes: bytes } = this;
    this.flushing = { from, to, projects: [...this.projects.values()], bytes };
    this.projects = new Map();
    this.waitingBytes = 0;
    this.sinceMs = Number.POSITIVE_INFINITY;
    return this.flushing;
  }

  /** What was taken is in files. */
  done(): void {
    this.failures = 0;
    this.flushing = undefined;
  }

  /** What was taken waits again, before what came since. */
  failed(nowMs: number): void {
    const { flushing, projects } = this;
    if (flushing === undefined) return;
    this.failures += 1;
    this.projects = new Map(flushing.projects.map((waiting) => [keyOf(waiting), waiting]));
    for (const [key, since] of projects) {
      const known = this.projects.get(key);
      if (known === undefined) this.projects.set(key, since);
      else for (const row of since.rows) known.rows.push(row);
    }
    this.from = flushing.from;
    this.sinceMs = nowMs;
    this.waitingBytes += flushing.bytes;
    this.flushing = undefined;
  }
}

/** The name of a file of these rows, but for its bytes. */
export function nameOf<M>(
  { kind, partition, log }: ArchiveLogBuffer<M>,
  { project, createdAtMs, rows }: Waiting<M>,
  to: number,
  eventTime: (message: M) => number,
): Omit<ArchiveFile, 'bytes'> {
  let [fromMs, toMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let [writtenFromMs, writtenToMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { message, writtenAtMs } of rows) {
    const atMs = eventTime(message);
    fromMs = Math.min(fromMs, atMs);
    toMs = Math.max(toMs, atMs);
    writtenFromMs = Math.min(writtenFromMs, writtenAtMs);
    writtenToMs = Math.max(writtenToMs, writtenAtMs);
  }
  return {
    ...{ project, createdAtMs, kind, partition, log, day: dayOf(writtenToMs) },
    ...{ first: rows[0]?.offset ?? to, next: to, level: 0, rows: rows.length },
    ...{ fromMs, toMs, writtenFromMs, writtenToMs },
  };
}

const keyOf = ({ project, createdAtMs }: ArchiveOf): string => `${project}/${createdAtMs}`;
