// Reads one partition number of records.v1 and labels.v1 into segments. A reader decides nothing: it checks a row and
// appends it to the span [k·versionEvery, (k+1)·versionEvery) of its event time, a label to that of its record. What is
// late, repeated or joined is decided when a span closes, over the segments of all partitions.
//
// A flush writes what is in memory to segments, and then tells of them, of the next offsets and of the counts in one
// transaction on progress.v1: whoever holds the number next goes on exactly there. What a replaced reader still writes
// is refused by the broker. Taking a batch in has no pause in it; flushes come one after the other.

import type {
  LabelMessage,
  OpenSpanProgress,
  ProjectReading,
  Reason,
  RecordMessage,
  SegmentEntry,
} from '@millrace/contracts';
import { type Clock, EventClock, PlatformError, requestIdOf } from '@millrace/domain';
import type { ProjectRegistry } from '../projects/project-registry.js';
import { checkedRecord, fittedRecord } from '../records/checked-record.js';
import type { RecordSchema } from '../schema/record-schema.js';
import { isConsumed, type OpenSpans } from './open-spans.js';
import { type ProgressEntry, progressKey } from './progress-entry.js';
import type { ProgressLog } from './progress-log.js';
import { entryOf, filesOfSpan, ownerText, type SegmentFile, type SegmentFiles, type SegmentOwner } from './segment.js';
import { type SegmentBuffer, SegmentBuffers } from './segment-buffers.js';
import { knownTime, startOfSpan } from './span-times.js';

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

type Stream = 'records' | 'labels';
const TOPIC_OF = { records: 'records.v1', labels: 'labels.v1' } as const;

/** This many files of one span and level become one: a span of a million flushes is read as a few dozen files. */
const MERGE_FILES = 16;
/** A close that began before a merge reads the merged files still; one that takes longer is begun again. */
const MERGED_KEPT_MS = 120_000;
/** A project that is not known by then is none: processes read of one within milliseconds. */
const EARLY_MS_MAX = 5_000;
/** What was fetched for a predecessor is over by then. */
const GAP_MS_MAX = 10_000;
const AGAIN_MS = 250;

interface Counted extends SegmentOwner {
  records: number;
  labels: number;
  heardAtMs: number;
}

/** Whose messages are read. */
interface ReadProject extends SegmentOwner {
  readonly schema: RecordSchema;
  /** As keys have it. */
  readonly text: string;
}

interface Clocks {
  readonly records: EventClock;
  readonly labels: EventClock;
  resetAtMs: number;
}

interface News {
  readonly changes: number;
  readonly projects: number;
  /** Spans of which something is closed, or whose project was deleted. */
  readonly cleared: readonly OpenSpanProgress[];
  /** Projects whose watermark was set back, which was not done here. */
  readonly reset: readonly ProjectReading[];
  /** Something is told of a project that was deleted. */
  readonly isStale: boolean;
}

/** What a reader needs from outside. */
export interface ReaderPorts {
  registry: ProjectRegistry;
  spans: OpenSpans;
  files: SegmentFiles;
  log: ProgressLog;
  clock: Clock;
  /** Of this process, for whoever looks at the topic. */
  holder: string;
  /** A stretch of a topic that nobody has read is gone, by retention; or the topic is another one. */
  lost(topic: string, partition: number, rows: number): void;
  /** Next offset of commands.v1 after those that were carried out; null where none was read. */
  commandsDone(partition: number): number | null;
  /** The event time of a record of the project is not believed yet. */
  doubted(project: string): void;
  /** A record of an earlier schema that nobody here has seen was taken as far as it fits the one of today. */
  fitted(project: string): void;
}

/** The first rows after a number has changed hands: closes wait for it. */
const FIRST_FLUSH_MS = 200;

