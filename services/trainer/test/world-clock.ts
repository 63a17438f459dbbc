// The clocks of a loop's world: one on the wall, which may be set back, or be ahead until it is corrected, and how much
// time has really passed. It holds each phase of the loop to its term by the latter: no longer, and no shorter.

import type { Clock } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { HELD_MS, SET_MS_MIN } from '../src/loop/held-clock.js';
import type { LoopInput, LoopState } from '../src/loop/loop-state.js';
import { PHASE_TERMS } from '../src/loop/loop-table.js';

export class WorldClock {
  passedMs = 0;
  /** Of `passedMs`: until then a process believed a clock that was ahead; negative = never. */
  private misledMs = Number.NEGATIVE_INFINITY;
  /** Of `passedMs`: when the phase was entered, also again; and when the pause that a stop does not end was begun. */
  private sinceMs = 0;
  private pausedMs = 0;
  /** By how much the clock was set back in this phase. */
  private setBackMs = 0;
  /** How much of it no input has told yet, and how much none ever will: the process died before. */
  private unseenMs = 0;
  private lostMs = 0;
  /** The wall is ahead, since when, and whether a process has begun by it. */
  private ahead: { byMs: number; sinceMs: number; isBegunBy: boolean } | null = null;

  constructor(public nowMs: number) {}

  pass(ms: number): void {
    this.nowMs += ms;
    this.passedMs += Math.max(0, ms);
    this.setBackMs += Math.max(0, -ms);
    this.unseenMs += Math.max(0, -ms);
    this.believe();
  }

  /** By 0: it is corrected. One that is ahead stays so until then. */
  setAhead(byMs: number): void {
    if (byMs === 0) this.correct();
    if (byMs === 0 || this.ahead !== null) return;
    this.nowMs += byMs;
    this.ahead = { byMs, sinceMs: this.passedMs, isBegunBy: false };
  }

  /** What the wall is ahead by is taken back: to a process that did not believe it nothing was there. */
  private correct(): void {
    if (this.ahead === null) return;
    this.believe();
    const { byMs } = this.ahead;
    const isBelieved = this.isBelieved();
    this.ahead = null;
    if (isBelieved) this.pass(-byMs);
    else this.nowMs -= byMs;
  }

  /** As a process that begins now reads it: of the time before it knows nothing. */
  ofProcess(): Clock {
    this.lostMs += this.unseenMs;
    this.unseenMs = 0;
    if (this.ahead !== null) this.ahead.isBegunBy = true;
    this.believe();
    const bornMs = this.passedMs;
    return { nowMs: () => this.nowMs, monotonicMs: () => this.passedMs - bornMs };
  }

  /**
   * What is wrong: a pause ends no sooner than its term, where no clock that was ahead was believed in it.
   * `from`: the state that it was decided in; a save of before that nobody heard of is made again.
   */
  saved(to: LoopState, { from, input }: { from: LoopState; input: LoopInput['kind'] }, { retrain }: Project): string[] {
    const { phase, episode } = to;
    if (input === 'set_back') this.unseenMs = 0;
    const fault = this.endedTooSoon(to, from, retrain);
    if (phase === 'cooling' && phase !== from.phase && to.coolUntilMs !== from.coolUntilMs)
      this.pausedMs = this.passedMs;
    // People may be asked about another drift at once, where the one that they were asked about is over.
    if (phase === from.phase && episode?.eventId === from.episode?.eventId) return fault;
    this.sinceMs = this.passedMs;
    this.setBackMs = this.unseenMs;
    this.lostMs = 0;
    return fault;
  }

  /** A pause that is over has no end any more. */
  private endedTooSoon(to: LoopState, from: LoopState, { cooldownMs }: Project['retrain']): string[] {
    if (from.phase !== 'cooling' || from.coolUntilMs === 0 || to.coolUntilMs !== 0) return [];
    const lastedMs = this.passedMs - this.pausedMs;
    if (lastedMs >= cooldownMs - SET_MS_MIN || this.isMisled(lastedMs)) return [];
    return [`a pause ended after ${lastedMs} ms`];
  }

  /** Within so long: whoever believed a clock that was ahead has counted time that did not pass. */
  isMisled(withinMs: number): boolean {
    return this.misledMs >= this.passedMs - withinMs;
  }

  private isBelieved(): boolean {
    if (this.ahead === null) return false;
    return this.ahead.isBegunBy || this.passedMs - this.ahead.sinceMs >= HELD_MS;
  }

  private believe(): void {
    if (this.isBelieved()) this.misledMs = this.passedMs;
  }

  /** After a tick: what is wrong, '' = nothing. Time alone ends a phase that has a term, whatever the clock says. */
  lastsTooLong(phase: LoopState['phase'], { retrain }: Project): string {
    const longestMs = PHASE_TERMS[phase].longestMs(retrain);
    if (longestMs === null) return '';
    const lastsMs = this.passedMs - this.sinceMs;
    const addedMs = phase === 'approval' ? this.setBackMs : this.lostMs;
    if (lastsMs < longestMs + addedMs + SET_MS_MIN) return '';
    return `${phase} lasts for ${lastsMs} ms, ${addedMs} of them for a clock set back`;
  }
}
