// Work on the model set, one piece after the other, and the closing of what has left the serving path, beside it: an
// old version that answers its last calls does not hold up the next load, unless there are RETIRING_MAX of them.

import { PlatformError } from '@millrace/domain';
import type { ServedModel } from './served-model.js';

/** Groups of old versions that may still be answering; beyond, the next load waits. */
const RETIRING_MAX = 8;

export type LogLine = (level: 'info' | 'error', message: string, facts: Record<string, string | number>) => void;

export class LoadQueue {
  private readonly queue: (() => Promise<void>)[] = [];
  private readonly retiring = new Set<Promise<void>>();
  private working = false;
  private waiters: (() => void)[] = [];

  constructor(private readonly log: LogLine) {}

  enqueue(work: () => Promise<void>): void {
    this.queue.push(work);
    if (!this.working) void this.work();
  }

  /** In its turn; the promise says how it went. */
  run(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => this.enqueue(() => work().then(resolve, reject)));
  }

  /** Closes what nobody can find any more, once its calls are answered; then `after`. */
  retire(served: readonly ServedModel[], after: () => Promise<void> = async () => {}): void {
    if (served.length === 0) return;
    const done: Promise<void> = this.closeAll(served)
      .then(after)
      .catch((thrown) => this.log('error', PlatformError.from(thrown).message, {}))
      .finally(() => this.retiring.delete(done));
    this.retiring.add(done);
  }

  private async closeAll(served: readonly ServedModel[]): Promise<void> {
    for (const ended of await Promise.allSettled(served.map((one) => one.close()))) {
      if (ended.status === 'rejected') this.log('error', PlatformError.from(ended.reason).message, {});
    }
    for (const { name, version } of served) this.log('info', 'model version closed', { model: name, version });
  }

  async roomToRetire(): Promise<void> {
    while (this.retiring.size >= RETIRING_MAX) await Promise.race(this.retiring);
  }

  /** Resolves when nothing waits; what retires may go on. */
  async settled(): Promise<void> {
    if (this.working) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }

  async retired(): Promise<void> {
    await Promise.all(this.retiring);
  }

  private async work(): Promise<void> {
    this.working = true;
    for (let next = this.queue.shift(); next; next = this.queue.shift()) {
      try {
        await next();
      } catch (thrown) {
        this.log('error', PlatformError.from(thrown).message, {});
      }
    }
    this.working = false;
    for (const resolve of this.waiters.splice(0)) resolve();
  }
}