export class PartitionReader {
  private readonly buffers = new SegmentBuffers();
  /** Written, but not told of: the broker was away. */
  private readonly written = new Map<SegmentBuffer, SegmentFile>();
  private readonly merged: { file: SegmentFile; atMs: number }[] = [];
  /** By owner: how far its streams have come. */
  private readonly clocks = new Map<string, Clocks>();
  /** By owner: since the last flush. */
  private counts = new Map<string, Counted>();
  /** Next offsets after what was taken in, and not past messages on their way to the dead letters. */
  private readonly taken: Record<Stream, number | null>;
  private readonly done: Record<Stream, number | null>;
  private readonly counted: Record<Stream, number>;
  /** Since when only what lies behind the position is brought. */
  private readonly gapSinceMs: Record<Stream, number | null> = { records: null, labels: null };
  /** Whether anything was read since the number was taken over. */
  private readonly begun: Record<Stream, boolean> = { records: false, labels: false };
  /** Where reading began, where nobody has told of it. */
  private readonly first: Record<Stream, number> = { records: 0, labels: 0 };
  /** Of the last message: the next one is likely to be of the same project. */
  private last: ReadProject | null = null;
  private dirtySinceMs: number | null = null;
  /** Something was told since the number was taken over. */
  private hasTold = false;
  private isStopped = false;
  private isDropped = false;
  private tail: Promise<unknown> = Promise.resolve();
  /** What was flushed and could not be written; null when all is well. */
  failed: { why: 'disk' | 'log'; error: PlatformError } | null = null;

  constructor(
    readonly partition: number,
    private readonly ports: ReaderPorts,
  ) {
    const reading = ports.spans.reading(partition);
    this.taken = { records: reading?.records ?? null, labels: reading?.labels ?? null };
    this.done = { ...this.taken };
    this.counted = { records: reading?.countedRecords ?? 0, labels: reading?.countedLabels ?? 0 };
    // Who holds it now is told with the first flush.
    this.changed();
  }

  /** Where reading goes on; null where nobody has read. */
  position(stream: Stream): number | null {
    return this.done[stream];
  }

  /** Everything before is durable; null where nobody has read. */
  durable(stream: Stream): number | null {
    return this.ports.spans.reading(this.partition)?.[stream] ?? null;
  }

  private get commands(): number {
    return this.ports.commandsDone(this.partition) ?? this.ports.spans.reading(this.partition)?.commands ?? 0;
  }

  /** Nothing was read here, the topic is another one, or it lost what was not read: reading begins at this offset. */
  begin(stream: Stream, offset: number): void {
    this.taken[stream] = offset;
    this.done[stream] = offset;
    this.counted[stream] = offset;
    this.first[stream] = offset;
    this.changed();
  }

  get bytes(): number {
    return this.buffers.bytes;
  }

  records(messages: readonly LogMessage<RecordMessage>[]): BadMessage[] {
    this.awaitRevisions(messages);
    return this.take('records', messages, (record, { offset, timestampMs }, bad, isAgain) => {
      const at = this.project(record.project, timestampMs);
      if (at === null) {
        bad.push(refused(offset, record.project, `no project '${record.project}'`));
        return;
      }
      const nowMs = this.ports.clock.nowMs();
      // What was acknowledged keeps the schema that it was checked with.
      const schema = this.checkedWith(record, at.schema);
      const accepted = this.accepted(schema, record, nowMs);
      if (Array.isArray(accepted)) {
        bad.push({ offset, project: record.project, reasons: accepted });
        return;
      }
      if (isAgain) return;
      const { eventTimeMs } = accepted;
      this.count('records', at, offset, nowMs);
      const said = accepted.entity === '' ? accepted.recordId : accepted.entity;
      const isBelieved = this.clocksOf(at, at.text).records.observe(
        said,
        eventTimeMs,
        nowMs,
        at.schema.project.data.clock,
      );
      if (!isBelieved) this.ports.doubted(record.project);
      const spanStartMs = startOfSpan(at.schema, eventTimeMs);
      this.buffers.addRecord(at, spanStartMs, schema, accepted, { partition: this.partition, offset });
    });
  }

  private checkedWith({ project, schemaHash }: RecordMessage, ofToday: RecordSchema): RecordSchema {
    return schemaHash === ofToday.hash ? ofToday : (this.ports.registry.schemaOf(project, schemaHash) ?? ofToday);
  }

  private accepted(schema: RecordSchema, record: RecordMessage, nowMs: number): RecordMessage | Reason[] {
    const checked = checkedRecord(schema, record, nowMs);
    if (!Array.isArray(checked) || !this.ports.registry.wasSchema(record.project, record.schemaHash)) return checked;
    this.ports.fitted(record.project);
    return fittedRecord(schema, record);
  }

