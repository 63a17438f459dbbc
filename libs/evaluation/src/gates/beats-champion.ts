// A challenger is better than the version to beat, the one in service as a rule, by the deciding metric, on the same
// rows. Only as good is not enough: a switch costs something.

import { metricIn } from '../figure.js';
import { comparison } from './comparison.js';
import type { Gate } from './gate.js';

export const beatsChampion: Gate = ({ champion, deciding, evaluation }) =>
  champion === null
    ? []
    : [
        {
          ...comparison(deciding, evaluation, {
            whose: `version ${champion.version}'s (${champion.standing})`,
            value: metricIn(champion.evaluation, deciding),
            stated: false,
          }),
          advice: `version ${champion.version} stays the better one`,
        },
      ];
