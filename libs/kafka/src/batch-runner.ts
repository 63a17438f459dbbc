// Runs a handler over messages until each has had its effect or is a dead letter: bounded retry with back-off, then the
// search for the bad message one by one. Knows no broker; the strategy feeds it and commits what it returns.

import { PlatformError } from '@millrace/domain';
import { badMessage } from './decode-batch.js';
import { ACTION_BY_CODE, backoffMs } from './error-actions.js';
import type { BadMessage, InboundMessage } from './message.js';

/** What a handler may return. */
export interface BatchResult {
  /** Messages of this batch that are bad: they go to the dead letters, the rest counts as done. */
  deadLetters?: readonly BadMessage[];
  /**
   * Position to commit: the offset that is read first after a restart. Hold it back while an effect is not durable yet.
   * null = leave the committed position where it is; undefined = after the last message of the batch.
   */
  nextOffset?: number | null;
}

export interface RetrySettings {
  /** First back-off; doubles up to `maxMs`. */
  initialMs: number;
  maxMs: number;
  /** Time that one batch may spend in retries for a fault of the surroundings (unavailable …); then: stop. */
  budgetMs: number;
}

export interface BatchRunnerPorts {
  handle(messages: InboundMessage[]): Promise<BatchResult | undefined>;
  deadLetter(bad: BadMessage): Promise<void>;
  /** Waits, keeping the group membership alive; rejects when the partition was taken away. */
  pause(forMs: number): Promise<void>;
  retried(error: PlatformError, attempt: number): void;
}

/** Thrown when the process must end; nothing of the batch may be committed. */
export class StopConsuming extends Error {
  constructor(override readonly cause: PlatformError) {
    super(cause.message);
    this.name = 'StopConsuming';
  }
}

/** A fault that the messages may be to blame for gets this many tries before the search for the bad one. */
const INTERNAL_TRIES = 3;

async function runOnce(
  messages: InboundMessage[],
  ports: BatchRunnerPorts,
  retry: RetrySettings,
): Promise<BatchResult | PlatformError> {
  let spentMs = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      return (await ports.handle(messages)) ?? {};
    } catch (thrown) {
      if (thrown instanceof StopConsuming) throw thrown;
      const error = PlatformError.from(thrown);
      const action = ACTION_BY_CODE[error.code];
      if (action === 'stop') throw new StopConsuming(error);
      const mayHeal = action === 'retry' || (error.code === 'internal' && attempt < INTERNAL_TRIES);
      if (!mayHeal) return error;
      const waitMs = Math.max(
        backoffMs(attempt, retry.initialMs, retry.maxMs),
        typeof error.retry === 'object' ? error.retry.afterMs : 0,
      );
      spentMs += waitMs;
      if (action === 'retry' && spentMs > retry.budgetMs) throw new StopConsuming(error);
      ports.retried(error, attempt);
      await ports.pause(waitMs);
    }
  }
}

/** Returns what may be committed: `nextOffset` as the handler said, undefined = the whole batch. */
export async function runBatch(
  messages: InboundMessage[],
  ports: BatchRunnerPorts,
  retry: RetrySettings,
): Promise<Pick<BatchResult, 'nextOffset'>> {
  const whole = await runOnce(messages, ports, retry);
  if (!(whole instanceof PlatformError)) {
    for (const bad of whole.deadLetters ?? []) await ports.deadLetter(bad);
    return { nextOffset: whole.nextOffset };
  }
  if (messages.length === 1) {
    await ports.deadLetter(badMessage(messages[0] as InboundMessage, whole));
    return {};
  }
  let nextOffset: number | null | undefined;
  for (const message of messages) {
    const single = await runBatch([message], ports, retry);
    if (single.nextOffset !== undefined) nextOffset = single.nextOffset;
  }
  return { nextOffset };
}
