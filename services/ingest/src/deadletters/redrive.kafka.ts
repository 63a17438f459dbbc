// Sends a dead letter through the gate again: after the project file or the sender was mended, the same bytes may be good.
// Only JSON records and labels can be driven again, and only when the dead letter holds them whole.

import type { DeadLetter } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import { labelFromLine } from '../labels/label-intake.js';
import type { ProjectBook } from '../projects/project-book.js';
import type { Rejection } from '../records/intake.js';
import type { RecordGate } from '../records/record-gate.kafka.js';
import { recordFromLine } from '../records/record-input.js';
import type { DeadLetterList } from './dead-letter-list.js';

export class Redrive {
  constructor(
    private readonly letters: DeadLetterList,
    private readonly book: ProjectBook,
    private readonly gate: RecordGate,
  ) {}

  async run(id: string): Promise<{ accepted: number; rejected: readonly Rejection[] }> {
    const letter = this.letters.find(id);
    if (letter === null) throw new PlatformError('not_found', `no dead letter ${id} among the newest`);
    const text = wholeText(letter);
    const schema = this.book.get(letter.project);
    const bytes = () => letter.payload;
    const outcome = letter.source.endsWith(':labels')
      ? await this.gate.labels(schema, [labelFromLine(text)], 'redrive', bytes)
      : await this.gate.records(schema, [recordFromLine(text, letter.id)], 'redrive', bytes);
    return { accepted: outcome.accepted, rejected: outcome.rejections };
  }
}

function wholeText(letter: DeadLetter): string {
  if (letter.payload.length < letter.payloadBytes) {
    throw new PlatformError('conflict', `only ${letter.payload.length} of ${letter.payloadBytes} bytes were kept`, {
      retry: 'never',
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(letter.payload);
  } catch (error) {
    throw new PlatformError('conflict', 'the original is no text; send it again from its source', {
      retry: 'never',
      cause: error,
    });
  }
}
