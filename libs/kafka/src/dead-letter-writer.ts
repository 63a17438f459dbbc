// Moves a bad message to deadletter.v1. Only when it is safe there may its partition move on, so this waits for the
// broker.

import { createHash } from 'node:crypto';
import { DEAD_LETTER_PAYLOAD_BYTES_MAX, encodeDeadLetter } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import { counter, logger } from '@millrace/telemetry';
import type { BadMessage } from './message.js';
import type { MessageProducer } from './producer.js';

const deadLetters = counter('millrace.kafka.dead_letters');

export class DeadLetterWriter {
  private readonly log = logger('dead-letters');

  constructor(
    private readonly producer: Pick<MessageProducer, 'send'>,
    private readonly service: string,
    private readonly clock: Clock,
  ) {}

  /** Resolves when the broker has it; rejects only once `givenUp` says that the process ends. */
  async write({ message, reasons, project }: BadMessage, givenUp: () => boolean): Promise<void> {
    const payload = message.value ?? Buffer.alloc(0);
    const { topic, partition, offset } = message;
    // From the position alone: a redelivery of the same message makes the same id.
    const id = createHash('sha256').update(`${topic}/${partition}/${offset}`).digest('hex').slice(0, 32);
    deadLetters.add(1, { topic });
    this.log.warn('message set aside', {
      topic,
      partition,
      offset,
      reasons: reasons.map((reason) => `${reason.code}: ${reason.message}`),
    });
    const value = encodeDeadLetter({
      id,
      project: project ?? '',
      source: topic,
      partition,
      offset,
      payload: payload.subarray(0, DEAD_LETTER_PAYLOAD_BYTES_MAX),
      payloadBytes: payload.length,
      payloadSha256: createHash('sha256').update(payload).digest('hex'),
      reasons,
      failedAtMs: this.clock.nowMs(),
      service: this.service,
      redrivenAtMs: 0,
    });
    const traceparent = message.headers.traceparent;
    const headers: Record<string, string> = traceparent === undefined ? {} : { traceparent };
    for (;;) {
      try {
        await this.producer.send('deadletter.v1', [{ key: topic, value, headers }]);
        return;
      } catch (error) {
        this.log.warn('dead letter not written yet', { topic, partition, offset }, error);
        if (givenUp()) throw error;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }
}

const AGAIN_MS = 500;
