// Whether the monitor rings for the new version and not for the stable one: an input, or the scores, of the rows
// that it answered have left what it learned from. What both have in common is a change of the traffic, and no
// fault of it.

import type { CriterionFacts } from '../criterion.js';
import { type DriftSaid, driftWords } from '../drift-said.js';

export const drift: CriterionFacts = {
  name: 'drift',
  unit: 'drifts',
  effect: 'an alarm of the monitor for an input, or for the scores, that does not ring for the stable version',
  figure: ({ drifts }) => drifts.length,
  says: ({ drifts }) => driftWords(drifts),
};

/** Those of the new version that the stable one does not have. */
export function driftsAlone(stable: readonly DriftSaid[], candidate: readonly DriftSaid[]): DriftSaid[] {
  return candidate.filter(({ subject }) => !stable.some((other) => other.subject === subject));
}