  labels(messages: readonly LogMessage<LabelMessage>[]): BadMessage[] {
    return this.take('labels', messages, (label, { offset, timestampMs }, bad, isAgain) => {
      const at = this.project(label.project, timestampMs);
      if (at === null || at.schema.project.data.label === undefined) {
        const why = at === null ? `no project '${label.project}'` : 'the project has no label';
        bad.push(refused(offset, label.project, why));
        return;
      }
      const known = label.recordId === '' ? { ...label, recordId: requestIdOf(label.predictionId) } : label;
      if (known.recordId === '') {
        const why = `names no record, nor does its prediction id '${label.predictionId}'`;
        bad.push({
          offset,
          project: label.project,
          reasons: [{ code: 'missing_field', field: 'record_id', message: why }],
        });
        return;
      }
      if (isAgain) return;
      const nowMs = this.ports.clock.nowMs();
      this.count('labels', at, offset, nowMs);
      const said = label.entity === '' ? label.recordId : label.entity;
      this.clocksOf(at, at.text).labels.observe(said, label.knownAtMs, nowMs, at.schema.project.data.clock);
      const spanStartMs = startOfSpan(at.schema, known.eventTimeMs);
      this.buffers.addLabel(at, spanStartMs, known, { partition: this.partition, offset });
    });
  }

  /** Rows of a project that are in memory, by kind. */
  openRows(owner: SegmentOwner, kind: Stream): Map<number, number> {
    return this.buffers.rowsOf(owner, kind);
  }

  /** Messages of a project that were counted and not flushed. */
  countsOf(owner: SegmentOwner): Pick<Counted, 'records' | 'labels'> {
    return this.counts.get(ownerText(owner)) ?? { records: 0, labels: 0 };
  }

  /** Nothing more is taken in for want of room, or it is again; told with the next flush. */
  stopped(isStopped: boolean): void {
    if (this.isStopped === isStopped) return;
    this.isStopped = isStopped;
    this.changed();
  }

  /** Whether a flush has something to do: rows that waited long enough, a failed one, or what others have closed. */
  isDue(nowMs: number, flushAfterMs: number): boolean {
    if (this.failed !== null || this.isUntold) return true;
    const waitMs = this.hasTold ? flushAfterMs : Math.min(flushAfterMs, FIRST_FLUSH_MS);
    if (this.dirtySinceMs !== null && nowMs - this.dirtySinceMs >= waitMs) return true;
    if (this.merged.some(({ atMs }) => nowMs - atMs >= MERGED_KEPT_MS)) return true;
    const { cleared, reset, isStale } = this.news;
    return cleared.length > 0 || reset.length > 0 || isStale;
  }

  /** Nothing more is read for want of room, nor can rows be flushed: told alone, so that closes do not wait for it. */
  private async tellStopped(): Promise<void> {
    const { spans, log, clock, holder } = this.ports;
    const known = spans.reading(this.partition);
    if (known?.stopped || this.isDropped) return;
    const { records = this.first.records, labels = this.first.labels } = known ?? {};
    const { countedRecords = records, countedLabels = labels } = known ?? {};
    const { partition, commands } = this;
    const told = { atMs: clock.nowMs(), holder, stopped: true, commands };
    const counts = { records, labels, countedRecords, countedLabels };
    await log.write(partition, [{ kind: 'reading', partition, ...counts, ...told }], []);
  }

  /** Of what stands on the topic of this number besides its rows. */
  private get isUntold(): boolean {
    const { stopped = false, commands = 0 } = this.ports.spans.reading(this.partition) ?? {};
    return this.isStopped !== stopped || this.commands !== commands;
  }

  /** The number is not held any more: what it has in memory is read again by whoever holds it. */
  drop(): void {
    this.isDropped = true;
  }

  /**
   * Everything that was taken in is durable, and told. @throws PlatformError 'conflict' once another process holds the
   * number; of others `failed` tells, and the next flush tries again
   */
  flush(): Promise<void> {
    const result = this.tail.then(() => this.flushed());
    this.tail = result.catch(() => undefined);
    return result;
  }

