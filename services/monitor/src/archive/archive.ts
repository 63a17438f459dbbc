// The archive of predictions and labels as this process writes it: what it reads of its partition numbers waits in
// memory, and becomes files every so often. Up to where it has, the number's checkpoint says: whoever takes the number
// over reads on from there, and what lies in files already is not written again. So each message is archived once,
// whatever dies when. Memory is bounded: at the bound, or where the store takes nothing, the reader waits, and its
// messages wait in Kafka.
//
// Pure but for awaiting its port. What interleaves: messages come while files are written.

import type { LabelMessage, PredictionMessage } from '@millrace/contracts';
import { type Clock, PlatformError } from '@millrace/domain';
import { type ArchiveFile, type ArchiveKind, type ArchiveOf, byLog, needed } from './archive-file.js';
import { ArchiveLogBuffer, type ArchiveLogState, nameOf, type Waiting } from './archive-log.js';
import type { ArchiveRows } from './archive-rows.js';
import {
  type ArchivedLabel,
  type ArchivedPrediction,
  type ArchivedRow,
  LABEL_COLUMNS,
  labelOf,
  PREDICTION_COLUMNS,
  predictionOf,
} from './archived.js';

/** Of the store. */
export interface ArchiveFiles {
  /** All of one life of a project. */
  list(of: ArchiveOf): Promise<ArchiveFile[]>;
  write(name: Omit<ArchiveFile, 'bytes'>, rows: ArchiveRows): Promise<ArchiveFile>;
}

export interface ArchivePorts {
  files: ArchiveFiles;
  /** undefined: the message is not archived. */
  archives(project: string, writtenAtMs: number): ArchiveOf | undefined;
  /** What waits is written, and not of a project that was deleted meanwhile. */
  keeps(of: ArchiveOf): Promise<boolean>;
  /** How far the partition is known to reach. */
  end(kind: ArchiveKind, partition: number): number;
  written(kind: ArchiveKind, rows: number): void;
  failed(error: unknown): void;
  /** Messages that will be in no file: of the topic before it was created again, or such as cannot be written. */
  lost(kind: ArchiveKind, rows: number, why: string): void;
}

export interface ArchiveRules {
  bytesMax: number;
  flushAfterMs: number;
}

/** Of a partition number. */
export type ArchiveState = Record<ArchiveKind, ArchiveLogState>;

interface Held {
  predictions: ArchiveLogBuffer<PredictionMessage>;
  labels: ArchiveLogBuffer<LabelMessage>;
}

type AnyBuffer = Held[ArchiveKind];

/** After a failure. */
const TRY_AGAIN_MS = 1_000;
/** After so many, what cannot be written is looked for, and set aside. */
const FAILURES_MAX = 5;

export class Archive {
  private readonly held = new Map<number, Held>();
  /** By log and project's life: offsets below are in files. */
  private readonly covered = new Map<string, number>();
  private flushing: Promise<void> | undefined;
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  /** Of the last try that failed; undefined where all went well since. */
  failure: string | undefined;

  constructor(
    private readonly rules: ArchiveRules,
    private readonly ports: ArchivePorts,
    private readonly clock: Clock,
  ) {}

  /** The number is this process's. `from`: offsets to begin at where nothing was archived of it. */
  hold(partition: number, state: ArchiveState | undefined, from: Record<ArchiveKind, number>): void {
    const of = (kind: ArchiveKind) => state?.[kind] ?? { next: from[kind], log: 0 };
    this.held.set(partition, {
      predictions: new ArchiveLogBuffer('predictions', partition, PREDICTION_COLUMNS, of('predictions')),
      labels: new ArchiveLogBuffer('labels', partition, LABEL_COLUMNS, of('labels')),
    });
    for (const key of [...this.covered.keys()]) if (key.endsWith(`/${partition}`)) this.covered.delete(key);
  }

  /** Another process reads it on from the checkpoint. */
  release(partition: number): void {
    this.held.delete(partition);
  }

  /** undefined: the number is not held. */
  state(partition: number): ArchiveState | undefined {
    const held = this.held.get(partition);
    return held && { predictions: held.predictions.state(), labels: held.labels.state() };
  }

