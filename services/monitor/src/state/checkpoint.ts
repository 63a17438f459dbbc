// When and in what order state becomes durable, over a port that writes. Pure but for awaiting the port.
//
// Order: history records first (appended, synced), then the snapshot that no longer holds them; so a crash between the
// two finds a record in both places, and the snapshot says which one holds. Windows are published before the snapshot
// in which they are closed, so a crash in between publishes them again under the same ids.

import type { Clock } from '@millrace/domain';
import type { Engine, EngineState } from '../windows/engine.js';
import type { HistoryRecord } from '../windows/history.js';

/** `other_format`: what another release saved was set aside, `reason` says where it lies; the state begins afresh. */
export type LoadedState =
  | { kind: 'saved'; state: EngineState; history: HistoryRecord[] }
  | { kind: 'absent' }
  | { kind: 'other_format'; reason: string };

export interface StateStore {
  load(): Promise<LoadedState>;
  /** `lines`: a HistoryRecord as JSON on each. */
  appendHistory(lines: string): Promise<void>;
  /** `text`: an EngineState as JSON. */
  writeSnapshot(text: string): Promise<void>;
}

/** Writing takes at most this share of the time, however large the state grows. */
const WRITING_SHARE_MAX = 0.1;

export class Checkpointer {
  private dirty = false;
  private writing: Promise<void> | undefined;
  private notBeforeMs = 0;
  /** History that is drained from the engine but not yet in the file. */
  private finished = '';
  lastMs = 0;
  lastTookMs = 0;

  constructor(
    private readonly engine: Engine,
    private readonly store: StateStore,
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
    const history = this.engine.drainHistory();
    // Text at once: the state goes on changing while files are written.
    const snapshot = JSON.stringify(this.engine.state());
    this.finished += history.map((record) => `${JSON.stringify(record)}\n`).join('');
    const lines = this.finished;
    try {
      if (lines !== '') await this.store.appendHistory(lines);
      this.finished = this.finished.slice(lines.length);
      await this.store.writeSnapshot(snapshot);
    } catch (error) {
      this.dirty = true;
      throw error;
    }
    this.lastTookMs = this.clock.monotonicMs() - started;
    this.lastMs = this.clock.nowMs();
    this.notBeforeMs = this.clock.monotonicMs() + Math.max(this.everyMs, this.lastTookMs / WRITING_SHARE_MAX);
  }
}
