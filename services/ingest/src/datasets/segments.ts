// What is read of the live stream and in no closed version yet: buffers in memory, segments on disk. Files change one
// after the other: a flush, a merge and the begin of a close never run at the same time.
//
// Bounds: `bufferBytesMax` in memory (then reading waits for a flush), `diskBytesMax` on disk (then reading stops until
// spans close). Memory does not depend on span, label delay or rate. A file system that refuses stops reading likewise:
// what was not written stays in memory and is tried again. Cost: O(segments of the project) a close.

import type { LabelMessage, RecordMessage } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { RecordSchema } from '../schema/record-schema.js';
import { type ClosePlan, folderOf, type SegmentFile, type SegmentFiles, type SegmentOwner } from './segment.js';
import { type Position, SegmentBuffers } from './segment-buffers.js';

export interface SegmentBounds {
  /** Rows in memory, estimated. */
  bufferBytesMax: number;
  /** Processing time after which rows are written, however few. */
  flushAfterMs: number;
  /** 0 = half of what segments take and of what is free beside them when they are opened. */
  diskBytesMax: number;
}

/** This many files of one span and level become one: a span of a million flushes is read as a few dozen files. */
const MERGE_FILES = 16;

export type Blocked = { why: 'quota' | 'disk'; message: string };

export class Segments {
  private readonly buffers = new SegmentBuffers();
  private readonly files = new Map<string, Map<string, SegmentFile>>();
  private readonly plans = new Map<string, ClosePlan>();
  private readonly pinned = new Set<string>();
  /** Late labels that are being joined. */
  private readonly refreshing = new Set<string>();
  private tail: Promise<unknown> = Promise.resolve();
  private failed: PlatformError | null = null;
  private diskBytesMax = Number.POSITIVE_INFINITY;

  constructor(
    private readonly store: SegmentFiles,
    private readonly bounds: SegmentBounds,
  ) {}

  async open(): Promise<void> {
    const { files, plans } = await this.store.open();
    for (const file of files) this.add(file);
    for (const plan of plans) this.pin(plan);
    this.diskBytesMax = this.bounds.diskBytesMax || (this.bytesOnDisk + (await this.store.freeBytes())) / 2;
  }

  addRecord(
    owner: SegmentOwner,
    spanStartMs: number,
    schema: RecordSchema,
    record: RecordMessage,
    at: Position,
    nowMs: number,
  ) {
    this.buffers.addRecord(owner, spanStartMs, schema, record, at, nowMs);
  }

  addLabel(owner: SegmentOwner, spanStartMs: number, label: LabelMessage, at: Position, nowMs: number): void {
    this.buffers.addLabel(owner, spanStartMs, label, at, nowMs);
  }

  /** Why nothing more may be taken in; null when it may. */
  get blocked(): Blocked | null {
    if (this.failed !== null) return { why: 'disk', message: this.failed.message };
    const { diskBytesMax } = this;
    if (this.bytesOnDisk < diskBytesMax) return null;
    return { why: 'quota', message: `open spans take ${this.bytesOnDisk} bytes on disk, at most ${diskBytesMax}` };
  }

  get bytesOnDisk(): number {
    let bytes = 0;
    for (const files of this.files.values()) for (const file of files.values()) bytes += file.bytes;
    return bytes;
  }

  get bytesInMemory(): number {
    return this.buffers.bytes;
  }

  floor(topic: string, partition: number): number | null {
    return this.buffers.floor(topic, partition);
  }

  /** Resolves when there is room in memory again, or when writing fails (then `blocked` says why). */
  async makeRoom(): Promise<void> {
    if (this.buffers.bytes >= this.bounds.bufferBytesMax) await this.flush().catch(() => undefined); // `blocked` says it
  }

  /** Rows that waited long enough are written; a failed write is tried again. */
  async flushDue(nowMs: number): Promise<void> {
    const since = this.buffers.sinceMs;
    const due = since !== null && nowMs - since >= this.bounds.flushAfterMs;
    if (due || this.failed !== null) await this.flush().catch(() => undefined); // `blocked` says it
  }

  /** Everything of a project, or everything, that is in memory now is on disk. */
  flush(owner?: SegmentOwner): Promise<void> {
    return this.inOrder(async () => {
      await this.write(owner);
      await this.mergeSmall();
    });
  }

  /** Spans that hold records, each by what it starts with; rows are as they were read, repeated ones among them. */
  recordSpans(owner: SegmentOwner): Map<number, number> {
    const spans = new Map<number, number>();
    for (const { kind, spanStartMs, rows } of this.parts(owner)) {
      if (kind === 'records') spans.set(spanStartMs, (spans.get(spanStartMs) ?? 0) + rows);
    }
    return spans;
  }

  labelSpans(owner: SegmentOwner): Map<number, number> {
    const spans = new Map<number, number>();
    for (const { kind, spanStartMs, rows } of this.parts(owner)) {
      if (kind === 'labels') spans.set(spanStartMs, (spans.get(spanStartMs) ?? 0) + rows);
    }
    return spans;
  }

