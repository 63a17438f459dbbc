// The closed loop in plain words: where it stands, what it waits for and until when, what it did last and why, and the
// commands that are of use now.

import { type AnswerOf, LOOP_SAYS, loopNotes, type trainerApi } from '@millrace/api';
import { timeText } from '@millrace/domain';
import { whenDataComesTo } from './data-time.js';

export type Loop = AnswerOf<typeof trainerApi.endpoints.loop>;

/** Earlier steps shown; --json has all of them. */
const STEPS_SHOWN = 5;

export function loopText(loop: Loop): string {
  const { phase, liveVersion, waits, history } = loop;
  const last = history.at(-1);
  return [
    `phase: ${phase} (${LOOP_SAYS[phase]})`,
    liveVersion === 0 ? 'no version in service' : `version ${liveVersion} in service`,
    `waits for ${waits.for}${untilText(waits)}`,
    ...loopNotes(loop),
    last === undefined ? 'nothing decided yet' : `last: ${timeText(last.atMs)} ${last.message}`,
    ...history
      .slice(-STEPS_SHOWN - 1, -1)
      .reverse()
      .map((step) => `      ${timeText(step.atMs)} ${step.message}`),
  ].join('\n');
}

function untilText({ untilMs, clock }: Loop['waits']): string {
  if (untilMs === null) return '';
  return clock === 'event' ? `, ${whenDataComesTo(untilMs)}` : `, until ${timeText(untilMs)}`;
}

/**
 * Commands that help now, most likely first.
 * @param firstVersion brings the project its first version
 */
export function afterLoop(
  project: string,
  { phase, liveVersion, waitingVersion, asked }: Loop,
  firstVersion: string,
): string[] {
  if (phase === 'approval')
    return [`millrace loop ${project} approve --by NAME`, `millrace loop ${project} reject --by NAME --reason TEXT`];
  if (phase === 'stopped') return [`millrace loop ${project} resume`];
  if (phase === 'settling') return [`millrace datasets ${project}`];
  if (phase === 'training') return [`millrace models ${project}`];
  // With `rollout.automatic: false` people are asked; a rollout by hand goes past them.
  const isAsked = (asked?.wanted ?? 0) > 0;
  const words = [
    `millrace loop ${project} approve --by NAME`,
    `millrace loop ${project} reject --by NAME --reason TEXT`,
  ];
  if (waitingVersion > liveVersion && (phase === 'calm' || phase === 'cooling'))
    return [...(isAsked ? words : []), `millrace rollout start ${project} ${waitingVersion}`];
  if (liveVersion === 0 && phase !== 'calm') return [`millrace rollout status ${project}`, 'millrace status'];
  if (liveVersion === 0) return [firstVersion];
  return [`millrace drift ${project}`];
}
