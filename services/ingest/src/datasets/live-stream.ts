// Reads records.v1 and labels.v1 into segments and closes their spans into dataset versions as the watermark goes on. A
// reader decides nothing: it checks a row and appends it to the span [k·versionEvery, (k+1)·versionEvery) of its event
// time, a label to that of its record. What is late, repeated or joined is decided when a span closes, over segments.
//
// A span closes when the watermark passes its end by the label's delay and an allowance; spans close in order, each
// with the late rows of the spans before it, and one without records makes no version.
//
// What commits when: the next offset that may be committed is the first one that only memory has, and never past what
// the counters and watermarks have stored. What interleaves: handlers of different partitions, flushes and closes;
// taking a batch in has no pause in it.

import type { DatasetVersion, LabelMessage, Reason, RecordMessage } from '@millrace/contracts';
import { type Clock, PlatformError, requestIdOf, Watermark } from '@millrace/domain';
import type { ProjectRegistry } from '../projects/project-registry.js';
import { checkedRecord } from '../records/checked-record.js';
import type { RecordSchema } from '../schema/record-schema.js';
import type { Counters } from './counters.js';
import type { DatasetIndex } from './dataset-index.js';
import type { ClosePlan, SegmentFile, SegmentOwner } from './segment.js';
import type { Position } from './segment-buffers.js';
import type { Blocked, Segments } from './segments.js';
import type { VersionCloser } from './version-closer.js';

/** A message of a partition. */
export interface LogMessage<T> {
  readonly offset: number;
  /** When it was written. */
  readonly timestampMs: number;
  /** undefined: it could not be decoded; its position is passed all the same. */
  readonly message: T | undefined;
}

export interface BadMessage {
  offset: number;
  project: string;
  reasons: readonly Reason[];
}

export interface BatchOutcome {
  bad: BadMessage[];
  /** The first offset to read after a restart; 0 = nothing may be committed yet. */
  nextOffset: number;
}

export interface LiveSettings {
  /** Beyond the label's delay, before a span closes. */
  allowanceMs: number;
  idleAfterMs: number;
  /** Pause before a version that could not be written is tried again. */
  retryAfterMs: number;
}

export interface LiveReports {
  closed(version: DatasetVersion, tookMs: number): void;
  failed(project: string, error: PlatformError): void;
}

/** Pause before a partition is read again that was not taken in for want of room. */
const BLOCKED_MS = 1_000;

interface Taking<T> {
  readonly message: T;
  readonly position: Position;
  readonly bad: BadMessage[];
  /** When it was written. */
  readonly atMs: number;
  /** Read again after a rebalance: it is in a segment or a buffer already, or it is bad, which may be told twice. */
  readonly again: boolean;
}

interface LiveProject extends SegmentOwner {
  schema: RecordSchema;
  watermark: Watermark<'records' | 'labels'>;
  /** Spans that end here or before are closed. */
  closedThroughMs: number;
  closing: Promise<void> | null;
  /** Processing time before which a version that could not be written is not tried again. */
  retryAtMs: number;
}

export interface LiveState {
  /** Records of no closed version yet, as they were read: repeated ones among them. */
  openRows: number;
  /** Labels of spans that are not closed. */
  openLabels: number;
  /** Labels that came after their span had closed, or whose record never came. */
  lateLabels: number;
  /** Event time up to which the stream is taken to be complete; null = unknown. */
  watermarkMs: number | null;
}

export class LiveStream {
  private readonly projects = new Map<string, LiveProject>();
  /** Partitions that have not been read up to where their end was at the start. */
  private readonly behind = new Map<string, number>();
  /** By "topic/partition": the offset after the last message that was taken in. */
  private readonly takenThrough = new Map<string, number>();
  /** Likewise, but not past messages that are on their way to the dead letters. */
  private readonly doneThrough = new Map<string, number>();

  constructor(
    private readonly registry: ProjectRegistry,
    private readonly datasetIndex: DatasetIndex,
    private readonly segments: Segments,
    private readonly closer: VersionCloser,
    private readonly counters: Counters,
    private readonly settings: LiveSettings,
    private readonly clock: Clock,
    private readonly reports: LiveReports,
  ) {}

  /** Whether partitions were assigned: before, nothing is known of what is still to be read. */
  private assigned = false;

  /**
   * Whether this process reads all partitions. With a part of them it would close versions that lack the rest of their
   * rows; then none closes.
   */
  wholeStream = true;

