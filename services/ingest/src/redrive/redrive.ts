// Decides whether and how a dead letter is taken in again: after the project file or the sender was mended, the same
// bytes may be good. Records and labels of every way in can be driven again, rows of imports too (they join the live
// stream: the version of their import is closed), as long as the dead letter holds them whole. One that is refused
// again stays the dead letter that it is; one that was taken is marked, and taken once more only where that is asked.

import type { DeadLetter, LabelMessage, RecordMessage } from '@millrace/contracts';
import { type Clock, PlatformError, timeText } from '@millrace/domain';
import type { DeadLetterList } from '../deadletters/dead-letter-list.js';
import type { Rejection } from '../deadletters/rejection.js';
import { rowFromPayload } from '../imports/row-payload.js';
import { type LabelInput, labelFromLine } from '../labels/label-intake.js';
import type { ProjectRegistry } from '../projects/project-registry.js';
import type { IntakeOutcome } from '../records/intake.js';
import { type RecordInput, recordFromLine } from '../records/record-input.js';
import type { RecordSchema } from '../schema/record-schema.js';

type Take<I> = (schema: RecordSchema, inputs: readonly I[], source: string, original: null) => Promise<IntakeOutcome>;

/** Checks what is driven again like anything new, and sends it on. */
export interface RedrivePorts {
  records: Take<RecordInput>;
  labels: Take<LabelInput>;
  /** Messages of the topics. @throws PlatformError 'corrupt' */
  decodeRecord(bytes: Uint8Array): RecordMessage;
  decodeLabel(bytes: Uint8Array): LabelMessage;
  /** Makes durable that it was taken in again. */
  mark(letter: DeadLetter): Promise<void>;
}

export interface Redriven {
  accepted: number;
  rejected: readonly Rejection[];
  project: string;
  kind: 'record' | 'label';
}

/** Ids named where a beginning is not enough. */
const NAMED_MAX = 5;

export class Redrive {
  /** Ids of letters that are being taken in. */
  private readonly under = new Set<string>();

  constructor(
    private readonly letters: Pick<DeadLetterList, 'matching'>,
    private readonly registry: Pick<ProjectRegistry, 'get'>,
    private readonly ports: RedrivePorts,
    private readonly clock: Clock,
  ) {}

  /**
   * @param id of a dead letter, or the beginning of one
   * @param again also where it was taken in already
   */
  async run(id: string, again: boolean): Promise<Redriven> {
    const letter = this.find(id);
    const { project, redrivenAtMs } = letter;
    if (redrivenAtMs > 0 && !again)
      throw new PlatformError(
        'conflict',
        `dead letter ${letter.id} was taken in at ${timeText(redrivenAtMs)} already: \`--again\` (again=true) takes it in once more`,
        { retry: 'never' },
      );
    if (this.under.has(letter.id))
      throw new PlatformError('conflict', `dead letter ${letter.id} is being taken in right now`, { retry: 'never' });
    this.under.add(letter.id);
    try {
      const schema = this.registry.get(project);
      const { accepted, rejections } = await this.taken(schema, letter);
      if (accepted > 0)
        await this.ports.mark({ ...letter, payload: new Uint8Array(), redrivenAtMs: this.clock.nowMs() });
      return { accepted, rejected: rejections, project, kind: isLabel(letter) ? 'label' : 'record' };
    } finally {
      this.under.delete(letter.id);
    }
  }

  private find(id: string): DeadLetter {
    const found = this.letters.matching(id, NAMED_MAX + 1);
    const [letter] = found;
    if (letter === undefined)
      throw new PlatformError(
        'not_found',
        `no dead letter ${id.slice(0, 64)} among the newest; \`millrace dlq list PROJECT\``,
      );
    if (found.length === 1) return letter;
    const named = found.slice(0, NAMED_MAX).map((one) => one.id);
    const more = found.length > NAMED_MAX ? ' and more' : '';
    throw new PlatformError(
      'invalid_argument',
      `${id} begins several ids: ${named.join(', ')}${more}; write more of it`,
    );
  }

  private async taken(schema: RecordSchema, letter: DeadLetter): Promise<IntakeOutcome> {
    assertWhole(letter);
    const { source, payload, id } = letter;
    const record = (input: RecordInput) => this.ports.records(schema, [input], 'redrive', null);
    const label = (input: LabelInput) => this.ports.labels(schema, [input], 'redrive', null);
    if (source === 'records.v1') {
      const { recordId, values } = decoded(() => this.ports.decodeRecord(payload));
      return record({ recordId, hasOwnId: true, values, faults: [], isRead: true });
    }
    if (source === 'labels.v1') {
      const { recordId, predictionId, entity, eventTimeMs, knownAtMs, value } = decoded(() =>
        this.ports.decodeLabel(payload),
      );
      return label({ recordId, predictionId, entity, eventTimeMs, knownAtMs, value, raw: null, faults: [] });
    }
    const text = textOf(letter);
    if (isLabel(letter)) return label(labelFromLine(text));
    return record(
      /^(?:file|upload):/.test(source) ? rowFromPayload(schema, text, id) : recordFromLine(text, id, schema),
    );
  }
}

const isLabel = ({ source }: DeadLetter): boolean => source === 'labels.v1' || source.endsWith(':labels');

function assertWhole({ payload, payloadBytes }: DeadLetter): void {
  if (payload.length >= payloadBytes) return;
  throw new PlatformError(
    'conflict',
    `only ${payload.length} of ${payloadBytes} bytes were kept; send it again from its source`,
    {
      retry: 'never',
    },
  );
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    throw unusable('the original is no message of the topic', cause);
  }
}

function textOf({ payload }: DeadLetter): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(payload);
  } catch (cause) {
    throw unusable('the original is no text', cause);
  }
}

function unusable(why: string, cause: unknown): PlatformError {
  return new PlatformError('conflict', `${why}; send it again from its source`, { retry: 'never', cause });
}
