// When the state of the partition numbers that this process holds becomes durable, over ports that write. Pure but for
// awaiting them. A number's checkpoint is one file; when it is durable its place is told on the board by the number's
// writer, so that whoever takes the number over finds it, and a process that was replaced tells nothing.
//
// Nothing is saved while a judgement waits to be told: a part that knows a window as closed must not outlive a decision
// that nobody knows.

import type { Clock } from '@millrace/domain';
import type { ArchiveState } from '../archive/archive.js';
import { type CheckpointEntry, keys, type Written } from '../windows/board.js';
import type { Engine } from '../windows/engine.js';
import type { Reports } from '../windows/reports.js';

export interface CheckpointPorts {
  /** Writes the file; resolves when it is durable. `text`: a NumberState as JSON. */
  write(partition: number, text: string): Promise<CheckpointEntry>;
  /** Removes one that is replaced. */
  remove(checkpoint: CheckpointEntry): Promise<void>;
  tell(partition: number, entry: Written): Promise<void>;
  /** Removes what nobody was told of, but for this one. */
  sweep(partition: number, told: CheckpointEntry): Promise<void>;
  /** How far the number is archived: what is not has to be read again. */
  archived(partition: number): ArchiveState | undefined;
}

const SWEEP_EVERY_MS = 3_600_000;
/** Writing takes at most this share of the time, however large the state grows. */
const WRITING_SHARE_MAX = 0.1;

export class Checkpointer {
  private dirty = false;
  private writing: Promise<void> | undefined;
  private notBeforeMs = 0;
  /** Positions of a number when it was last saved: where they are the same, nothing has changed. */
  private readonly saved = new Map<number, { at: string; entry: CheckpointEntry }>();
  private readonly sweptAtMs = new Map<number, number>();
  lastTookMs = 0;

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

  /** Called on a timer: writes when there is something new and enough time has passed. */
  async maybe(): Promise<void> {
    if (!this.dirty || this.clock.monotonicMs() < this.notBeforeMs) return;
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
    try {
      for (const partition of this.reports.held()) await this.saveNumber(partition);
    } catch (error) {
      this.dirty = true;
      throw error;
    }
    this.lastTookMs = this.clock.monotonicMs() - started;
    this.notBeforeMs = this.clock.monotonicMs() + Math.max(this.everyMs, this.lastTookMs / WRITING_SHARE_MAX);
  }

  private async saveNumber(partition: number): Promise<void> {
    if (!this.reports.isHeld(partition)) return;
    if (!this.reports.isTold()) {
      this.dirty = true;
      return;
    }
    const archive = this.ports.archived(partition);
    const state = { ...this.engine.numberState(partition), ...(archive === undefined ? {} : { archive }) };
    const at = JSON.stringify([state.positions, archive, this.engine.judgeChanges]);
    const before = this.engine.board.checkpoint(partition) ?? this.saved.get(partition)?.entry;
    if (this.saved.get(partition)?.at === at) return;
    const entry = await this.ports.write(partition, JSON.stringify(state));
    // The group may have given it to another process meanwhile.
    if (!this.reports.isHeld(partition)) return this.ports.remove(entry);
    await this.ports.tell(partition, { key: keys.checkpoint(partition), value: entry });
    this.saved.set(partition, { at, entry });
    const nowMs = this.clock.monotonicMs();
    if (nowMs - (this.sweptAtMs.get(partition) ?? Number.NEGATIVE_INFINITY) >= SWEEP_EVERY_MS) {
      this.sweptAtMs.set(partition, nowMs);
      await this.ports.sweep(partition, entry);
    }
    if (before !== undefined && before.path !== entry.path) await this.ports.remove(before);
  }
}