  /**
   * Partitions were assigned, and each must be read up to its end (exclusive) before any version may close. Of what was
   * taken in and lies behind an end nothing is known any more: the topic is another one.
   */
  assign(ends: readonly { topic: string; partition: number; position: number; end: number }[], whole: boolean): void {
    this.wholeStream = whole;
    this.assigned = true;
    this.behind.clear();
    for (const { topic, partition, position, end } of ends) {
      const key = `${topic}/${partition}`;
      if (position < end) this.behind.set(key, end);
      this.doneThrough.delete(key);
      if ((this.takenThrough.get(key) ?? 0) > end) this.takenThrough.delete(key);
    }
  }

  get caughtUp(): boolean {
    return this.assigned && this.wholeStream && this.behind.size === 0;
  }

  records(partition: number, messages: readonly LogMessage<RecordMessage>[]): Promise<BatchOutcome> {
    return this.taken('records.v1', partition, messages, ({ message: record, position, bad, atMs, again }) => {
      const live = this.project(record.project, atMs);
      if (live === null) {
        bad.push(refused(position.offset, record.project, 'malformed', 'project', `no project '${record.project}'`));
        return;
      }
      const accepted = this.checked(live.schema, record, position.offset, bad);
      if (accepted === null || again) return;
      if (this.counters.fresh('records.v1', partition, position.offset)) this.counters.add(record.project, 'records');
      const nowMs = this.clock.nowMs();
      live.watermark.observe('records', partition, accepted.eventTimeMs, nowMs);
      this.segments.addRecord(live, startOf(live, accepted.eventTimeMs), live.schema, accepted, position, nowMs);
    });
  }

  labels(partition: number, messages: readonly LogMessage<LabelMessage>[]): Promise<BatchOutcome> {
    return this.taken('labels.v1', partition, messages, ({ message: label, position, bad, atMs, again }) => {
      const live = this.project(label.project, atMs);
      if (live === null) {
        bad.push(refused(position.offset, label.project, 'malformed', 'project', `no project '${label.project}'`));
        return;
      }
      if (live.schema.project.data.label === undefined) {
        bad.push(refused(position.offset, label.project, 'malformed', 'project', 'the project has no label'));
        return;
      }
      if (again) return;
      if (this.counters.fresh('labels.v1', partition, position.offset)) this.counters.add(label.project, 'labels');
      const nowMs = this.clock.nowMs();
      live.watermark.observe('labels', partition, label.knownAtMs, nowMs);
      const known = label.recordId === '' ? { ...label, recordId: requestIdOf(label.predictionId) } : label;
      if (known.recordId !== '') this.segments.addLabel(live, startOf(live, known.eventTimeMs), known, position, nowMs);
    });
  }

  /** Closes what the watermark allows; call it after batches and now and then. Does not wait for the writing. */
  closeDue(): void {
    this.forgetDeleted();
    for (const { project } of this.segments.owners()) this.project(project);
    for (const live of this.projects.values()) {
      if (live.closing !== null || this.clock.nowMs() < live.retryAtMs) continue;
      const begun = this.segments.planOf(live);
      if (begun !== null) this.startClose(live, begun.spanStartMs);
      else {
        const due = this.openSpans(live)[0];
        if (due !== undefined && due + spanMsOf(live) + this.holdMs(live) <= this.watermarkOf(live))
          this.startClose(live, due);
        else this.refreshDue(live);
      }
    }
  }

  /** Closes every open version of a project now, whatever the watermark says. */
  async closeAll(project: string): Promise<number> {
    const live = this.project(project);
    if (live === null) return 0;
    if (!this.wholeStream) throw new PlatformError('conflict', 'another ingest process reads a part of the stream');
    await live.closing;
    const begun = this.segments.planOf(live);
    if (begun !== null) await this.startClose(live, begun.spanStartMs);
    const starts = this.openSpans(live);
    // Late rows alone go into the first span that is not closed.
    if (starts.length === 0 && this.segments.recordSpans(live).size > 0) starts.push(firstOpen(live));
    for (const startMs of starts) {
      await live.closing;
      await this.startClose(live, startMs);
    }
    return starts.length;
  }

  /** Resolves when every close that has begun has ended. */
  async settled(): Promise<void> {
    for (let running = this.running(); running.length > 0; running = this.running()) await Promise.all(running);
  }

  /** Why nothing more is taken in; null while it is. */
  get blocked(): Blocked | null {
    return this.segments.blocked;
  }

  state(project: string): LiveState {
    const live = this.project(project);
    const watermarkMs = live?.watermark.currentMs ?? Number.NEGATIVE_INFINITY;
    const state = { openRows: 0, openLabels: 0, lateLabels: 0 };
    if (live !== null) {
      for (const rows of this.segments.recordSpans(live).values()) state.openRows += rows;
      for (const [startMs, rows] of this.segments.labelSpans(live))
        state[isClosed(live, startMs) ? 'lateLabels' : 'openLabels'] += rows;
    }
    return { ...state, watermarkMs: Number.isFinite(watermarkMs) ? watermarkMs : null };
  }

