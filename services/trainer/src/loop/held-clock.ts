// The clock that a loop goes by: that on the wall, as far as the monotonic one bears it out. One that is ahead all at
// once is not believed before it has stood so for HELD_MS: until then time goes on as before, and one that is corrected
// within it was never there. One that stays is believed: a machine that slept, or a clock that was behind and is set
// right. One that is set back is believed at once; where that takes back what was believed before, it moves those times
// alone that were told since (loop-clock.ts). Knows what one process saw; bounded: JUMPS_MAX.

import type { Clock } from '@millrace/domain';
import type { LoopInput } from './loop-state.js';

/** By less it is not told from two clocks that are read one after the other, or that are slewed. */
export const SET_MS_MIN = 1_000;

/** A time server is asked again sooner (systemd-timesyncd: within 2,048 s); a rollout is waited for longer. */
export const HELD_MS = 3_600_000;

/** Beyond it the oldest is forgotten: what takes that one back moves all times. */
const JUMPS_MAX = 16;

export type ClockInput = Extract<LoopInput, { kind: 'set_back' | 'set_ahead' }>;

export class HeldClock {
  /** Of the clock on the wall over the monotonic one, as believed. */
  private aheadMs: number;
  /** What the wall was ahead of that by throughout, since when, and when that was as told by this clock. */
  private held: { byMs: number; sinceMonotonicMs: number; fromMs: number } | null = null;
  /** Newest last: believed, and not taken back. */
  private jumps: { toMs: number; byMs: number }[] = [];

  constructor(private readonly clock: Clock) {
    this.aheadMs = clock.nowMs() - clock.monotonicMs();
  }

  nowMs(): number {
    return Math.round(this.clock.monotonicMs() + this.aheadMs);
  }

  /** What it does not believe as yet; 0 = nothing. */
  get heldMs(): number {
    return this.held?.byMs ?? 0;
  }

  /** What the state is to be told before all else, the same until it was (`took`); null = nothing. */
  next(): ClockInput | null {
    const monotonicMs = this.clock.monotonicMs();
    const offMs = Math.round(this.clock.nowMs() - monotonicMs - this.aheadMs);
    if (offMs < SET_MS_MIN) this.held = null;
    if (offMs <= -SET_MS_MIN) {
      const jump = this.jumps.at(-1);
      return { kind: 'set_back', byMs: Math.min(-offMs, jump?.byMs ?? -offMs), fromMs: jump?.toMs };
    }
    if (offMs < SET_MS_MIN) return null;
    if (this.held === null) this.held = { byMs: offMs, sinceMonotonicMs: monotonicMs, fromMs: this.nowMs() };
    else this.held.byMs = Math.min(this.held.byMs, offMs);
    const { byMs, sinceMonotonicMs, fromMs } = this.held;
    return monotonicMs - sinceMonotonicMs < HELD_MS ? null : { kind: 'set_ahead', byMs, fromMs };
  }

  /** As it goes once the state has been told this. */
  nowAfterMs({ kind, byMs }: ClockInput): number {
    return this.nowMs() + (kind === 'set_back' ? -byMs : byMs);
  }

  took(input: ClockInput): void {
    const { byMs } = input;
    if (input.kind === 'set_ahead') {
      this.aheadMs += byMs;
      this.jumps = [...this.jumps, { toMs: input.fromMs + byMs, byMs }].slice(-JUMPS_MAX);
      this.held = null;
      return;
    }
    this.aheadMs -= byMs;
    const jump = this.jumps.pop();
    // What is left of it lies before what has been moved.
    if (jump !== undefined && jump.byMs > byMs) this.jumps.push({ toMs: jump.toMs - byMs, byMs: jump.byMs - byMs });
  }
}
