// Rules about headers that say too much or too little: one of equals and prefix, one of version and target.

import type { MatchRule } from '@millrace/routing';

const EITHER = [
  ['equals', 'prefix'],
  ['version', 'target'],
] as const;

export function checkMatches(
  matches: readonly MatchRule[],
  report: (path: readonly (string | number)[], message: string) => void,
): void {
  matches.forEach((rule, index) => {
    for (const [one, other] of EITHER) {
      if ((rule[one] === undefined) !== (rule[other] === undefined)) continue;
      const said = rule[one] === undefined ? 'neither' : 'both';
      report(['rollout', 'matches', index], `a rule has ${one} or ${other}, this one has ${said}. Write one of them.`);
    }
  });
}