  /** Where reading of a partition may begin again; null where nothing of it was taken in here. */
  position(topic: string, partition: number): number | null {
    const done = this.doneThrough.get(`${topic}/${partition}`);
    return done === undefined ? null : this.nextOffset(topic, partition, done);
  }

  private running(): Promise<void>[] {
    return [...this.projects.values()].flatMap(({ closing }) => closing ?? []);
  }

  /** Nothing closes while a partition is not yet read up to where its end was at the assignment. */
  private watermarkOf({ watermark }: LiveProject): number {
    return this.caughtUp ? watermark.advance(this.clock.nowMs(), []) : Number.NEGATIVE_INFINITY;
  }

  /** Rows of a deleted project are in no version any more, and hold no position back. */
  private forgetDeleted(): void {
    for (const [name, live] of this.projects) {
      const now = this.registry.createdAtMs(name);
      if (now !== live.createdAtMs) this.projects.delete(name);
      if (now === undefined) this.counters.forget(name);
    }
    for (const owner of this.segments.owners()) {
      if (this.registry.createdAtMs(owner.project) !== owner.createdAtMs) void this.segments.forget(owner);
    }
  }

  /** null where there is none, or where what was written at `atMs` belonged to a deleted one of this name. */
  private project(name: string, atMs = Number.POSITIVE_INFINITY): LiveProject | null {
    const schema = this.registry.find(name);
    const createdAtMs = this.registry.createdAtMs(name);
    const known = this.projects.get(name);
    if (schema === null || createdAtMs === undefined || atMs < createdAtMs) return null;
    if (known?.createdAtMs === createdAtMs) {
      known.schema = schema;
      return known;
    }
    this.counters.begins(name, createdAtMs);
    const idleMs = this.settings.idleAfterMs;
    const watermark = new Watermark<'records' | 'labels'>({
      idleMs: { records: idleMs, labels: idleMs },
      silence: 'busy time',
      allSilent: 'hold',
    });
    this.counters.keep(name, watermark, this.clock.nowMs());
    const live: LiveProject = {
      project: name,
      createdAtMs,
      schema,
      watermark,
      closedThroughMs: this.datasetIndex.closedThroughMs(name),
      closing: null,
      retryAtMs: 0,
    };
    this.projects.set(name, live);
    return live;
  }

  private checked(
    schema: RecordSchema,
    record: RecordMessage,
    offset: number,
    bad: BadMessage[],
  ): RecordMessage | null {
    const checked = checkedRecord(schema, record, this.clock.nowMs());
    if (!Array.isArray(checked)) return checked;
    bad.push({ offset, project: record.project, reasons: checked });
    return null;
  }

  /** Event time that a span stays open after its end. */
  private holdMs({ schema: { project } }: LiveProject): number {
    // As long as the monitor's windows wait, so that both speak of the same rows; at least the service's own allowance.
    const allowanceMs = Math.max(this.settings.allowanceMs, project.monitoring.allowedLatenessMs);
    return (project.data.label?.delayMs ?? 0) + allowanceMs;
  }

  /** Start times of the spans that hold records and are not closed, oldest first. */
  private openSpans(live: LiveProject): number[] {
    const starts = new Set<number>();
    for (const startMs of this.segments.recordSpans(live).keys()) {
      if (!isClosed(live, startMs)) starts.add(startOf(live, startMs));
    }
    return [...starts].sort((a, b) => a - b);
  }

  private startClose(live: LiveProject, startMs: number): Promise<void> {
    live.closing = this.close(live, startMs).finally(() => {
      live.closing = null;
      this.closeDue();
    });
    return live.closing;
  }

  private refreshDue(live: LiveProject): void {
    const nowMs = this.clock.nowMs();
    const { labelRefreshMs, label } = live.schema.project.data;
    if (label === undefined || nowMs - this.counters.refreshedAtMs(live.project, nowMs) < labelRefreshMs) return;
    this.counters.refreshes(live.project, nowMs);
    live.closing = this.refresh(live).finally(() => {
      live.closing = null;
    });
  }

  /** Labels whose span has closed: those of a row make a version of its rows, the others wait on. */
  private async refresh(live: LiveProject): Promise<void> {
    const begunMs = this.clock.monotonicMs();
    const isLate = ({ kind, spanStartMs }: SegmentFile) => kind === 'labels' && isClosed(live, spanStartMs);
    try {
      const labels = await this.segments.beginRefresh(live, isLate);
      if (labels.length === 0) return;
      const { refreshed, left } = await this.closer.refresh(live.schema, labels);
      await this.segments.endRefresh(live, labels, left);
      for (const version of refreshed) this.reports.closed(version, this.clock.monotonicMs() - begunMs);
    } catch (thrown) {
      live.retryAtMs = this.clock.nowMs() + this.settings.retryAfterMs;
      this.counters.refreshes(live.project, 0);
      this.reports.failed(live.project, PlatformError.from(thrown));
    }
  }

