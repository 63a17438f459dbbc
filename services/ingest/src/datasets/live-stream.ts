// The live stream of this process: the readers of the partition numbers that it holds, and the owner of their projects.
// Memory is bounded by the buffers of all readers together, the disk by a quota; at either nothing is lost: reading
// waits for a flush, or stops until spans close.

import type {
  ClosingProgress,
  DatasetAction,
  HoldAction,
  HoldProgress,
  LabelMessage,
  ProjectReading,
  ReadingProgress,
  RecordMessage,
} from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { OwnerCommand } from './owner-commands.js';
import { type BadMessage, type LogMessage, PartitionReader, type ReaderPorts } from './partition-reader.js';
import { sweptKey } from './progress-entry.js';
import { filesOfSpan, folderOf, OF_OWNER, pathOf, type SegmentOwner } from './segment.js';
import { type LiveSettings, type OwnerPorts, SpanOwner } from './span-owner.js';
import { spanMsOf } from './span-times.js';

export interface LiveBounds {
  /** Rows in memory, estimated. */
  bufferBytesMax: number;
  /** Processing time after which rows are written, however few. */
  flushAfterMs: number;
  /** Of all processes together; 0 = half of what segments take and of what is free when partitions are first held. */
  diskBytesMax: number;
}

export type Blocked = { why: 'quota' | 'disk' | 'log'; message: string };

/** Pause before a partition is read again that was not taken in for want of room. */
const BLOCKED_MS = 1_000;
/** Answers of other processes are waited for no longer. */
const ANSWER_MS_MAX = 60_000;

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

type CommandAnswer = ClosingProgress['answers'][number];

/** How far a topic is kept, by partition number. */
export interface StreamEnds {
  readonly partition: number;
  readonly records: StreamRange;
  readonly labels: StreamRange;
}

export interface StreamRange {
  readonly low: number;
  readonly high: number;
  /** Of the consumer group: where reading goes on that progress.v1 does not know of; null = from the beginning. */
  readonly committed: number | null;
}

export interface LivePorts extends Omit<ReaderPorts, 'log'>, Omit<OwnerPorts, 'flush'> {
  /** Puts a command on the log, for the owner of its project. Gives its id. */
  send(project: string, action: DatasetAction): Promise<string>;
}

export class LiveStream {
  private readonly readers = new Map<number, PartitionReader>();
  private readonly owner: SpanOwner;
  private diskBytesMax: number | null = null;

  constructor(
    private readonly bounds: LiveBounds,
    settings: LiveSettings,
    private readonly ports: LivePorts,
  ) {
    this.owner = new SpanOwner(settings, { ...ports, flush: () => this.flush() });
  }

  /**
   * Lets go of all numbers but these: nothing that was begun with them comes to anything. Before a number is taken
   * over, also again: what is known of it here may be old.
   */
  letGo(kept: readonly number[]): void {
    for (const [number, reader] of this.readers) {
      if (kept.includes(number)) continue;
      reader.drop();
      this.readers.delete(number);
    }
    this.owner.hold(kept);
  }

  /**
   * Holds these numbers, and no others; those that are new begin with what the view of progress.v1 holds, which is all
   * that their predecessors wrote. `ends`: where the topics begin and end now.
   */
  async hold(numbers: readonly number[], ends: readonly StreamEnds[]): Promise<void> {
    this.letGo(numbers.filter((number) => this.readers.has(number)));
    const taken = numbers.filter((number) => !this.readers.has(number));
    // Before anything is read or closed: later there are files that are written and not listed yet.
    await this.sweep(taken);
    this.owner.hold(numbers);
    for (const number of taken) {
      const reader = new PartitionReader(number, this.ports);
      const range = ends.find(({ partition }) => partition === number);
      if (range !== undefined) this.begin(reader, range);
      this.readers.set(number, reader);
    }
    await this.boundDisk();
    this.owner.closeDue();
  }

  records(partition: number, messages: readonly LogMessage<RecordMessage>[]): Promise<BadMessage[]> {
    return this.taken(partition, (reader) => reader.records(messages));
  }

