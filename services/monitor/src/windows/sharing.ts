// What this process does when its group gives it partition numbers, or takes some: what it does not hold any more goes,
// what it takes is fenced off from whoever held it before, restored from its newest checkpoint, and read on from the
// positions in it. Pure but for awaiting its ports. No message of an assignment is applied before `assigned` resolves.

import type { Clock } from '@millrace/domain';
import type { Archive } from '../archive/archive.js';
import type { CheckpointEntry } from './board.js';
import type { Engine } from './engine.js';
import type { NumberState } from './number-state.js';
import { STREAMS } from './positions.js';
import type { Reports } from './reports.js';

export interface SharingPorts {
  /** Resolves when whatever this process was telling at this call is told, is not, or nobody knows. */
  settled(): Promise<void>;
  /** Takes these numbers' writers over and lets go of all others. Gives those that were not held before. */
  fence(numbers: readonly number[]): Promise<readonly number[]>;
  /** Resolves when the engine was told everything that is on the board at this call. */
  readBoard(): Promise<void>;
  load(checkpoint: CheckpointEntry): Promise<NumberState | undefined>;
  /** Resolves at once where the reference of the version is known, or cannot be. */
  reference(project: string, version: number): Promise<void>;
  archive: Pick<Archive, 'hold' | 'release' | 'begunAnew'>;
}

export class Sharing {
  /** Of the last numbers that were taken over. */
  lastTookMs = 0;

  constructor(
    private readonly engine: Engine,
    private readonly reports: Reports,
    private readonly ports: SharingPorts,
    private readonly clock: Clock,
  ) {}

  /** `all`: how many numbers there are. */
  async assigned(numbers: readonly number[], all: number): Promise<void> {
    const lost = this.reports.held().filter((number) => !numbers.includes(number));
    // Windows that this process judged and nobody was told of are not judged, and its parts must not know them as such.
    if (lost.length > 0 && !this.reports.isTold()) this.releaseAll();
    for (const number of lost) this.release(number);
    // What is on its way of a number that was let go of is decided before the board is read: else the number were taken
    // up as it was before, and what was judged and told a moment later judged again.
    await this.ports.settled();
    const fenced = await this.ports.fence(numbers);
    if (fenced.some((number) => this.reports.isHeld(number))) {
      this.releaseAll();
      await this.ports.settled();
      // A writer that broke meanwhile is taken over, too.
      await this.ports.fence(numbers);
    }
    await this.ports.readBoard();
    for (let number = 0; number < all; number++)
      if (!this.reports.isHeld(number) && this.engine.board.number(number) === undefined)
        this.engine.positions.follow(number, { predictions: 0, labels: 0 });
    const startedMs = this.clock.monotonicMs();
    for (const number of numbers) if (!this.reports.isHeld(number)) await this.take(number);
    this.lastTookMs = this.clock.monotonicMs() - startedMs;
  }

  /** Another process has taken a number: nothing of this one counts until its group says what it holds. */
  releaseAll(): void {
    for (const number of this.reports.held()) this.release(number);
    this.engine.followAgain();
  }

  private release(number: number): void {
    this.reports.release(number);
    this.engine.release(number);
    this.ports.archive.release(number);
  }

  private async take(number: number): Promise<void> {
    const checkpoint = this.engine.board.checkpoint(number);
    const state = checkpoint === undefined ? undefined : await this.ports.load(checkpoint);
    if (state !== undefined) {
      const versions = this.engine.versionsOf(state);
      await Promise.all(versions.map(({ project, version }) => this.ports.reference(project, version)));
    }
    this.engine.hold(number, state, this.clock.nowMs());
    const { positions } = this.engine;
    const from = { predictions: positions.next('predictions', number), labels: positions.next('labels', number) };
    this.ports.archive.hold(number, state?.archive, from);
    for (const stream of STREAMS) {
      const saved = state?.positions.find((position) => position.stream === stream);
      if (saved !== undefined && (saved.log ?? 0) < positions.log(stream, number))
        this.ports.archive.begunAnew(stream, number, 0);
    }
    this.reports.hold(number);
  }
}
