// A first version is better than every baseline that the project names, by the deciding metric: computed ones on the
// same rows, stated ones by their value. The trivial one has a gate of its own (beats-trivial.ts); later versions have
// the version in service to beat (beats-champion.ts).

import { metricIn } from '../figure.js';
import { comparison } from './comparison.js';
import type { Gate } from './gate.js';

export const beatsBaselines: Gate = ({ champion, baselines, deciding, evaluation }) =>
  champion !== null
    ? []
    : baselines
        .filter(({ kind, evaluation: computed }) => kind !== 'trivial' || computed === undefined)
        .map(({ name, evaluation: computed, value }) => ({
          ...comparison(deciding, evaluation, {
            whose: `the ${name} baseline's`,
            value: computed === undefined ? (value ?? Number.NaN) : metricIn(computed, deciding),
            stated: computed === undefined,
            // On few rows the best network is the regression itself (services/trainer fit): no worse is good enough.
            mayEqual: computed !== undefined,
          }),
          advice: computed === undefined ? 'more rows or other features may help' : 'more rows may help',
        }));
