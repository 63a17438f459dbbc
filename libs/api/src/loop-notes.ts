// What there is to say of the closed loop beside its phase and what it waits for: which drift it answers, which lasts,
// and how the version in service does against the one before it. Said here once, for the terminal and the dashboard.

import { timeText } from '@millrace/domain';
import type { AnswerOf } from './endpoint.js';
import type { trainerApi } from './trainer.js';

type Loop = AnswerOf<typeof trainerApi.endpoints.loop>;

const DRIFTS_SHOWN = 5;

/** Beginnings of sentences, without a full stop. */
export function loopNotes(loop: Pick<Loop, 'episode' | 'openDrifts' | 'liveVersion' | 'probation'>): string[] {
  const { episode, probation } = loop;
  return [
    ...(episode === null ? [] : [`because of ${episode.cause ?? `drift of ${episode.feature} (${episode.detector})`}`]),
    ...(probation ? [onProbation(probation)] : []),
    ...lasting(loop),
  ];
}

function onProbation({ version, against, untilMs, says }: NonNullable<Loop['probation']>): string {
  return `version ${version} is on probation against version ${against}, until ${timeText(untilMs)} at the latest: ${says}`;
}

/** Drift of the version in service that lasts, beside the one that the loop answers now. */
function lasting({ openDrifts = [], episode, liveVersion }: Pick<Loop, 'episode' | 'openDrifts' | 'liveVersion'>) {
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
