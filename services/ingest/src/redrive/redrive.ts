// Decides whether and how a dead letter is taken in again: after the project file or the sender was mended, the same
// bytes may be good. Only JSON records and labels can be driven again, and only when the dead letter holds them whole.

import type { DeadLetter } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { DeadLetterList } from '../deadletters/dead-letter-list.js';
import type { Rejection } from '../deadletters/rejection.js';
import { type LabelInput, labelFromLine } from '../labels/label-intake.js';
import type { ProjectRegistry } from '../projects/project-registry.js';
import type { IntakeOutcome } from '../records/intake.js';
import { type RecordInput, recordFromLine } from '../records/record-input.js';
import type { RecordSchema } from '../schema/record-schema.js';

type Take<I> = (
  schema: RecordSchema,
  inputs: readonly I[],
  source: string,
  original: (index: number) => Uint8Array,
) => Promise<IntakeOutcome>;

/** Checks what is driven again like anything new, and sends it on. */
export interface RedrivePorts {
  records: Take<RecordInput>;
  labels: Take<LabelInput>;
}

export class Redrive {
  constructor(
    private readonly letters: Pick<DeadLetterList, 'find'>,
    private readonly registry: Pick<ProjectRegistry, 'get'>,
    private readonly ports: RedrivePorts,
  ) {}

  async run(id: string): Promise<{ accepted: number; rejected: readonly Rejection[] }> {
    const letter = this.letters.find(id);
    if (letter === null) throw new PlatformError('not_found', `no dead letter ${id} among the newest`);
    const text = wholeText(letter);
    const schema = this.registry.get(letter.project);
    const bytes = () => letter.payload;
    const outcome = letter.source.endsWith(':labels')
      ? await this.ports.labels(schema, [labelFromLine(text)], 'redrive', bytes)
      : await this.ports.records(schema, [recordFromLine(text, letter.id)], 'redrive', bytes);
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
