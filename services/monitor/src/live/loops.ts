// What the closed loops of the projects that somebody looks at are doing, as the trainer tells it, in the form in
// which the page shows it. It knows no phase by itself.

import { type AnswerOf, LOOP_SAYS, loopNotes, type monitorApi, type trainerApi } from '@millrace/api';
import { LastTold } from './last-told.js';

export type LoopNow = NonNullable<AnswerOf<typeof monitorApi.endpoints.now>['loop']>;
/** The trainer's answer; rejects where it does not answer. */
export type AskLoop = (project: string) => Promise<AnswerOf<typeof trainerApi.endpoints.loop>>;

/** Lines of the history on the page; the trainer has them all. */
const DECISIONS_SHOWN = 8;

export class Loops extends LastTold<LoopNow> {
  constructor(ask: AskLoop) {
    super(async (project) => loopNow(await ask(project)));
  }
}

function loopNow(loop: Awaited<ReturnType<AskLoop>>): LoopNow {
  const { phase, waits, history, asked = null, openDrifts = [] } = loop;
  const decisions = history.slice(-DECISIONS_SHOWN).map(({ atMs, message }) => ({ atMs, message }));
  decisions.reverse();
  const says = LOOP_SAYS[phase];
  return { phase, says, waits, notes: loopNotes(loop), last: decisions[0] ?? null, decisions, openDrifts, asked };
}
