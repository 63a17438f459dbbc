// What waits to be archived of one kind of message in one partition number, and up to which offset everything is
// archived. Messages come in the order of offsets, some again after a restart. Synchronous; no clock.

import { type ArchiveFile, type ArchiveKind, type ArchiveOf, dayOf } from './archive-file.js';
import { ArchiveRows, type ColumnOf } from './archive-rows.js';

export interface Waiting extends ArchiveOf {
  rows: ArchiveRows;
}

/** What becomes a file each, by project. */
export interface Flush {
  /** Offsets [from, to) of the partition. */
  from: number;
  to: number;
  projects: Waiting[];
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
  private projects = new Map<string, Waiting>();
  /** Offset of the first message that waits. */
  private from: number;
  private seenTo: number;
  /** That of the last message: nearly always that of the next one. */
  private last: Waiting | undefined;
  private waitingBytes = 0;
  private flushing: Flush | undefined;
  /** Of writing, one after the other. */
  failures = 0;
  /** When the first of those that wait came. */
  sinceMs = Number.POSITIVE_INFINITY;

  constructor(
    readonly kind: ArchiveKind,
    readonly partition: number,
    private readonly columns: readonly ColumnOf<M>[],
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

  add(of: ArchiveOf, message: M, offset: number, writtenAtMs: number, nowMs: number): void {
    if (offset < this.seenTo) return;
    this.seenTo = offset + 1;
    if (this.projects.size === 0) {
      this.from = offset;
      this.sinceMs = nowMs;
    }
    this.waitingBytes += this.rowsOf(of).add(this.columns, message, offset, writtenAtMs);
  }

  private rowsOf({ project, createdAtMs }: ArchiveOf): ArchiveRows {
    if (this.last?.project === project && this.last.createdAtMs === createdAtMs) return this.last.rows;
    const key = keyOf({ project, createdAtMs });
    let waiting = this.projects.get(key);
    if (waiting === undefined) {
      waiting = { project, createdAtMs, rows: ArchiveRows.of(this.columns) };
      this.projects.set(key, waiting);
    }
    this.last = waiting;
    return waiting.rows;
  }

  /** Rows of the project that are in no file yet. */
  waiting({ project, createdAtMs }: ArchiveOf): ArchiveRows[] {
    const all = [...(this.flushing?.projects ?? []), ...this.projects.values()];
    return all.flatMap((of) => (of.project === project && of.createdAtMs === createdAtMs ? of.rows : []));
  }

  /** Takes what waits, once at a time; undefined: nothing does. */
  take(): Flush | undefined {
    if (this.flushing !== undefined || this.projects.size === 0) return undefined;
    const { from, seenTo: to, waitingBytes: bytes } = this;
    this.flushing = { from, to, projects: [...this.projects.values()], bytes };
    this.projects = new Map();
    this.last = undefined;
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
      else known.rows.join(since.rows);
    }
    this.last = undefined;
    this.from = flushing.from;
    this.sinceMs = nowMs;
    this.waitingBytes += flushing.bytes;
    this.flushing = undefined;
  }
}

/** The name of a file of these rows, but for its bytes. */
export function nameOf(
  { kind, partition, log }: Pick<ArchiveLogBuffer<never>, 'kind' | 'partition' | 'log'>,
  { project, createdAtMs, rows }: Waiting,
  to: number,
): Omit<ArchiveFile, 'bytes'> {
  const [fromMs, toMs] = rangeOf(rows.column('event_time') as readonly number[]);
  const [writtenFromMs, writtenToMs] = rangeOf(rows.writtenAtMs);
  return {
    ...{ project, createdAtMs, kind, partition, log, day: dayOf(writtenToMs) },
    ...{ first: rows.offsets[0] ?? to, next: to, level: 0, rows: rows.length },
    ...{ fromMs, toMs, writtenFromMs, writtenToMs },
  };
}

function rangeOf(times: readonly number[]): [from: number, to: number] {
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const atMs of times) {
    from = Math.min(from, atMs);
    to = Math.max(to, atMs);
  }
  return [from, to];
}

const keyOf = ({ project, createdAtMs }: ArchiveOf): string => `${project}/${createdAtMs}`;