  private async flushed(): Promise<void> {
    const buffers = this.buffers.seal();
    const { counts, dirtySinceMs } = this;
    const told = { done: { ...this.done }, counted: { ...this.counted }, stopped: this.isStopped };
    const commands = this.commands;
    const { cleared, reset, isStale } = this.news;
    const isIdle = cleared.length + reset.length + this.merged.length === 0 && !isStale && !this.isUntold;
    if (buffers.length === 0 && dirtySinceMs === null && isIdle) return;
    this.counts = new Map();
    this.dirtySinceMs = null;
    let why: 'disk' | 'log' = 'disk';
    try {
      for (const buffer of buffers) {
        if (this.written.has(buffer)) continue;
        this.written.set(buffer, await this.ports.files.write(buffer.key, buffer.columns));
      }
      const { entries, gone } = await this.changes(buffers);
      for (const owner of this.news.reset)
        if (!counts.has(ownerText(owner))) counts.set(ownerText(owner), nothingOf(owner));
      for (const each of counts.values()) entries.push(this.readingWith(each));
      // The last: whoever sees the offsets sees the segments.
      entries.push({
        ...{ kind: 'reading', partition: this.partition },
        ...{ records: told.done.records ?? 0, labels: told.done.labels ?? 0 },
        ...{ countedRecords: told.counted.records, countedLabels: told.counted.labels },
        ...{ atMs: this.ports.clock.nowMs(), holder: this.ports.holder, stopped: told.stopped, commands },
      });
      why = 'log';
      if (this.isDropped) throw new PlatformError('conflict', `partition ${this.partition} is not held here any more`);
      await this.ports.log.write(this.partition, entries, []);
      for (const buffer of buffers) {
        this.buffers.written(buffer);
        this.written.delete(buffer);
      }
      this.failed = null;
      this.hasTold ||= buffers.length > 0;
      // What stays after a crash is swept by the next holder.
      await this.ports.files.remove(gone).catch(() => undefined);
    } catch (thrown) {
      for (const [owner, each] of counts) this.counts.set(owner, together(each, this.counts.get(owner)));
      this.dirtySinceMs ??= dirtySinceMs ?? this.ports.clock.nowMs();
      const error = PlatformError.from(thrown, 'unavailable');
      this.failed = { why, error };
      // Where the log cannot be written either, it is tried again with the next flush.
      if (why === 'disk') await this.tellStopped().catch(() => undefined);
      throw error;
    }
  }

  /** The lists of segments as they become, and the files that no list names then. */
  private async changes(buffers: readonly SegmentBuffer[]): Promise<{ entries: ProgressEntry[]; gone: SegmentFile[] }> {
    const { spans, clock } = this.ports;
    const entries: ProgressEntry[] = [];
    const gone: SegmentFile[] = [];
    const touched = new Map(this.news.cleared.map((span) => [progressKey(span), span]));
    const fresh = new Map<string, SegmentEntry[]>();
    for (const buffer of buffers) {
      const { project, createdAtMs, partition, kind, spanStartMs } = buffer.key;
      if (!this.isCurrent(buffer.key)) {
        gone.push(this.written.get(buffer) as SegmentFile);
        continue;
      }
      const span = { project, createdAtMs, partition, segmentKind: kind, spanStartMs, segments: [] };
      const key = progressKey({ kind: 'span', ...span });
      fresh.set(key, [...(fresh.get(key) ?? []), entryOf(this.written.get(buffer) as SegmentFile)]);
      if (touched.get(key)?.createdAtMs !== createdAtMs) touched.set(key, { kind: 'span', ...span });
    }
    for (const [key, span] of touched) {
      const known = spans.spanAt(key, span.project);
      const isOfOther = known !== null && (known.createdAtMs !== span.createdAtMs || !this.isCurrent(span));
      const consumed = new Set(spans.closing(span)?.consumed);
      const files = known === null ? [] : filesOfSpan(known);
      const isGone = (file: SegmentFile) => isOfOther || isConsumed(file, consumed);
      gone.push(...files.filter(isGone));
      const kept = files.filter((file) => !isGone(file)).map(entryOf);
      const segments = await this.mergedSmall(span, [...kept, ...(fresh.get(key) ?? [])]);
      entries.push(segments.length === 0 ? { kind: 'gone', key } : { ...span, segments });
    }
    for (const reading of spans.readingsIn(this.partition))
      if (!this.isCurrent(reading)) entries.push({ kind: 'gone', key: progressKey(reading) });
    const nowMs = clock.nowMs();
    const ripe = this.merged.filter(({ atMs }) => nowMs - atMs >= MERGED_KEPT_MS);
    for (const each of ripe) this.merged.splice(this.merged.indexOf(each), 1);
    return { entries, gone: [...gone, ...ripe.map(({ file }) => file)] };
  }

