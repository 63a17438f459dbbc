// How far each partition has been applied to the state, and how far it is known to reach: what a checkpoint stores,
// where a reader seeks to, and what the watermark calls "behind". Of partition numbers that other processes hold, what
// these tell.

import type { SourceId } from '@millrace/domain';

export type Stream = 'predictions' | 'labels';

export const STREAMS: readonly Stream[] = ['predictions', 'labels'];

/** Which partitions still have unread messages, as far as known. */
export interface Backlog {
  behind(): readonly SourceId<Stream>[];
  /** Partitions that other processes hold, and how far they are known to reach. */
  told(): readonly (SourceId<Stream> & { end: number })[];
  /** All that are known of a stream. */
  partitions(stream: Stream): readonly number[];
  /** Offset of the next message that is not applied. */
  next(stream: Stream, partition: number): number;
  /** How often the topic was deleted and created again, as far as was seen: offsets are of this log. */
  log(stream: Stream, partition: number): number;
}

export interface PositionState {
  stream: Stream;
  partition: number;
  /** Offset of the next message to apply. */
  next: number;
  /** Absent: 0. */
  log?: number;
}

interface Position {
  stream: Stream;
  partition: number;
  next: number;
  log: number;
  end: number;
}

/** Of a number that another process holds. */
interface Told {
  /** What its holder tells. */
  next: Readonly<Record<Stream, number>>;
  logs: Logs;
  end: Record<Stream, number>;
}

/** By stream; absent: 0. */
export type Logs = Readonly<Partial<Record<Stream, number>>>;

export class Positions implements Backlog {
  private readonly positions: Position[] = [];
  private readonly others = new Map<number, Told>();

  /** True when the message at `offset` is new; false for one that the state already holds. */
  isNew(stream: Stream, partition: number, offset: number): boolean {
    return offset >= this.at(stream, partition).next;
  }

  applied(stream: Stream, partition: number, offset: number): void {
    const position = this.at(stream, partition);
    const next = offset + 1;
    if (next > position.next) position.next = next;
    if (position.next > position.end) position.end = position.next;
  }

  /** The partition is known to hold messages up to, not including, `end`. */
  reaches(stream: Stream, partition: number, end: number): void {
    const other = this.others.get(partition);
    if (other !== undefined) {
      other.end[stream] = Math.max(end, other.end[stream]);
      return;
    }
    const position = this.at(stream, partition);
    if (end > position.end) position.end = end;
  }

  /**
   * A partition that ends before what was applied of it is another log of the same name: its topic was deleted and
   * created again. Goes on at `start`; false where it is the one that is known.
   */
  begunAnew(stream: Stream, partition: number, start: number, end: number): boolean {
    if (this.others.has(partition)) return false;
    const position = this.at(stream, partition);
    if (end >= position.next) return false;
    position.next = start;
    position.end = end;
    position.log += 1;
    return true;
  }

  /** Where retention or a fresh topic begins: nothing before it will ever come. */
  startsAt(stream: Stream, partition: number, start: number): void {
    if (this.others.has(partition)) return;
    const position = this.at(stream, partition);
    if (start > position.next) position.next = start;
    if (position.next > position.end) position.end = position.next;
  }

  next(stream: Stream, partition: number): number {
    return this.others.get(partition)?.next[stream] ?? this.at(stream, partition).next;
  }

  log(stream: Stream, partition: number): number {
    const other = this.others.get(partition);
    return other === undefined ? this.at(stream, partition).log : (other.logs[stream] ?? 0);
  }

  /** How far the partition is known to reach. */
  end(stream: Stream, partition: number): number {
    return this.others.get(partition)?.end[stream] ?? this.at(stream, partition).end;
  }

  /** Everything that is known to be written in the partitions of the number is applied. */
  isCaughtUp(partition: number): boolean {
    return this.positions.every((position) => position.partition !== partition || position.next >= position.end);
  }

  behind(): readonly SourceId<Stream>[] {
    return this.positions.filter((position) => position.next < position.end);
  }

  told(): readonly (SourceId<Stream> & { end: number })[] {
    return [...this.others].flatMap(([partition, { end }]) =>
      STREAMS.map((stream) => ({ stream, partition, end: end[stream] })),
    );
  }

  partitions(stream: Stream): readonly number[] {
    const own = this.positions.flatMap((position) => (position.stream === stream ? [position.partition] : []));
    return [...own, ...this.others.keys()];
  }

  /** Messages known to be unread, all partitions of this process together. */
  get lag(): number {
    return this.positions.reduce((sum, position) => sum + (position.end - position.next), 0);
  }

  /** Of the numbers that this process holds. */
  state(): PositionState[] {
    return this.positions.map(({ stream, partition, next, log }) => ({
      ...{ stream, partition, next },
      ...(log === 0 ? {} : { log }),
    }));
  }

  of(number: number): PositionState[] {
    return this.state().filter(({ partition }) => partition === number);
  }

  isHeld(partition: number): boolean {
    return this.positions.some((position) => position.partition === partition);
  }

  /** This process reads the number from here on. What was saved of a log before the one that was told is of no use. */
  hold(partition: number, states: readonly PositionState[] = []): void {
    const logs = this.others.get(partition)?.logs ?? {};
    this.forget(partition);
    for (const stream of STREAMS) {
      const { next: saved = 0, log: savedLog = 0 } = states.find((state) => state.stream === stream) ?? {};
      const log = Math.max(savedLog, logs[stream] ?? 0);
      const next = savedLog < log ? 0 : saved;
      this.positions.push({ stream, partition, next, end: next, log });
    }
  }

  /** Another process reads the number, and says how far. */
  follow(partition: number, next: Told['next'], logs: Logs = {}): void {
    const before = this.others.get(partition);
    const end = { predictions: 0, labels: 0, ...before?.end };
    // It reads something again, or another log of the name: what the old one reached is not waited for. The ends are
    // asked for before anything is judged.
    for (const stream of STREAMS)
      if (before !== undefined && next[stream] < before.next[stream]) end[stream] = next[stream];
    this.forget(partition);
    this.others.set(partition, { next, logs, end });
  }

  forget(partition: number): void {
    this.others.delete(partition);
    const rest = this.positions.splice(0).filter((position) => position.partition !== partition);
    this.positions.push(...rest);
  }

  private at(stream: Stream, partition: number): Position {
    for (const position of this.positions) {
      if (position.partition === partition && position.stream === stream) return position;
    }
    const position = { stream, partition, next: 0, end: 0, log: 0 };
    this.positions.push(position);
    return position;
  }
}