  labels(partition: number, messages: readonly LogMessage<LabelMessage>[]): Promise<BadMessage[]> {
    return this.taken(partition, (reader) => reader.labels(messages));
  }

  /** Where reading of a partition goes on; null where that was never told, or it is not held. */
  position(topic: string, partition: number): number | null {
    const reader = this.readers.get(partition);
    if (reader === undefined) return null;
    if (topic === 'commands.v1') return this.ports.spans.reading(partition)?.commands || null;
    return reader.position(topic === 'records.v1' ? 'records' : 'labels');
  }

  /** Everything before is durable; null as above. */
  durable(topic: string, partition: number): number | null {
    return this.readers.get(partition)?.durable(topic === 'records.v1' ? 'records' : 'labels') ?? null;
  }

  closeDue(): void {
    this.owner.closeDue();
  }

  /** Flushes whose time has come, and what was told of a stop. */
  async flushDue(nowMs: number): Promise<void> {
    const isStopped = this.blocked !== null;
    for (const reader of this.readers.values()) {
      reader.stopped(isStopped);
      if (reader.isDue(nowMs, this.bounds.flushAfterMs)) await this.flushed(reader);
    }
    this.owner.closeDue();
  }

  /** Everything that was taken in is durable. */
  async flush(): Promise<void> {
    const isStopped = this.blocked !== null;
    for (const reader of this.readers.values()) reader.stopped(isStopped);
    await Promise.all([...this.readers.values()].map((reader) => reader.flush()));
  }

  /** Closes every open version of a project now, whatever the watermark says; whichever process owns it. */
  closeAll(project: string): Promise<number> {
    return this.asked(project, { kind: 'closeDatasets' });
  }

  /**
   * Sets the watermark back, by default to now; what closed since stays, and later rows of those spans are in the next
   * versions. Gives the time.
   */
  async resetWatermark(project: string, toMs = this.ports.clock.nowMs()): Promise<number> {
    if (toMs > this.ports.clock.nowMs())
      throw new PlatformError('invalid_argument', 'that time is ahead of now: a watermark is set back');
    await this.asked(project, { kind: 'resetWatermark', toMs });
    return toMs;
  }

  /** Deletes now what the project's retention does not keep; whichever process owns it. Gives how many versions. */
  collect(project: string): Promise<number> {
    return this.asked(project, { kind: 'collectDatasets' });
  }

  /** Holds of a project of this name, removed ones too, oldest first. */
  holds(project: string): HoldProgress[] {
    return this.ports.spans.holdsOf(project);
  }

  /** @throws PlatformError 'not_found' where the owner has nothing of what it names: nothing were kept by it */
  async addHold(project: string, hold: Omit<Extract<HoldAction, { kind: 'addHold' }>, 'kind'>): Promise<HoldProgress> {
    const id = await this.ports.send(project, { kind: 'addHold', ...hold });
    const createdAtMs = this.ports.registry.createdAtMs(project) ?? 0;
    const made = await this.told<HoldProgress | CommandAnswer>(project, () => {
      const answer = this.answerOf({ project, createdAtMs }, id);
      if (answer !== undefined && answer.failure !== '') return answer;
      // One on a model version is looked at once more when it was written: the owner answers when it stays.
      if (hold.model > 0 && answer === undefined) return undefined;
      return this.holds(project).find((each) => each.id === id);
    });
    if ('failure' in made) throw new PlatformError('not_found', made.failure);
    return made;
  }

  /** @throws PlatformError 'not_found' where none of this id is in force */
  async removeHold(project: string, holdId: string, reason: string, by: string): Promise<HoldProgress> {
    if (!this.holds(project).some(({ id, removedAtMs }) => id === holdId && removedAtMs === 0))
      throw new PlatformError('not_found', `project '${project}' has no hold ${holdId} in force`);
    await this.ports.send(project, { kind: 'removeHold', holdId, reason, by });
    return this.told(project, () =>
      this.holds(project).find(({ id, removedAtMs }) => id === holdId && removedAtMs > 0),
    );
  }

