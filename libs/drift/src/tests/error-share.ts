// Share of failed requests while a window was answered: a bound that the operator sets, no test against a reference. No
// result where no request was counted, which is not 0. Cost O(1).

import { BY_DISTANCE, type Detector, SHARE_OPTION } from '../detector.js';

export const errorShareDetector: Detector<'software', 'errorShare'> = {
  name: 'error_share',
  title: 'Share of failed requests',
  subjects: ['software'],
  options: {
    errorShare: {
      ...SHARE_OPTION,
      default: 0.01,
      description: 'Share of failed requests.',
      reason: 'chosen, not measured: 99 % of requests answered is the least that clients build on',
    },
  },
  threshold: 'errorShare',
  rule: BY_DISTANCE,
  blamesVersion: true,
  formula: 'failed requests / requests at the router while the window was answered',
  paper: '',
  measure: ({ errorShare }) => ({ statistic: errorShare, pValue: Number.NaN }),
};
