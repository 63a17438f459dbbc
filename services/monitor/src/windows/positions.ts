// How far each partition has been applied to the state, and how far it is known to reach: what a checkpoint stores,
// where a restart seeks to, and what the watermark calls "behind".

import type { SourceId } from '@millrace/domain';

export type Stream = 'predictions' | 'labels';

/** Which partitions still have unread messages, as far as known. */
export interface Backlog {
  behind(): readonly SourceId<Stream>[];
  /** All that are known of a stream. */
  partitions(stream: Stream): readonly number[];
}

export interface PositionState {
  stream: Stream;
  partition: number;
  /** Offset of the next message to apply. */
  next: number;
}

interface Position {
  stream: Stream;
  partition: number;
  next: number;
  end: number;
}

export class Positions implements Backlog {
  private readonly positions: Position[] = [];

  /** True when the message at `offset` is new; false for one that the state already holds. */
  isNew(stream: Stream, partition: number, offset: number): boolean {
    return offset >= this.of(stream, partition).next;
  }

  applied(stream: Stream, partition: number, offset: number): void {
    const position = this.of(stream, partition);
    const next = offset + 1;
    if (next > position.next) position.next = next;
    if (position.next > position.end) position.end = position.next;
  }

  /** The partition is known to hold messages up to, not including, `end`. */
  reaches(stream: Stream, partition: number, end: number): void {
    const position = this.of(stream, partition);
    if (end > position.end) position.end = end;
  }

  /**
   * A partition that ends before what was applied of it is another log of the same name: its topic was deleted and
   * created again. Goes on at `start`; false where it is the one that is known.
   */
  begunAnew(stream: Stream, partition: number, start: number, end: number): boolean {
    const position = this.of(stream, partition);
    if (end >= position.next) return false;
    position.next = start;
    position.end = end;
    return true;
  }

  /** Where retention or a fresh topic begins: nothing before it will ever come. */
  startsAt(stream: Stream, partition: number, start: number): void {
    const position = this.of(stream, partition);
    if (start > position.next) position.next = start;
    if (position.next > position.end) position.end = position.next;
  }

  next(stream: Stream, partition: number): number {
    return this.of(stream, partition).next;
  }

  behind(): readonly { stream: Stream; partition: number }[] {
    return this.positions.filter((position) => position.next < position.end);
  }

  partitions(stream: Stream): readonly number[] {
    return this.positions.flatMap((position) => (position.stream === stream ? [position.partition] : []));
  }

  /** Messages known to be unread, all partitions together. */
  get lag(): number {
    return this.positions.reduce((sum, position) => sum + (position.end - position.next), 0);
  }

  state(): PositionState[] {
    return this.positions.map(({ stream, partition, next }) => ({ stream, partition, next }));
  }

  restore(states: readonly PositionState[]): void {
    for (const { stream, partition, next } of states) {
      const position = this.of(stream, partition);
      position.next = next;
      if (position.end < position.next) position.end = position.next;
    }
  }

  private of(stream: Stream, partition: number): Position {
    for (const position of this.positions) {
      if (position.partition === partition && position.stream === stream) return position;
    }
    const position = { stream, partition, next: 0, end: 0 };
    this.positions.push(position);
    return position;
  }
}