  private async told<T>(project: string, find: () => T | undefined): Promise<T> {
    const found = await this.ports.spans.until(find, ANSWER_MS_MAX);
    if (found !== undefined) return found;
    throw new PlatformError(
      'unavailable',
      `the owner of '${project}' has not answered within a minute: it may be taken over just now, and carries the command out then; ` +
        `\`millrace datasets ${project}\` shows what came of it, \`millrace status\` who is behind`,
    );
  }

  /** What is asked of the owner of a project that this process holds. */
  carryOut(command: OwnerCommand): Promise<void> {
    return this.owner.carryOut(command);
  }

  settled(): Promise<void> {
    return this.owner.settled();
  }

  /** Why nothing more is taken in; null while it is. */
  get blocked(): Blocked | null {
    for (const { failed } of this.readers.values())
      if (failed !== null && failed.error.code !== 'conflict')
        return { why: failed.why, message: failed.error.message };
    const bytes = this.bytesOnDisk;
    const max = this.diskBytesMax ?? Number.POSITIVE_INFINITY;
    if (bytes < max) return null;
    return { why: 'quota', message: `open spans and labels that wait take ${bytes} bytes on disk, at most ${max}` };
  }

  get partitions(): ReadingProgress[] {
    return this.ports.spans.allReadings();
  }

  /** Of all segments, whichever process wrote them: they share the disk. */
  get bytesOnDisk(): number {
    return this.ports.spans.bytes;
  }

  get bytesInMemory(): number {
    let bytes = 0;
    for (const reader of this.readers.values()) bytes += reader.bytes;
    return bytes;
  }

  state(project: string): LiveState {
    const state: LiveState = { openRows: 0, openLabels: 0, lateLabels: 0, watermarkMs: null };
    const { registry, spans } = this.ports;
    const schema = registry.find(project);
    const createdAtMs = registry.createdAtMs(project);
    if (schema === null || createdAtMs === undefined) return state;
    const owner = { project, createdAtMs, schema };
    const add = (kind: 'records' | 'labels', spanStartMs: number, rows: number, isLate = false): void => {
      if (kind === 'records') state.openRows += rows;
      else state[isLate || this.owner.isClosed(owner, spanStartMs) ? 'lateLabels' : 'openLabels'] += rows;
    };
    // What the owner keeps was looked for in vain.
    for (const { kind, spanStartMs, rows, partition } of spans.files(owner))
      add(kind, spanStartMs, rows, partition === OF_OWNER);
    for (const reader of this.readers.values())
      for (const kind of ['records', 'labels'] as const)
        for (const [spanStartMs, rows] of reader.openRows(owner, kind)) add(kind, spanStartMs, rows);
    const watermarkMs = this.owner.watermarkOf(project) ?? leastOf(spans.readingsOf(owner));
    state.watermarkMs = Number.isFinite(watermarkMs) ? watermarkMs : null;
    return state;
  }

  /** Labels that were looked for in vain, by the end of the span that they name. */
  waitingLabels(project: string): { endMs: number; count: number }[] {
    const { registry, spans } = this.ports;
    const schema = registry.find(project);
    const createdAtMs = registry.createdAtMs(project);
    if (schema === null || createdAtMs === undefined) return [];
    return spans
      .files({ project, createdAtMs })
      .filter(({ partition }) => partition === OF_OWNER)
      .map(({ spanStartMs, rows }) => ({ endMs: spanStartMs + spanMsOf(schema), count: rows }));
  }

  /** Messages of a project on records.v1 and labels.v1, and records that were there already and in no manifest. */
  counted(project: string): { records: number; labels: number; duplicates: number } {
    const createdAtMs = this.ports.registry.createdAtMs(project);
    const counted = { records: 0, labels: 0, duplicates: 0 };
    if (createdAtMs === undefined) return counted;
    const owner: SegmentOwner = { project, createdAtMs };
    const parts = [
      ...this.ports.spans.readingsOf(owner),
      ...[...this.readers.values()].map((reader) => reader.countsOf(owner)),
    ];
    for (const { records, labels } of parts) {
      counted.records += records;
      counted.labels += labels;
    }
    counted.duplicates = this.ports.spans.closing(owner)?.duplicates ?? 0;
    return counted;
  }