  private async mergedSmall(span: OpenSpanProgress, segments: readonly SegmentEntry[]): Promise<SegmentEntry[]> {
    const groups = new Map<string, SegmentEntry[]>();
    for (const segment of segments) {
      const text = `${segment.schema} ${segment.level}`;
      groups.set(text, [...(groups.get(text) ?? []), segment]);
    }
    let rest = [...segments];
    for (const group of groups.values()) {
      if (group.length < MERGE_FILES) continue;
      const files = filesOfSpan({ ...span, segments: group });
      // One that cannot be read is a matter of the close that needs it.
      const merged = await this.ports.files.merge(files).catch(() => null);
      if (merged === null) continue;
      rest = rest.filter((segment) => !group.includes(segment));
      rest.push(entryOf(merged));
      const atMs = this.ports.clock.nowMs();
      this.merged.push(...files.map((file) => ({ file, atMs })));
    }
    return rest;
  }

  /** What others have brought about here; looked for again when anything has changed. */
  private get news(): News {
    const { spans, registry } = this.ports;
    const { partition } = this;
    if (this.seen.changes === spans.changes && this.seen.projects === registry.changes) return this.seen;
    const cleared = spans.spansOf(partition).filter((span) => {
      if (!this.isCurrent(span)) return true;
      const consumed = new Set(spans.closing(span)?.consumed);
      return span.segments.some((segment) => isConsumed(segment, consumed));
    });
    const isReset = (reading: ProjectReading) => (spans.closing(reading)?.resetAtMs ?? 0) > reading.resetAtMs;
    const readings = spans.readingsIn(partition);
    const reset = readings.filter(isReset);
    const isStale = readings.some((reading) => !this.isCurrent(reading));
    this.seen = { changes: spans.changes, projects: registry.changes, cleared, reset, isStale };
    return this.seen;
  }

  private seen: News = { changes: -1, projects: -1, cleared: [], reset: [], isStale: false };

  private isCurrent({ project, createdAtMs }: SegmentOwner): boolean {
    return this.ports.registry.createdAtMs(project) === createdAtMs;
  }

  private readingWith({ project, createdAtMs, heardAtMs, ...more }: Counted): ProjectReading {
    const { partition } = this;
    const { spans } = this.ports;
    const owner = { project, createdAtMs };
    const known = spans.readingOf(owner, partition);
    const clocks = this.clocksOf(owner);
    const { resetAtMs = 0, resetToMs = 0 } = spans.closing(owner) ?? {};
    if (resetAtMs > clocks.resetAtMs) {
      clocks.records.reset(resetToMs);
      clocks.labels.reset(resetToMs);
      clocks.resetAtMs = resetAtMs;
    }
    return {
      ...{ kind: 'project', project, createdAtMs, partition },
      records: (known?.records ?? 0) + more.records,
      labels: (known?.labels ?? 0) + more.labels,
      recordsThroughMs: knownTime(clocks.records.reachedMs),
      labelsThroughMs: knownTime(clocks.labels.reachedMs),
      heardAtMs: Math.max(known?.heardAtMs ?? 0, heardAtMs),
      resetAtMs: clocks.resetAtMs,
    };
  }

  private clocksOf(owner: SegmentOwner, text = ownerText(owner)): Clocks {
    let clocks = this.clocks.get(text);
    if (clocks === undefined) {
      const known = this.ports.spans.readingOf(owner, this.partition);
      clocks = {
        records: new EventClock(known?.recordsThroughMs, known?.heardAtMs),
        labels: new EventClock(known?.labelsThroughMs, known?.heardAtMs),
        resetAtMs: known?.resetAtMs ?? 0,
      };
      this.clocks.set(text, clocks);
    }
    return clocks;
  }

  /** null where there is none, or where what was written at `atMs` belonged to a deleted one of this name. */
  private project(name: string, atMs: number): ReadProject | null {
    const { registry } = this.ports;
    const schema = registry.find(name);
    const createdAtMs = registry.createdAtMs(name);
    if (schema === null || createdAtMs === undefined || atMs < createdAtMs) return null;
    const { last } = this;
    if (last?.project === name && last.schema === schema && last.createdAtMs === createdAtMs) return last;
    const owner = { project: name, createdAtMs };
    this.last = { ...owner, schema, text: ownerText(owner) };
    return this.last;
  }

  /** Counts a message of which it is not known that it was counted before a crash. */
  private count(stream: Stream, project: ReadProject, offset: number, nowMs: number): void {
    let counts = this.counts.get(project.text);
    if (counts === undefined) {
      counts = nothingOf(project);
      this.counts.set(project.text, counts);
    }
    counts.heardAtMs = nowMs;
    if (offset >= this.counted[stream]) counts[stream] += 1;
  }

