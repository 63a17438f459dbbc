// Ordered end of a process. Drain hooks run first, in the order of registration, while connections still stand; then
// the Nest application closes (listeners, Kafka strategies with their commits, onModuleDestroy); then close hooks run
// in reverse order (producers before what they stand on).

import { logger } from '@millrace/telemetry';

type Hook = () => Promise<void> | void;

export class Shutdown {
  private readonly log = logger('shutdown');
  private readonly drainHooks: { name: string; hook: Hook }[] = [];
  private readonly closeHooks: { name: string; hook: Hook }[] = [];
  private started = false;

  /** From the first drain hook on: nothing new is begun. */
  get begun(): boolean {
    return this.started;
  }

  /** Finish what was begun: answer requests in flight, flush queues. */
  onDrain(name: string, hook: Hook): void {
    this.drainHooks.push({ name, hook });
  }

  /** Give resources back: producers, clients, files. */
  onClose(name: string, hook: Hook): void {
    this.closeHooks.push({ name, hook });
  }

  async drain(): Promise<void> {
    this.started = true;
    for (const { name, hook } of this.drainHooks) await this.run(name, hook);
  }

  async close(): Promise<void> {
    for (const { name, hook } of [...this.closeHooks].reverse()) await this.run(name, hook);
  }

  /** A hook that fails must not keep the others from running. */
  private async run(name: string, hook: Hook): Promise<void> {
    try {
      await hook();
    } catch (error) {
      this.log.error('shutdown hook failed', { hook: name }, error);
    }
  }
}

/** Waits for the end of something that may hang on a broker which is away, but no longer than that. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