  private async close(live: LiveProject, startMs: number): Promise<void> {
    const begunMs = this.clock.monotonicMs();
    const span = { spanStartMs: startMs, spanEndMs: startMs + spanMsOf(live) };
    try {
      const plan =
        this.segments.planOf(live) ??
        (await this.segments.beginClose(live, span, (files) => chosen(live, startMs, files)));
      live.closedThroughMs = Math.max(live.closedThroughMs, plan.spanEndMs);
      const closed = await this.closer.closeSpan(live.schema, plan);
      await this.segments.endClose(plan, closed.left);
      if (closed.version === null) this.counters.add(live.project, 'duplicates', closed.duplicates);
      else this.reports.closed(closed.version, this.clock.monotonicMs() - begunMs);
    } catch (thrown) {
      live.retryAtMs = this.clock.nowMs() + this.settings.retryAfterMs;
      this.reports.failed(live.project, PlatformError.from(thrown));
    }
  }

  /** @throws PlatformError 'overloaded' where there is no room: the partition is paused, and read again from here. */
  private async taken<T>(
    topic: 'records.v1' | 'labels.v1',
    partition: number,
    messages: readonly LogMessage<T>[],
    take: (taking: Taking<T>) => void,
  ): Promise<BatchOutcome> {
    const { blocked } = this.segments;
    if (blocked !== null) throw new PlatformError('overloaded', blocked.message, { retry: { afterMs: BLOCKED_MS } });
    const key = `${topic}/${partition}`;
    const bad: BadMessage[] = [];
    let next = 0;
    // What is read before this batch has come to its end, its dead letters too.
    if (messages[0] !== undefined) this.doneThrough.set(key, messages[0].offset);
    if (messages[0] !== undefined) this.counters.startAt(topic, partition, messages[0].offset);
    for (const { offset, timestampMs, message } of messages) {
      next = offset + 1;
      const again = offset < (this.takenThrough.get(key) ?? 0);
      if (message !== undefined)
        take({ message, position: { topic, partition, offset }, bad, atMs: timestampMs, again });
      this.counters.fresh(topic, partition, offset);
    }
    this.takenThrough.set(key, Math.max(next, this.takenThrough.get(key) ?? 0));
    const isWhole = bad.length === 0 && messages.every(({ message }) => message !== undefined);
    if (isWhole) this.doneThrough.set(key, next);
    await this.segments.makeRoom();
    const end = this.behind.get(key);
    if (end !== undefined && next >= end) this.behind.delete(key);
    this.closeDue();
    return { bad, nextOffset: this.nextOffset(topic, partition, next) };
  }

  private nextOffset(topic: string, partition: number, next: number): number {
    const floor = this.segments.floor(topic, partition);
    return Math.min(next, this.counters.savedThrough(topic, partition), floor ?? Number.POSITIVE_INFINITY);
  }
}

const spanMsOf = ({ schema }: LiveProject): number => schema.project.data.versionEveryMs;

function startOf(live: LiveProject, eventTimeMs: number): number {
  const spanMs = spanMsOf(live);
  return Math.floor(eventTimeMs / spanMs) * spanMs;
}

/** Whether the span that this time is in is closed. */
function isClosed(live: LiveProject, timeMs: number): boolean {
  return startOf(live, timeMs) + spanMsOf(live) <= live.closedThroughMs;
}

function firstOpen(live: LiveProject): number {
  const spanMs = spanMsOf(live);
  return Math.ceil(live.closedThroughMs / spanMs) * spanMs;
}

/**
 * The records of a span and the late ones before it, and the labels of their spans. A label without an event time of
 * its own has that of its arrival, which says nothing of its record: then every label may belong to one.
 */
function chosen(
  live: LiveProject,
  startMs: number,
  files: readonly SegmentFile[],
): Pick<ClosePlan, 'records' | 'labels'> {
  const records = files.filter(({ kind, spanStartMs }) => kind === 'records' && startOf(live, spanStartMs) <= startMs);
  const spans = new Set(records.map(({ spanStartMs }) => spanStartMs));
  const anyTime = live.schema.eventTimeIndex < 0;
  const labels = files.filter(({ kind, spanStartMs }) => kind === 'labels' && (anyTime || spans.has(spanStartMs)));
  return { records, labels };
}

function refused(offset: number, project: string, code: Reason['code'], field: string, message: string): BadMessage {
  return { offset, project, reasons: [{ code, field, message }] };
}