  private async asked(project: string, action: DatasetAction): Promise<number> {
    const createdAtMs = this.ports.registry.createdAtMs(project);
    if (createdAtMs === undefined) return 0;
    const commandId = await this.ports.send(project, action);
    const answer = await this.told(project, () => this.answerOf({ project, createdAtMs }, commandId));
    if (answer.failure !== '') throw new PlatformError('unavailable', answer.failure);
    return answer.closed;
  }

  private answerOf(owner: SegmentOwner, commandId: string): CommandAnswer | undefined {
    return this.ports.spans.closing(owner)?.answers.find((answer) => answer.commandId === commandId);
  }

  private async taken(partition: number, take: (reader: PartitionReader) => BadMessage[]): Promise<BadMessage[]> {
    const { blocked } = this;
    if (blocked !== null) throw new PlatformError('overloaded', blocked.message, { retry: { afterMs: BLOCKED_MS } });
    const reader = this.readers.get(partition);
    // It went to another process, which reads it again.
    if (reader === undefined) return [];
    const bad = take(reader);
    // One that fails is told by `blocked`, and by the pause of the next batch.
    for (let tries = this.readers.size; tries > 0 && this.bytesInMemory >= this.bounds.bufferBytesMax; tries--)
      await this.flushed(this.largest());
    return bad;
  }

  private largest(): PartitionReader {
    return [...this.readers.values()].reduce((a, b) => (b.bytes > a.bytes ? b : a));
  }

  private async flushed(reader: PartitionReader): Promise<void> {
    // What could not be written is told by `blocked`; what was refused, or may be, by `lost`.
    await reader.flush().catch(() => undefined);
  }

  private begin(reader: PartitionReader, range: StreamEnds): void {
    for (const stream of ['records', 'labels'] as const) {
      const { low, high, committed } = range[stream];
      const told = reader.position(stream);
      const position = told ?? committed ?? low;
      if (position >= low && position <= high) {
        if (told === null) reader.begin(stream, position);
        continue;
      }
      this.ports.lost(`${stream}.v1`, reader.partition, position < low ? low - position : 0);
      reader.begin(stream, low);
    }
  }

  /**
   * Removes what a killed predecessor left and no list names. What stays takes room, no more.
   *
   * Of the files that were there when something could still be written as the holder of the number: then nobody had
   * taken it over who writes files that are not in the lists here.
   */
  private async sweep(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) {
      try {
        const paths = await this.stray(number);
        if (paths.length === 0) continue;
        await this.ports.log.write(number, [{ kind: 'gone', key: sweptKey(number) }], []);
        await this.ports.files.removePaths(paths);
        this.ports.reports.swept(number, paths.length);
      } catch (thrown) {
        this.ports.reports.swept(number, 0, PlatformError.from(thrown));
      }
    }
  }

  /** Files of the number, and of the projects whose owner its holder is, that no list names. */
  private async stray(number: number): Promise<string[]> {
    const { spans, files, partitionOf } = this.ports;
    const owned = spans.names().filter((name) => partitionOf(name) === number);
    const ofOwner = owned.flatMap((name) => spans.spansIn(name)).filter(({ partition }) => partition === OF_OWNER);
    const known = new Set([...spans.spansOf(number), ...ofOwner].flatMap(filesOfSpan).map(pathOf));
    const folders = new Set([folderOf(number), ...ofOwner.map((span) => folderOf(OF_OWNER, span))]);
    const paths: string[] = [];
    for (const folder of folders) paths.push(...(await files.list(folder)).filter((path) => !known.has(path)));
    return paths;
  }

  private async boundDisk(): Promise<void> {
    const { diskBytesMax } = this.bounds;
    this.diskBytesMax ??= diskBytesMax || (this.bytesOnDisk + (await this.ports.files.freeBytes())) / 2;
  }
}

/** As far as every partition with rows has come. */
function leastOf(readings: readonly ProjectReading[]): number {
  const known = readings.flatMap(({ recordsThroughMs }) => recordsThroughMs ?? []);
  return known.length === 0 ? Number.NEGATIVE_INFINITY : Math.min(...known);
}