  /** The close that has begun, also before a restart. */
  planOf(owner: SegmentOwner): ClosePlan | null {
    return this.plans.get(folderOf(owner)) ?? null;
  }

  /** Writes what is in memory, and pins what is chosen then to the close of a span. */
  beginClose(
    owner: SegmentOwner,
    span: Pick<ClosePlan, 'spanStartMs' | 'spanEndMs'>,
    choose: (files: readonly SegmentFile[]) => Pick<ClosePlan, 'records' | 'labels'>,
  ): Promise<ClosePlan> {
    return this.inOrder(async () => {
      await this.write(owner);
      const files = [...(this.files.get(folderOf(owner))?.values() ?? [])];
      const plan: ClosePlan = { project: owner.project, createdAtMs: owner.createdAtMs, ...span, ...choose(files) };
      await this.store.begin(plan);
      this.pin(plan);
      return plan;
    });
  }

  /** The version is announced: what it was made of goes, but the labels that found no row, which come instead. */
  endClose(plan: ClosePlan, left: readonly SegmentFile[]): Promise<void> {
    return this.inOrder(async () => {
      for (const file of left) this.add(file);
      const done = [...plan.records, ...plan.labels];
      await this.store.remove(done);
      await this.store.end(plan);
      const files = this.files.get(folderOf(plan));
      for (const { name } of done) files?.delete(name);
      this.plans.delete(folderOf(plan));
      this.pinned.clear();
      for (const other of this.plans.values()) this.pin(other);
    });
  }

  /** Writes what is in memory, and hands labels out until `endRefresh`; nothing merges them meanwhile. */
  beginRefresh(owner: SegmentOwner, choose: (file: SegmentFile) => boolean): Promise<SegmentFile[]> {
    return this.inOrder(async () => {
      await this.write(owner);
      const files = [...(this.files.get(folderOf(owner))?.values() ?? [])].filter(choose);
      for (const file of files) this.refreshing.add(`${folderOf(file)}/${file.name}`);
      return files;
    });
  }

  /** Those that found their row go; `left` stand in their place. Done twice after a crash, it changes nothing. */
  endRefresh(owner: SegmentOwner, labels: readonly SegmentFile[], left: readonly SegmentFile[]): Promise<void> {
    return this.inOrder(async () => {
      for (const file of left) this.add(file);
      await this.store.remove(labels);
      for (const { name } of labels) {
        this.files.get(folderOf(owner))?.delete(name);
        this.refreshing.delete(`${folderOf(owner)}/${name}`);
      }
    });
  }

  /** Rows of a deleted project. */
  forget(owner: SegmentOwner): Promise<void> {
    this.buffers.forget(owner);
    return this.inOrder(async () => {
      this.files.delete(folderOf(owner));
      this.plans.delete(folderOf(owner));
      await this.store.removeOwner(owner);
    });
  }

  owners(): SegmentOwner[] {
    return [...this.files.values()].flatMap((files) => [...files.values()].slice(0, 1));
  }

  private *parts(owner: SegmentOwner): Iterable<Pick<SegmentFile, 'kind' | 'spanStartMs' | 'rows'>> {
    yield* this.files.get(folderOf(owner))?.values() ?? [];
    for (const { key, rows } of this.buffers.of(owner)) yield { ...key, rows };
  }

  private async write(owner?: SegmentOwner): Promise<void> {
    try {
      for (const buffer of this.buffers.seal(owner)) {
        this.add(await this.store.write(buffer.key, buffer.columns));
        this.buffers.written(buffer);
      }
      this.failed = null;
    } catch (thrown) {
      this.failed = PlatformError.from(thrown, 'unavailable');
      throw this.failed;
    }
  }

  private async mergeSmall(): Promise<void> {
    const groups = new Map<string, SegmentFile[]>();
    for (const files of this.files.values()) {
      for (const file of files.values()) {
        const path = `${folderOf(file)}/${file.name}`;
        if (this.pinned.has(path) || this.refreshing.has(path)) continue;
        const text = `${folderOf(file)} ${file.kind} ${file.spanStartMs} ${file.schema} ${file.level}`;
        groups.set(text, [...(groups.get(text) ?? []), file]);
      }
    }
    for (const group of groups.values()) {
      if (group.length < MERGE_FILES) continue;
      this.add(await this.store.merge(group));
      const files = this.files.get(folderOf(group[0] as SegmentFile));
      for (const { name } of group) files?.delete(name);
      await this.store.remove(group);
    }
  }

  private pin(plan: ClosePlan): void {
    this.plans.set(folderOf(plan), plan);
    for (const file of [...plan.records, ...plan.labels]) this.pinned.add(`${folderOf(plan)}/${file.name}`);
  }

  private add(file: SegmentFile): void {
    let files = this.files.get(folderOf(file));
    if (files === undefined) {
      files = new Map();
      this.files.set(folderOf(file), files);
    }
    files.set(file.name, file);
  }

  private inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.tail.then(work);
    this.tail = result.catch(() => undefined);
    return result;
  }
}
