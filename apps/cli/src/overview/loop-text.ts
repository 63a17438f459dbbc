// The closed loop in plain words: where it stands, what it waits for and until when, what it did last and why, and the
// commands that are of use now.

import { type AnswerOf, LOOP_SAYS, type trainerApi } from '@millrace/api';
import { timeText } from '@millrace/domain';

export type Loop = AnswerOf<typeof trainerApi.endpoints.loop>;

/** Earlier steps shown; --json has all of them. */
const STEPS_SHOWN = 5;
const DRIFTS_SHOWN = 5;

export function loopText(loop: Loop): string {
  const { phase, liveVersion, waits, episode, history } = loop;
  const last = history.at(-1);
  return [
    `phase: ${phase} (${LOOP_SAYS[phase]})`,
    liveVersion === 0 ? 'no version in service' : `version ${liveVersion} in service`,
    `waits for ${waits.for}${untilText(waits)}`,
    ...(episode === null ? [] : [`because of drift of ${episode.feature} (${episode.detector})`]),
    ...openText(loop),
    last === undefined ? 'nothing decided yet' : `last: ${timeText(last.atMs)} ${last.message}`,
    ...history
      .slice(-STEPS_SHOWN - 1, -1)
      .reverse()
      .map((step) => `      ${timeText(step.atMs)} ${step.message}`),
  ].join('\n');
}

/** Drift of the version in service that lasts, beside the one that the loop answers now. */
function openText({ openDrifts = [], episode, liveVersion }: Loop): string[] {
  const others = openDrifts.filter(
    ({ feature, version }) => feature !== episode?.feature && (version === 0 || version === liveVersion),
  );
  if (others.length === 0) return [];
  const shown = others.slice(-DRIFTS_SHOWN).map(({ feature, windowStartMs, tries }) => {
    const tried = tries === 0 ? '' : `, ${tries} retraining${tries === 1 ? '' : 's'} did not end it`;
    return `${feature} since ${timeText(windowStartMs)}${tried}`;
  });
  const more = others.length > DRIFTS_SHOWN ? ` and ${others.length - DRIFTS_SHOWN} more` : '';
  return [`drift that lasts: ${shown.join('; ')}${more}`];
}

function untilText({ untilMs, clock }: Loop['waits']): string {
  if (untilMs === null) return '';
  const at = timeText(untilMs);
  return clock === 'event' ? `, at the earliest when the data's own time has come to ${at}` : `, until ${at}`;
}

/**
 * Commands that help now, most likely first.
 * @param firstVersion brings the project its first version
 */
export function afterLoop(
  project: string,
  { phase, liveVersion, waitingVersion }: Loop,
  firstVersion: string,
): string[] {
  if (phase === 'approval') return [`millrace loop ${project} approve`, `millrace loop ${project} stop`];
  if (phase === 'stopped') return [`millrace loop ${project} resume`];
  if (phase === 'settling') return [`millrace datasets ${project}`];
  if (phase === 'training') return [`millrace models ${project}`];
  if (waitingVersion > liveVersion && phase === 'calm') return [`millrace rollout start ${project} ${waitingVersion}`];
  if (liveVersion === 0 && phase !== 'calm') return [`millrace rollout status ${project}`, 'millrace status'];
  if (liveVersion === 0) return [firstVersion];
  return [`millrace drift ${project}`];
}
