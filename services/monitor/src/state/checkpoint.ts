// When the state of the partition numbers that this process holds becomes durable, over ports that write. Pure but for
// awaiting them. A number's checkpoint is a file that names its
// pieces, of which those are written that changed; when all are durable its place is told on the board by the number's
// writer, so that whoever takes the number over finds it, and a process that was replaced tells nothing.
//
// Nothing is saved while a judgement waits to be told: a part that knows a window as closed must not outlive a decision
// that nobody knows.

import type { Clock } from '@millrace/domain';
import type { ArchiveState } from '../archive/archive.js';
import { type CheckpointEntry, keys, type Written } from '../windows/board.js';
import type { Engine } from '../windows/engine.js';
import type { Reports } from '../windows/reports.js';
import { PieceFiles } from './piece-files.js';

export interface CheckpointPorts {
  /** Writes the file that names the pieces; resolves when it is durable. `text`: PlacedPieces as JSON. */
  write(partition: number, text: string): Promise<CheckpointEntry>;
  /** Removes one that is replaced. */
  remove(checkpoint: CheckpointEntry): Promise<void>;
  tell(partition: number, entry: Written): Promise<void>;
  /** A part of one. */
  writePiece(partition: number, text: string): Promise<CheckpointEntry>;
  /** Removes what nobody was told of, but for these. */
  sweep(partition: number, told: readonly CheckpointEntry[]): Promise<void>;
  /** Tells what was judged; resolves when it is told. */
  tellJudged(): Promise<void>;
  /** How far the number is archived: what is not has to be read again. */
  archived(partition: number): ArchiveState | undefined;
}

const SWEEP_EVERY_MS = 3_600_000;
/** Writing takes at most this share of the time, however large the state grows. */
const WRITING_SHARE_MAX = 0.1;

/** After a failure; twice as long after each further one. */
const TRY_AGAIN_MS = 1_000;
const TRY_AGAIN_MAX_MS = 30_000;

export class Checkpointer {
  private dirty = false;
  private writing: Promise<void> | undefined;
  /** Not even what is urgent. */
  private notBeforeMs = Number.NEGATIVE_INFINITY;
  private writtenAtMs = Number.NEGATIVE_INFINITY;
  private isUrgent = false;
  /** One after the other. */
  private failures = 0;
  /** Positions of a number when it was last saved: where they are the same, nothing has changed. */
  private readonly saved = new Map<number, { at: string; entry: CheckpointEntry }>();
  private readonly sweptAtMs = new Map<number, number>();
  /** By what is one for as long as the number is held. */
  private readonly files = new WeakMap<object, PieceFiles>();
  lastTookMs = 0;
  /** Written in the last checkpoint. */
  lastBytes = 0;

  constructor(
    private readonly engine: Engine,
    private readonly reports: Reports,
    private readonly ports: CheckpointPorts,
    private readonly clock: Clock,
    private readonly everyMs: number,
  ) {}

  touched(): void {
    this.dirty = true;
  }

  /** Something was judged: what led to it need not be read again. */
  judged(): void {
    this.dirty = true;
    this.isUrgent = true;
  }

  /** Called on a timer: writes when there is something new and enough time has passed. */
  async maybe(): Promise<void> {
    const dueMs = this.isUrgent ? this.notBeforeMs : Math.max(this.notBeforeMs, this.writtenAtMs + this.everyMs);
    if (!this.dirty || this.clock.monotonicMs() < dueMs) return;
    await this.write();
  }

  /** Writes now; a second call waits for the first and then writes what came meanwhile. */
  async write(): Promise<void> {
    while (this.writing !== undefined) await this.writing;
    this.writing = this.save().finally(() => {
      this.writing = undefined;
    });
    await this.writing;
  }

  private async save(): Promise<void> {
    const started = this.clock.monotonicMs();
    this.dirty = false;
    this.isUrgent = false;
    this.lastBytes = 0;
    try {
      for (const partition of this.reports.held()) await this.saveNumber(partition);
    } catch (error) {
      this.dirty = true;
      this.failures += 1;
      const waitMs = Math.min(TRY_AGAIN_MAX_MS, TRY_AGAIN_MS * 2 ** (this.failures - 1));
      this.notBeforeMs = this.clock.monotonicMs() + waitMs;
      throw error;
    }
    this.failures = 0;
    this.writtenAtMs = this.clock.monotonicMs();
    this.lastTookMs = this.writtenAtMs - started;
    this.notBeforeMs = this.writtenAtMs + this.lastTookMs / WRITING_SHARE_MAX;
  }

  private async saveNumber(partition: number): Promise<void> {
    // Under traffic something is nearly always judged and not yet told. A calm moment may be long in coming, and
    // whoever begins anew would read again what windows that are over had counted.
    if (!this.reports.isTold()) await this.ports.tellJudged();
    if (!this.reports.isHeld(partition)) return;
    if (!this.reports.isTold()) {
      this.judged();
      return;
    }
    const archive = this.ports.archived(partition);
    const pieces = { ...this.engine.numberPieces(partition), ...(archive === undefined ? {} : { archive }) };
    const at = JSON.stringify([pieces.positions, archive, this.engine.judgeChanges]);
    const before = this.engine.board.checkpoint(partition) ?? this.saved.get(partition)?.entry;
    if (this.saved.get(partition)?.at === at) return;
    const known = this.engine.savedOf(partition);
    const holding = this.reports.holding(partition) as object;
    const files = this.files.get(holding) ?? new PieceFiles();
    this.files.set(holding, files);
    // Of one moment: messages are applied while files are written.
    const taken = files.take(pieces);
    const fresh: CheckpointEntry[] = [];
    const { written, entry } = await this.writeFiles(partition, taken, fresh);
    this.lastBytes += written.bytes;
    // The group may have given it to another process meanwhile.
    if (this.reports.holding(partition) !== holding) {
      for (const file of fresh) await this.ports.remove(file);
      return;
    }
    await this.ports.tell(partition, { key: keys.checkpoint(partition), value: entry });
    this.saved.set(partition, { at, entry });
    known();
    const replaced = files.told(written);
    if (before !== undefined && before.path !== entry.path) replaced.push(before);
    for (const file of replaced) await this.ports.remove(file);
    const nowMs = this.clock.monotonicMs();
    if (nowMs - (this.sweptAtMs.get(partition) ?? Number.NEGATIVE_INFINITY) >= SWEEP_EVERY_MS) {
      this.sweptAtMs.set(partition, nowMs);
      await this.ports.sweep(partition, [entry, ...files.all()]);
    }
  }

  /** `fresh` gets all that are new. Where one cannot be written, none of them is there. */
  private async writeFiles(partition: number, taken: ReturnType<PieceFiles['take']>, fresh: CheckpointEntry[]) {
    try {
      const written = await taken.write((text) => this.ports.writePiece(partition, text), fresh);
      const entry = await this.ports.write(partition, written.manifest);
      fresh.push(entry);
      return { written, entry };
    } catch (error) {
      // The first failure is the one to tell; what stays is swept later.
      for (const file of fresh) await this.ports.remove(file).catch(() => undefined);
      throw error;
    }
  }
}
