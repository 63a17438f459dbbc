// Where each cut of the criteria is now, by the stable version's answers so far: by entity, answers are counted there.

import type { Criterion } from './criterion.js';
import type { AimedCut } from './entity-marks.js';
import type { VersionEvidence } from './evidence.js';

/** A criterion's cut by its place, as it stands in a router's word. */
export const cutName = ({ name, cuts }: Criterion, index: number): string => `${name}/${cuts[index]?.place ?? index}`;

export function aimedCuts(criteria: readonly Criterion[], stable: VersionEvidence): AimedCut[] {
  const aimed: AimedCut[] = [];
  for (const criterion of criteria)
    for (const [place, { edge: edgeOf, counts }] of criterion.cuts.entries()) {
      const edge = edgeOf(stable);
      if (counts === undefined || edge === undefined) continue;
      aimed.push({ name: cutName(criterion, place), counts: (answer) => counts(answer, edge) });
    }
  return aimed;
}
