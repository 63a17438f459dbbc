// The rows of one batch job, piece by piece: each is predicted, then its answers and the position behind it are written
// as one transaction. What writes is a port. Answers go out in sends below the broker's 1 MiB; one that is larger alone
// becomes its error. After a commit whose answer was lost the committed position is read first, so that nothing is
// answered twice.

import { PlatformError } from '@millrace/domain';
import { type BatchJob, type InMessage, type OutMessage, rowIdOf } from './batch-job.js';
import { errorValue } from './topic-row.js';

/** Of the answers of one send: a partition's part of it is one record batch, and the broker takes 1 MiB. */
const SEND_BYTES_MAX = 900_000;
/** Of one message: its record's own fields and the batch's head, at most. */
const RECORD_BYTES = 100;

export interface PieceTransport {
  /** Ends whatever an earlier transaction of this job left open: what it committed is final afterwards. */
  settle(): Promise<void>;
  /** The group's committed offset; undefined = none yet. */
  committed(partition: number): Promise<number | undefined>;
  /** All sends and the position, or nothing. Rejects with unavailable where it is not known which. */
  write(sends: readonly (readonly OutMessage[])[], partition: number, next: number): Promise<void>;
}

interface Unsure {
  next: number;
  answers: readonly Pick<OutMessage, 'refused'>[];
}

export class JobPieces {
  /** By partition: what the last transaction was to write, where its end is not known. */
  private readonly unsure = new Map<number, Unsure>();

  constructor(
    private readonly job: BatchJob,
    private readonly transport: PieceTransport,
  ) {}

  /** Before a partition's messages are looked at: brings the job's position up to what was committed without a word. */
  async recall(partition: number): Promise<void> {
    const left = this.unsure.get(partition);
    if (left === undefined) return;
    await this.transport.settle();
    const committed = await this.transport.committed(partition);
    if (committed !== undefined && committed >= left.next) this.job.written(partition, left.next, left.answers);
    this.unsure.delete(partition);
  }

  /**
   * One transaction; gives the next offset, or undefined where the job has failed. Rejects where the broker is away.
   */
  async piece(messages: readonly InMessage[]): Promise<number | undefined> {
    const { partition, offset } = messages.at(-1) as InMessage;
    const next = offset + 1;
    const { job } = this;
    let answers: readonly OutMessage[];
    try {
      answers = (await job.predict(messages)).map((answer, i) => this.sendable(answer, messages[i] as InMessage));
    } catch (thrown) {
      job.fail(PlatformError.from(thrown));
      return undefined;
    }
    try {
      await this.transport.write(sendsOf(answers), partition, next);
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (error.code !== 'unavailable' || job.ended) {
        job.fail(error);
        return undefined;
      }
      // The broker is away: the same messages come again, unless they turn out to be written.
      this.unsure.set(partition, { next, answers: answers.map(({ refused }) => ({ refused })) });
      job.waitsFor(error);
      throw error;
    }
    job.written(partition, next, answers);
    return next;
  }

  private sendable(answer: OutMessage, message: InMessage): OutMessage {
    const bytes = bytesOf(answer);
    if (bytes <= SEND_BYTES_MAX) return answer;
    const { model, input } = this.job.request;
    const id = rowIdOf(input, message);
    const error = new PlatformError('invalid_argument', `the answer has ${bytes} bytes, at most ${SEND_BYTES_MAX}`);
    const told = { key: answer.key, value: errorValue(id, model, error), refused: true };
    // A key may be what is too large.
    return bytesOf(told) <= SEND_BYTES_MAX ? told : { ...told, key: id };
  }
}

function bytesOf({ key, value }: OutMessage): number {
  return RECORD_BYTES + value.length + (typeof key === 'string' ? Buffer.byteLength(key) : key.length);
}

/** In order, as few as fit; each answer must fit alone. */
export function sendsOf(answers: readonly OutMessage[]): OutMessage[][] {
  const sends: OutMessage[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const answer of answers) {
    const own = bytesOf(answer);
    if (bytes + own > SEND_BYTES_MAX) {
      sends.push([]);
      bytes = 0;
    }
    sends.at(-1)?.push(answer);
    bytes += own;
  }
  return sends;
}
