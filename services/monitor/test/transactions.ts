// Transactions of the writers of partition numbers, as Kafka has them: what is sent is there some time later, one after
// the other of a writer, or nobody tells its writer whether it is. Whoever takes a number over has what was on its way
// decided, and what is sent after that refused. `deliver` is the broker's turn; without `slow` it is at once.

import { PlatformError, type Rng } from '@millrace/domain';

/** Of a number, since it was taken over. */
export class Writer {
  /** As of TransactionalProducer: false once it is not known what became of a transaction. */
  isUsable = true;

  constructor(readonly partition: number) {}
}

interface Transaction {
  writer: Writer;
  commit(): void;
  taken(): void;
  refused(error: PlatformError): void;
}

/** Of a hundred: its writer is not told what becomes of it. */
const UNKNOWN = 10;

export class Transactions {
  private readonly owners = new Map<number, Writer>();
  private readonly waiting: Transaction[] = [];

  constructor(private readonly slow?: Rng) {}

  isOwner(writer: Writer | undefined): writer is Writer {
    return writer !== undefined && this.owners.get(writer.partition) === writer;
  }

  take(partition: number): Writer {
    for (const one of this.waiting.filter(({ writer }) => writer.partition === partition)) this.end(one, 'decided');
    const writer = new Writer(partition);
    this.owners.set(partition, writer);
    return writer;
  }

  send(writer: Writer | undefined, commit: () => void): Promise<void> {
    if (!this.isOwner(writer)) return Promise.reject(conflict());
    if (!writer.isUsable) return Promise.reject(unknown());
    const sent = new Promise<void>((taken, refused) => void this.waiting.push({ writer, commit, taken, refused }));
    if (this.slow === undefined) this.deliver();
    return sent;
  }

  get areUnderWay(): boolean {
    return this.waiting.length > 0;
  }

  /** Resolves when everything has come to its end that these have sent, as far as they are told. */
  async ended(writers: readonly (Writer | undefined)[]): Promise<void> {
    while (this.waiting.some(({ writer }) => writer.isUsable && writers.includes(writer))) await turn();
  }

  /** Runs it while the broker takes what is sent. */
  async during(work: Promise<void>): Promise<void> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    work.then(over, over);
    for (await turn(); !isOver; await turn()) this.deliver();
    await work;
  }

  /** One of those that were sent first, each of its writer. */
  deliver(): void {
    const first = this.waiting.filter(
      ({ writer }, at) => this.waiting.findIndex((one) => one.writer === writer) === at,
    );
    const one = first[this.slow?.below(first.length) ?? 0];
    if (one === undefined) return;
    if (this.slow !== undefined && one.writer.isUsable && this.slow.below(100) < UNKNOWN) this.end(one, 'unknown');
    else this.end(one, 'committed');
  }

  private end(one: Transaction, how: 'committed' | 'unknown' | 'decided'): void {
    if (how === 'unknown') {
      one.writer.isUsable = false;
      for (const { writer, refused } of this.waiting) if (writer === one.writer) refused(unknown());
      // It is at the broker still; what was to follow it has not been sent.
      const others = this.waiting.splice(0).filter((other) => other === one || other.writer !== one.writer);
      this.waiting.push(...others);
      return;
    }
    this.waiting.splice(this.waiting.indexOf(one), 1);
    if (how === 'decided' && this.slow?.below(2) === 0) {
      one.refused(conflict());
      return;
    }
    one.commit();
    one.taken();
  }
}

/** Everything that can go on by itself has. */
export const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

const conflict = () => new PlatformError('conflict', 'the number was taken over');
const unknown = () => new PlatformError('unavailable', 'it is not known whether it was committed');
