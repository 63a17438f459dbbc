// The log of answered predictions: a queue of bounded size between the request path, which only appends, and a drain
// that writes to Kafka at its own pace. Full queue: the new prediction is dropped and counted (drop-new keeps what is
// already ordered). Broker down: the drain waits and tries again, the request path never notices.
//
// Cost of `offer` O(1) without I/O; memory bounded by `rowsMax` rows and `bytesMax` bytes of them. What becomes of a
// batch that Kafka will never take stands in refused-batch.ts. Delivery is at least once: a batch whose acknowledgement
// was lost is sent again, the prediction id makes that harmless.

import { PlatformError } from '@millrace/domain';
import { RefusedBatch } from './refused-batch.js';

export interface LoggedRows<T> {
  readonly item: T;
  readonly rows: number;
  readonly bytes: number;
}

export interface PredictionLogLimits {
  /** Rows that may wait. */
  rowsMax: number;
  /** Bytes that these rows may take, as their owner estimates them: rows with long texts count for what they hold. */
  bytesMax: number;
  /** Rows in one write. */
  batchRowsMax: number;
  /** How long the drain collects before it writes. */
  lingerMs: number;
  /** Pause after a failed write. */
  retryMs: number;
}

export interface PredictionLogPorts<T> {
  write(items: readonly T[]): Promise<void>;
  sleep(ms: number): Promise<void>;
  /** Reports the first failure of a row of failures, and the recovery. */
  state(healthy: boolean, error: unknown): void;
  /** For metrics; the log keeps its own counts too. */
  counted(outcome: 'written' | 'dropped', rows: number): void;
}

export class PredictionLog<T> {
  private queue: LoggedRows<T>[] = [];
  private head = 0;
  private waitingRows = 0;
  private waitingBytes = 0;
  private readonly refused = new RefusedBatch();
  private droppedRows = 0;
  private writtenRows = 0;
  /** Of the last write; undefined where it succeeded. */
  private failure: unknown;
  private closing = false;
  private draining: Promise<void> | undefined;

  constructor(
    private readonly limits: PredictionLogLimits,
    private readonly ports: PredictionLogPorts<T>,
  ) {}

  get queued(): number {
    return this.waitingRows;
  }

  get dropped(): number {
    return this.droppedRows;
  }

  get written(): number {
    return this.writtenRows;
  }

  /** What a person should know of it: that it cannot be written now, or that rows were lost. */
  get trouble(): string | undefined {
    const lost =
      this.droppedRows === 0 ? '' : `${this.droppedRows} predictions were not logged since this process began`;
    if (this.failure === undefined) return lost || undefined;
    const { reason } = PlatformError.from(this.failure);
    const waits = `the prediction log cannot be written, ${this.waitingRows} predictions wait: ${reason}`;
    return lost === '' ? waits : `${waits}; ${lost}`;
  }

  /** Never waits, never throws. `bytes`: about what the item keeps in memory. */
  offer(item: T, rows: number, bytes: number): void {
    const { rowsMax, bytesMax } = this.limits;
    if (this.waitingRows + rows > rowsMax || this.waitingBytes + bytes > bytesMax || this.closing) {
      this.drop(rows);
      return;
    }
    this.queue.push({ item, rows, bytes });
    this.waitingRows += rows;
    this.waitingBytes += bytes;
    this.draining ??= this.drain();
  }

  /** Writes what waits, for at most `withinMs`; what is left then counts as dropped. */
  async close(withinMs: number): Promise<void> {
    this.closing = true;
    const draining = this.draining;
    if (draining) await Promise.race([draining, this.ports.sleep(withinMs)]);
    if (this.waitingRows > 0) this.drop(this.waitingRows);
    this.waitingRows = 0;
    this.waitingBytes = 0;
    this.refused.reset();
    this.queue = [];
    this.head = 0;
  }

  private drop(rows: number): void {
    this.droppedRows += rows;
    this.ports.counted('dropped', rows);
  }

  private async drain(): Promise<void> {
    while (this.waitingRows > 0) {
      const collects = !this.closing && !this.refused.oneByOne;
      if (collects && this.waitingRows < this.limits.batchRowsMax) await this.ports.sleep(this.limits.lingerMs);
      const batch = this.peek();
      if (batch.length === 0) break;
      try {
        await this.ports.write(batch.map(({ item }) => item));
        // `close` may have given up meanwhile and counted these rows as dropped.
        if (this.waitingRows > 0) this.forget(batch, true);
        if (this.failure !== undefined) this.ports.state(true, undefined);
        this.failure = undefined;
      } catch (error) {
        if (this.failure === undefined) this.ports.state(false, error);
        this.failure = error ?? new Error('unknown');
        // After `close` has given up there is nothing left to split or to drop.
        if (this.waitingRows === 0) break;
        const { drop, pause } = this.refused.failed(error, batch.length);
        if (drop) this.forget(batch, false);
        if (pause) await this.ports.sleep(this.limits.retryMs);
      }
    }
    this.draining = undefined;
  }

  /** The next batch; it stays in the queue, and so within its bound, until it is written. */
  private peek(): LoggedRows<T>[] {
    const batch: LoggedRows<T>[] = [];
    let rows = 0;
    if (this.refused.oneByOne) return this.queue.slice(this.head, this.head + 1);
    for (let i = this.head; i < this.queue.length; i++) {
      const entry = this.queue[i] as LoggedRows<T>;
      if (batch.length > 0 && rows + entry.rows > this.limits.batchRowsMax) break;
      batch.push(entry);
      rows += entry.rows;
    }
    return batch;
  }

  private forget(batch: readonly LoggedRows<T>[], written: boolean): void {
    this.head += batch.length;
    this.refused.passed();
    let rows = 0;
    for (const entry of batch) {
      rows += entry.rows;
      this.waitingBytes -= entry.bytes;
    }
    this.waitingRows -= rows;
    if (written) {
      this.writtenRows += rows;
      this.ports.counted('written', rows);
    } else this.drop(rows);
    // Batches are large: copying the rest once per write keeps the array within the bound.
    this.queue = this.queue.slice(this.head);
    this.head = 0;
  }
}
