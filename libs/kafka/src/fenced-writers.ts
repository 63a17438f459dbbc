// The transactional producers of the partition numbers that this process holds, one for each: the transactional id is
// "<state>-<number>", so that the broker fences whoever held the number before. Taking over is one thing (`hold`),
// reading what the predecessor wrote is the caller's, after it.

import { PlatformError } from '@millrace/domain';
import type { KafkaConnection } from './connection.js';
import { TransactionalProducer } from './transactional-producer.js';

/** An unfinished transaction of a dead owner blocks readers no longer than this. */
const TRANSACTION_TIMEOUT_MS = 10_000;

export class FencedWriters {
  private readonly producers = new Map<number, TransactionalProducer>();
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly connection: KafkaConnection,
    /** For example "routes": what is written by one owner a number. */
    private readonly state: string,
  ) {}

  /**
   * Takes these over and lets go of all others. Gives those that were not held before, or not to any use any more: what
   * is known of them may be old.
   */
  hold(numbers: readonly number[]): Promise<number[]> {
    const holding = this.turn.then(() => this.holdNow(numbers));
    this.turn = holding.catch(() => undefined); // the caller has it
    return holding;
  }

  private async holdNow(numbers: readonly number[]): Promise<number[]> {
    for (const [number, producer] of this.producers) {
      if (numbers.includes(number) && producer.isUsable) continue;
      this.producers.delete(number);
      await producer.close();
    }
    const taken = numbers.filter((number) => !this.producers.has(number));
    // Where one cannot be taken over the others have come to their end too, before anybody tries again: a producer that
    // connects later would fence the next one.
    const results = await Promise.allSettled(taken.map((number) => this.taken(number)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed === undefined) {
      results.forEach((result, index) => {
        if (result.status === 'fulfilled') this.producers.set(taken[index] as number, result.value);
      });
      return taken;
    }
    // None: the next call says of all of them that they are taken over.
    for (const result of results) if (result.status === 'fulfilled') await result.value.close();
    throw failed.reason;
  }

  private async taken(number: number): Promise<TransactionalProducer> {
    const producer = new TransactionalProducer(this.connection, {
      transactionalId: `${this.state}-${number}`,
      timeoutMs: TRANSACTION_TIMEOUT_MS,
      // One that renewed itself would fence a successor that it does not know of.
      renews: false,
    });
    try {
      await producer.connect();
    } catch (error) {
      await producer.close();
      throw error;
    }
    return producer;
  }

  /** Those of these that are held, and to use. */
  held(numbers: readonly number[]): number[] {
    return numbers.filter((number) => this.producers.get(number)?.isUsable);
  }

  /** @throws PlatformError 'conflict' where the number is not held */
  of(number: number): TransactionalProducer {
    const producer = this.producers.get(number);
    if (producer !== undefined) return producer;
    throw new PlatformError('conflict', `${this.state} of partition ${number} are written by another process`);
  }

  async close(): Promise<void> {
    await Promise.all([...this.producers.values()].map((producer) => producer.close()));
    this.producers.clear();
  }
}
