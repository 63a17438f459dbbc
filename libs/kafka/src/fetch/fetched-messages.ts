// What one fetch brought of a partition, handed out some messages at a time.

import type { Batch } from 'kafkajs';
import { type InboundMessage, toInbound } from '../message.js';
import { batchOf } from './whole-batches.js';

export class FetchedMessages {
  private at = 0;
  /** A batch holds all of its messages, also where it was asked for from its middle on. */
  private readonly from: number;

  constructor(
    private readonly topic: string,
    private readonly fetched: Pick<Batch, 'partition' | 'messages' | 'lastOffset'> & {
      readonly fetchedOffset?: string;
    },
  ) {
    this.from = Number(fetched.fetchedOffset ?? Number.NEGATIVE_INFINITY);
  }

  /** What is behind the last message: a batch from which messages were compacted away ends later than they do. */
  get lastOffset(): string {
    return this.fetched.messages.at(-1)?.offset ?? this.fetched.lastOffset();
  }

  /** The next ones, at most so many; none where all were handed out. */
  next(max: number): InboundMessage[] {
    const { partition, messages } = this.fetched;
    const taken: InboundMessage[] = [];
    while (this.at < messages.length && taken.length < max) {
      const message = messages[this.at] as Batch['messages'][0];
      const batch = batchOf(message);
      if (batch === undefined) taken.push(toInbound(this.topic, partition, message));
      else batch.take(this.topic, partition, this.from, max, taken);
      if (batch?.isAtEnd !== false) this.at += 1;
    }
    return taken;
  }
}
