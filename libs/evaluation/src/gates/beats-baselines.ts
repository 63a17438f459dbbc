// A first version is better than every baseline by the deciding metric: computed ones on the same rows, stated ones by
// their value. Later versions have the version in service to beat (beats-champion.ts).

import { metricIn } from '../figure.js';
import { comparison } from './comparison.js';
import type { Gate } from './gate.js';

export const beatsBaselines: Gate = ({ champion, baselines, deciding, evaluation }) =>
  champion !== null
    ? []
    : baselines.map(({ name, evaluation: computed, value }) =>
        comparison(deciding, evaluation, {
          whose: `the ${name} baseline's`,
          value: computed === undefined ? (value ?? Number.NaN) : metricIn(computed, deciding),
          stated: computed === undefined,
        }),
      );
