// Whether the monitor rings for the new version and not for the stable one: an input, or the scores, of the rows
// that it answered have left what it learned from. What both have in common, or had when it began, is a change of the
// traffic, and no fault of it; and where it is not known whether the stable one has it, nothing is.

import type { CriterionFacts } from '../criterion.js';
import { type DriftSaid, driftWords } from '../drift-said.js';
import type { VersionEvidence } from '../evidence.js';

export const drift: CriterionFacts = {
  name: 'drift',
  unit: 'drifts',
  effect: 'an alarm of the monitor for an input, or for the scores, that does not ring for the stable version',
  figure: ({ drifts }) => drifts.length,
  says: ({ drifts, unknownDrifts }) => driftWords(drifts, unknownDrifts),
};

/** Those of the new version that the stable one is known not to have, and not to have had beside them. */
export function driftsAlone(
  stable: Pick<VersionEvidence, 'version' | 'drifts' | 'unknownDrifts'>,
  candidate: readonly DriftSaid[],
): DriftSaid[] {
  return candidate.filter(({ subject, commonWith }) => {
    const isShared = commonWith.includes(stable.version) || stable.drifts.some((other) => other.subject === subject);
    return !isShared && !stable.unknownDrifts.includes(subject);
  });
}