  /** Offset of the first message that has to be read for the archive; undefined: the number is not held. */
  next(kind: ArchiveKind, partition: number): number | undefined {
    return this.held.get(partition)?.[kind].state().next;
  }

  /** Where retention or a fresh topic begins. Gives how many messages are gone that were not archived. */
  startsAt(kind: ArchiveKind, partition: number, start: number): number {
    return this.held.get(partition)?.[kind].startsAt(start) ?? 0;
  }

  /** The topic was deleted and created again: it is another log. What waits of the one before is lost. */
  begunAnew(kind: ArchiveKind, partition: number, start: number): void {
    const held = this.held.get(partition);
    if (held === undefined) return;
    const log = held[kind].log + 1;
    const waiting = held[kind].rowsWaiting;
    if (waiting > 0) this.ports.lost(kind, waiting, 'their topic was created again');
    const state = { next: start, log };
    if (kind === 'predictions') held.predictions = new ArchiveLogBuffer(kind, partition, PREDICTION_COLUMNS, state);
    else held.labels = new ArchiveLogBuffer(kind, partition, LABEL_COLUMNS, state);
  }

  prediction(partition: number, offset: number, message: PredictionMessage | undefined, writtenAtMs: number): void {
    const buffer = this.held.get(partition)?.predictions;
    const of = message && this.ports.archives(message.project, writtenAtMs);
    if (message === undefined || of === undefined) buffer?.pass(offset);
    else buffer?.add(of, message, offset, writtenAtMs, this.clock.monotonicMs());
  }

  label(partition: number, offset: number, message: LabelMessage | undefined, writtenAtMs: number): void {
    const buffer = this.held.get(partition)?.labels;
    const of = message && this.ports.archives(message.project, writtenAtMs);
    if (message === undefined || of === undefined) buffer?.pass(offset);
    else buffer?.add(of, message, offset, writtenAtMs, this.clock.monotonicMs());
  }

  /**
   * Resolves when there is room for more, and begins to write where there is little left. Rejects with `overloaded`
   * where the store takes nothing: the partition is read on later.
   */
  async room(): Promise<void> {
    const { bytesMax } = this.rules;
    if (this.bytes > bytesMax / 2) {
      const flushed = this.flush();
      if (this.bytes > bytesMax) await flushed;
    }
    if (this.bytes <= bytesMax) return;
    throw new PlatformError('overloaded', `predictions cannot be archived: ${this.failure ?? 'too many wait'}`, {
      retry: { afterMs: TRY_AGAIN_MS },
    });
  }

  /** On a timer: writes what has waited long enough. */
  async settle(): Promise<void> {
    const nowMs = this.clock.monotonicMs();
    const isDue = this.buffers().some(({ sinceMs }) => nowMs - sinceMs >= this.rules.flushAfterMs);
    if (isDue) await this.flush();
  }

  /** Writes everything; resolves also where that fails, which `failure` tells. */
  async flush(): Promise<void> {
    this.flushing ??= this.flushAll().finally(() => {
      this.flushing = undefined;
    });
    await this.flushing;
  }

  /** Of the project, in no file yet. `id`: of the prediction; default: all. */
  waitingPredictions(of: ArchiveOf, id?: string): ArchivedPrediction[] {
    return [...this.held].flatMap(([partition, { predictions }]) =>
      [...rowsOf(predictions.waiting(of), partition, id)].map(predictionOf),
    );
  }

  waitingLabels(of: ArchiveOf, id?: string): ArchivedLabel[] {
    return [...this.held].flatMap(([partition, { labels }]) =>
      [...rowsOf(labels.waiting(of), partition, id)].map(labelOf),
    );
  }

  get bytes(): number {
    return this.buffers().reduce((sum, { bytes }) => sum + bytes, 0);
  }

  private buffers(): AnyBuffer[] {
    return [...this.held.values()].flatMap(({ predictions, labels }) => [predictions, labels]);
  }

  private async flushAll(): Promise<void> {
    if (this.clock.monotonicMs() < this.notBeforeMs) return;
    for (const { predictions, labels } of [...this.held.values()]) {
      await this.flushOne(predictions);
      await this.flushOne(labels);
    }
  }

