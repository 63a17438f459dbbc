// The clocks of a loop's world: one on the wall, which may be set back, and how much time has really passed. It holds
// each phase of the loop to its term by the latter.

import type { Clock } from '@millrace/domain';
import type { Project } from '@millrace/project';
import { SET_BACK_MS_MIN } from '../src/loop/loop-clock.js';
import type { LoopInput, LoopState } from '../src/loop/loop-state.js';
import { PHASE_TERMS } from '../src/loop/loop-table.js';

export class WorldClock {
  passedMs = 0;
  /** Of `passedMs`: when the phase was entered, also again. */
  private sinceMs = 0;
  /** By how much the clock was set back in this phase. */
  private setBackMs = 0;
  /** How much of it no input has told yet, and how much none ever will: the process died before. */
  private unseenMs = 0;
  private lostMs = 0;

  constructor(public nowMs: number) {}

  pass(ms: number): void {
    this.nowMs += ms;
    this.passedMs += Math.max(0, ms);
    this.setBackMs += Math.max(0, -ms);
    this.unseenMs += Math.max(0, -ms);
  }

  /** As a process that begins now reads it: of the time before it knows nothing. */
  ofProcess(): Clock {
    this.lostMs += this.unseenMs;
    this.unseenMs = 0;
    const bornMs = this.passedMs;
    return { nowMs: () => this.nowMs, monotonicMs: () => this.passedMs - bornMs };
  }

  /** `from`: the state that it was decided in; a save of before that nobody heard of is made again. */
  saved({ phase, episode }: LoopState, { from, input }: { from: LoopState; input: LoopInput['kind'] }): void {
    if (input === 'set_back') this.unseenMs = 0;
    // People may be asked about another drift at once, where the one that they were asked about is over.
    if (phase === from.phase && episode?.eventId === from.episode?.eventId) return;
    this.sinceMs = this.passedMs;
    this.setBackMs = this.unseenMs;
    this.lostMs = 0;
  }

  /** After a tick: what is wrong, '' = nothing. Time alone ends a phase that has a term, whatever the clock says. */
  lastsTooLong(phase: LoopState['phase'], { retrain }: Project): string {
    const longestMs = PHASE_TERMS[phase].longestMs(retrain);
    if (longestMs === null) return '';
    const lastsMs = this.passedMs - this.sinceMs;
    const addedMs = phase === 'approval' ? this.setBackMs : this.lostMs;
    if (lastsMs < longestMs + addedMs + SET_BACK_MS_MIN) return '';
    return `${phase} lasts for ${lastsMs} ms, ${addedMs} of them for a clock set back`;
  }
}
