// Everything that the trainer writes to Kafka goes through here: one transactional producer for the one trainer at
// work, so that the broker refuses a predecessor. A write whose outcome is not known comes again once the group says
// that this process still holds its place; every message has a key or an id by which a second one is known.

import { type Clock, PlatformError } from '@millrace/domain';
import type { FencedWriters, OutboundMessage } from '@millrace/kafka';

/** The trainer is one for all partitions. */
const NUMBER = 0;
/** A broker that restarts is back sooner; as long as messages of other services wait. */
const WRITE_MS_MAX = 30_000;
/** News that wait; a training tells of its progress four times a second. */
const NEWS_MAX = 256;

export interface TrainerLogPorts {
  /** Resolves when the group has confirmed that this process has its place, and had it all the time. */
  confirmed(): Promise<void>;
  /** Another process writes now. */
  replaced(error: PlatformError): void;
}

/** For whoever asked for something: the broker has refused the write, so nothing of it is begun. */
const REPLACED = 'another trainer has taken over while this one stood still: nothing was begun here, ask again';

interface News {
  topic: string;
  message: OutboundMessage;
  resolve(): void;
  reject(error: unknown): void;
}

export class TrainerLog {
  private readonly news: News[] = [];
  private isWritingNews = false;
  private taking: Promise<void> | undefined;
  /** The outcome of a write is not known, and the place was not taken since. */
  private isToTake = false;

  constructor(
    private readonly writers: Pick<FencedWriters, 'hold' | 'of' | 'close'>,
    private readonly ports: TrainerLogPorts,
    private readonly clock: Clock,
  ) {}

  /** Takes the place of whoever wrote before. */
  async takeOver(): Promise<void> {
    await this.writers.hold([NUMBER]);
  }

  /** Who writes here waits for each write before the next one, or is bounded by itself: the loops, the queue. */
  write(topic: string, messages: readonly OutboundMessage[]): Promise<void> {
    return this.again(() => this.writers.of(NUMBER).send(topic, messages));
  }

  /** What only informs: one after the other, so that no write stands behind them, and of too many the newest. */
  tell(topic: string, message: OutboundMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.news.push({ topic, message, resolve, reject });
      if (this.news.length > NEWS_MAX) {
        this.news.shift()?.reject(new PlatformError('overloaded', `${NEWS_MAX} newer ones wait for Kafka`));
      }
      void this.writeNews();
    });
  }

  private async writeNews(): Promise<void> {
    if (this.isWritingNews) return;
    this.isWritingNews = true;
    for (let next = this.news.shift(); next !== undefined; next = this.news.shift())
      await this.write(next.topic, [next.message]).then(next.resolve, next.reject);
    this.isWritingNews = false;
  }

  /** Before something is changed that is not in Kafka. @throws PlatformError where another trainer is at work */
  async refuseReplaced(): Promise<void> {
    await this.again(() => this.writers.of(NUMBER).transaction(async () => undefined));
  }

  private async again(work: () => Promise<void>): Promise<void> {
    const endMs = this.clock.monotonicMs() + WRITE_MS_MAX;
    for (;;) {
      try {
        // While it is taken nobody holds it, which a writer would take for another process that does.
        if (this.isToTake) await this.takeAgain();
        await work();
        return;
      } catch (thrown) {
        const error = PlatformError.from(thrown);
        if (error.code === 'conflict') {
          this.ports.replaced(error);
          throw new PlatformError('conflict', REPLACED, { cause: error });
        }
        if (error.code !== 'unavailable') throw error;
        this.isToTake = true;
        if (this.clock.monotonicMs() >= endMs) throw error;
      }
    }
  }

  /** One for all that wait. It fails where the broker is there and does not say yet who coordinates transactions. */
  private takeAgain(): Promise<void> {
    this.taking ??= this.take().finally(() => {
      this.taking = undefined;
    });
    return this.taking;
  }

  /**
   * First asked, so that no successor is pushed from its place. And asked again: who stood still between the two has
   * pushed one out, and knows nothing of what it has written.
   */
  private async take(): Promise<void> {
    await this.ports.confirmed();
    await this.writers.hold([NUMBER]);
    await this.ports.confirmed();
    this.isToTake = false;
  }

  close(): Promise<void> {
    return this.writers.close();
  }
}