  private async flushOne(buffer: AnyBuffer): Promise<void> {
    const flush = buffer.take();
    if (flush === undefined) return;
    const writePart = async (waiting: Waiting, to: number): Promise<void> => {
      const file = await this.ports.files.write(nameOf(buffer, waiting, to), waiting.rows);
      this.covered.set(coverKey(buffer, waiting), file.next);
      this.ports.written(buffer.kind, waiting.rows.length);
    };
    try {
      let failure: unknown;
      for (const waiting of flush.projects) {
        const coveredTo = await this.coveredTo(buffer, waiting);
        const rows = waiting.rows.since(coveredTo);
        if (rows.length === 0 || !(await this.ports.keeps(waiting))) continue;
        try {
          if (buffer.failures < FAILURES_MAX) await writePart({ ...waiting, rows }, flush.to);
          else await this.writeApart(buffer.kind, { ...waiting, rows }, flush.to, writePart);
        } catch (error) {
          // Where the store takes nothing, the others need not be tried each time.
          if (buffer.failures < FAILURES_MAX) throw error;
          failure ??= error;
        }
      }
      if (failure !== undefined) throw failure;
      buffer.done();
      if (this.buffers().every(({ failures }) => failures === 0)) this.failure = undefined;
    } catch (error) {
      buffer.failed(this.clock.monotonicMs());
      this.notBeforeMs = this.clock.monotonicMs() + TRY_AGAIN_MS;
      if (this.failure === undefined) this.ports.failed(error);
      this.failure = PlatformError.from(error).reason;
    }
  }

  /** Halves of what cannot be written, down to the row, which is set aside; not where the store is at fault. */
  private async writeApart(
    kind: ArchiveKind,
    waiting: Waiting,
    to: number,
    write: (waiting: Waiting, to: number) => Promise<void>,
  ): Promise<void> {
    try {
      await write(waiting, to);
    } catch (error) {
      const { code, reason } = PlatformError.from(error);
      if (code !== 'invalid_argument') throw error;
      const { rows, project } = waiting;
      const half = Math.floor(rows.length / 2);
      if (half === 0) {
        this.ports.lost(kind, 1, `message ${rows.offsets[0]} of ${project} cannot be written: ${reason}`);
        return;
      }
      await this.writeApart(kind, { ...waiting, rows: rows.part(0, half) }, rows.offsets[half] ?? to, write);
      await this.writeApart(kind, { ...waiting, rows: rows.part(half) }, to, write);
    }
  }

  /**
   * Offset up to which files of the project hold the log: a predecessor may have written some, and died before it said
   * so. Where they reach further than the topic, that is another one of its name.
   */
  private async coveredTo(buffer: AnyLog, of: ArchiveOf): Promise<number> {
    const known = this.covered.get(coverKey(buffer, of));
    if (known !== undefined) return known;
    const { kind, partition } = buffer;
    const files = (await this.ports.files.list(of)).filter(
      (file) => file.kind === kind && file.partition === partition,
    );
    const newest = Math.max(buffer.log, ...files.map(({ log }) => log));
    const reachOf = (log: number) => Math.max(0, ...files.filter((file) => file.log === log).map(({ next }) => next));
    buffer.log = reachOf(newest) > this.ports.end(kind, partition) ? newest + 1 : newest;
    const next = reachOf(buffer.log);
    this.covered.set(coverKey(buffer, of), next);
    return next;
  }
}

type AnyLog = Pick<ArchiveLogBuffer<never>, 'kind' | 'partition' | 'log'>;

const coverKey = ({ kind, partition, log }: AnyLog, { project, createdAtMs }: ArchiveOf): string =>
  `${project}/${createdAtMs}/${kind}/${log}/${partition}`;

function* rowsOf(parts: readonly ArchiveRows[], partition: number, id: string | undefined): Iterable<ArchivedRow> {
  for (const rows of parts) {
    const ids = rows.column('prediction_id');
    for (const [at, offset] of rows.offsets.entries())
      if (id === undefined || ids[at] === id) yield { value: (column) => rows.column(column)[at], partition, offset };
  }
}

/** Files that a reader needs. */
export function neededFiles(files: readonly ArchiveFile[]): ArchiveFile[] {
  return byLog(files).flatMap((log) => needed(log).kept);
}
