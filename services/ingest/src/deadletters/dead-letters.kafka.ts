// Writes dead letters to deadletter.v1, key = source.

import { type DeadLetter, decodeDeadLetter, encodeDeadLetter } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';
import type { MessageProducer, OnEntry } from '@millrace/kafka';
import { type BadInput, makeDeadLetter, type Sha256Hex } from './dead-letter.js';
import type { DeadLetterList } from './dead-letter-list.js';

export class DeadLetterSender {
  constructor(
    private readonly producer: MessageProducer,
    private readonly clock: Clock,
    private readonly sha256Hex: Sha256Hex,
  ) {}

  async send(bad: readonly BadInput[]): Promise<void> {
    const nowMs = this.clock.nowMs();
    await this.sendLetters(bad.map((input) => makeDeadLetter(input, nowMs, this.sha256Hex)));
  }

  async sendLetters(letters: readonly DeadLetter[]): Promise<void> {
    await this.producer.send(
      'deadletter.v1',
      letters.map((letter) => ({ key: letter.source, value: encodeDeadLetter(letter) })),
    );
  }
}

/** Fills the list from the topic. */
export function deadLetterEntry(list: DeadLetterList): OnEntry {
  return (_key, value) => {
    if (value !== null) list.add(decodeDeadLetter(value));
  };
}
