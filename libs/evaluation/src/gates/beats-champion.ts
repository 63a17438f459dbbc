// A challenger is better than the version to beat, the one in service as a rule, by the deciding metric, on the same
// rows, and so that the interval of the difference says it: not by a luck that the next rows turn round. Only as
// good is not enough: a switch costs something. Where no difference is seen, a retraining with more rows sees a
// smaller one.

import { seen } from '../comparisons/paired.js';
import { areAlike } from '../figure.js';
import { pairedComparison } from './comparison.js';
import type { Gate } from './gate.js';

const WHY = { better: '', worse: ' the better one', none: ', and more labelled rows tell more' };

export const beatsChampion: Gate = ({ champion, deciding, evaluation: { rows }, confidence }) => {
  if (champion === null) return [];
  const { version, standing, difference } = champion;
  const result = pairedComparison(deciding, difference, {
    whose: `version ${version}'s (${standing})`,
    ...{ rows, confidence },
  });
  const why = areAlike(difference.value, difference.other) ? '' : WHY[seen(deciding, difference) ?? 'none'];
  return [{ ...result, advice: `version ${version} stays${why}` }];
};
