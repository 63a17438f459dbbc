// What the closed loops of the projects that somebody looks at are doing, as the trainer tells it. Whoever looks gets
// what was told last and has it asked again; nobody looks, nobody asks. It knows no phase by itself: what it has not
// heard for STALE_MS is not known.

import { type AnswerOf, LOOP_SAYS, loopNotes, type monitorApi, type trainerApi } from '@millrace/api';

export type LoopNow = NonNullable<AnswerOf<typeof monitorApi.endpoints.now>['loop']>;

/** The trainer's answer; rejects where it does not answer. */
export type AskLoop = (project: string) => Promise<AnswerOf<typeof trainerApi.endpoints.loop>>;

/** As often as the router's counters are read: a dashboard that is 2 s old is live to a person. */
const ASK_EVERY_MS = 2_000;
/** Some missed answers; after it the page says that the trainer is silent. */
const STALE_MS = 10_000;
/** Questions on their way at a time, of all projects; the others have their turn at the next look. */
const ASKED_MAX = 8;

interface Told {
  askedAtMs: number;
  toldAtMs: number;
  loop: LoopNow | null;
}

export class Loops {
  private readonly told = new Map<string, Told>();
  private asked = 0;

  constructor(private readonly ask: AskLoop) {}

  /** null: not told yet, or not for a while. `project`: one that the monitor watches, which bounds the map. */
  of(project: string, nowMs: number): LoopNow | null {
    const told = this.told.get(project) ?? { askedAtMs: Number.NEGATIVE_INFINITY, toldAtMs: 0, loop: null };
    this.told.set(project, told);
    if (nowMs - told.askedAtMs >= ASK_EVERY_MS && this.asked < ASKED_MAX) {
      told.askedAtMs = nowMs;
      void this.refresh(project, told);
    }
    return nowMs - told.toldAtMs > STALE_MS ? null : told.loop;
  }

  forget(project: string): void {
    this.told.delete(project);
  }

  private async refresh(project: string, told: Told): Promise<void> {
    const { askedAtMs } = told;
    this.asked += 1;
    try {
      const loop = await this.ask(project);
      const { phase, waits, history } = loop;
      const last = history.at(-1);
      told.loop = {
        phase,
        says: LOOP_SAYS[phase],
        waits,
        notes: loopNotes(loop),
        last: last === undefined ? null : { atMs: last.atMs, message: last.message },
      };
      told.toldAtMs = askedAtMs;
    } catch {
      // The trainer is away or has no such loop: what it said last becomes stale, which is what the page then says.
    } finally {
      this.asked -= 1;
    }
  }
}