  private take<T extends { project: string }>(
    stream: Stream,
    messages: readonly LogMessage<T>[],
    take: (message: T, at: LogMessage<T>, bad: BadMessage[], isAgain: boolean) => void,
  ): BadMessage[] {
    const bad: BadMessage[] = [];
    const [first] = messages;
    if (first === undefined) return bad;
    this.awaitProjects(messages);
    this.checkPosition(stream, first.offset);
    // What was read before this batch has come to its end, its dead letters too.
    this.done[stream] = Math.max(first.offset, this.done[stream] ?? 0);
    this.taken[stream] ??= first.offset;
    for (const message of messages) {
      const { offset } = message;
      // Read again after a rebalance: it is here, or it is bad, which may be told twice.
      const isAgain = offset < (this.taken[stream] as number);
      if (message.message !== undefined) take(message.message, message, bad, isAgain);
      if (!isAgain) this.taken[stream] = offset + 1;
      if (offset >= this.counted[stream]) this.counted[stream] = offset + 1;
    }
    const isWhole = bad.length === 0 && messages.every(({ message }) => message !== undefined);
    if (isWhole) this.done[stream] = Math.max(this.taken[stream] as number, this.done[stream] as number);
    this.changed();
    return bad;
  }

  /** @throws PlatformError 'overloaded' while who sent may know of a project that this process has not read of yet */
  private awaitProjects(messages: readonly LogMessage<{ project: string }>[]): void {
    const { registry, clock } = this.ports;
    const isEarly = ({ message, timestampMs }: LogMessage<{ project: string }>) =>
      message !== undefined && registry.find(message.project) === null && clock.nowMs() - timestampMs < EARLY_MS_MAX;
    const early = messages.find(isEarly)?.message;
    if (early !== undefined) throw again(`project '${early.project}' is not known here yet`);
  }

  /**
   * @throws PlatformError 'overloaded' while who sent may know of a newer project file, by which alone the record is
   * good
   */
  private awaitRevisions(messages: readonly LogMessage<RecordMessage>[]): void {
    const nowMs = this.ports.clock.nowMs();
    for (const { message, timestampMs } of messages) {
      if (message === undefined || nowMs - timestampMs >= EARLY_MS_MAX) continue;
      const { registry } = this.ports;
      const schema = registry.find(message.project);
      if (schema === null || registry.schemaOf(message.project, message.schemaHash) !== undefined) continue;
      if (registry.wasSchema(message.project, message.schemaHash)) continue;
      if (Array.isArray(checkedRecord(schema, message, nowMs)))
        throw again(`the file of project '${message.project}' by which it was checked is not known here yet`);
    }
  }

  /**
   * Below the position: the topic is another one. Above it: what lies between is gone; or, when nothing was read yet,
   * it was fetched for whoever held the number before, and comes again from the position on.
   */
  private checkPosition(stream: Stream, offset: number): void {
    const { clock, lost } = this.ports;
    const taken = this.taken[stream] ?? offset;
    const done = this.done[stream] ?? offset;
    if (offset > taken) {
      this.gapSinceMs[stream] ??= clock.nowMs();
      const isPassing = clock.nowMs() - (this.gapSinceMs[stream] as number) < GAP_MS_MAX;
      if (!this.begun[stream] && isPassing) throw again(`offset ${taken} is read first`);
    }
    if (offset > taken || offset < done) {
      lost(TOPIC_OF[stream], this.partition, Math.max(0, offset - taken));
      this.begin(stream, offset);
    }
    this.begun[stream] = true;
    this.gapSinceMs[stream] = null;
  }

  private changed(): void {
    this.dirtySinceMs ??= this.ports.clock.nowMs();
  }
}

/** The partition pauses, and the same is read again. */
const again = (message: string): PlatformError =>
  new PlatformError('overloaded', message, { retry: { afterMs: AGAIN_MS } });

const nothingOf = ({ project, createdAtMs }: SegmentOwner): Counted => ({
  ...{ project, createdAtMs, records: 0, labels: 0, heardAtMs: 0 },
});

function together(a: Counted, b: Counted | undefined): Counted {
  if (b === undefined) return a;
  const heardAtMs = Math.max(a.heardAtMs, b.heardAtMs);
  return { ...a, records: a.records + b.records, labels: a.labels + b.labels, heardAtMs };
}

function refused(offset: number, project: string, message: string): BadMessage {
  return { offset, project, reasons: [{ code: 'malformed', field: 'project', message }] };
}
