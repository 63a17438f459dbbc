// Missing values: how much larger their share is than in the reference. 0 where it shrank.

import { byDistance, type Detector } from './detector.js';

export const missingDetector: Detector = {
  name: 'missing',
  formula: 'share of rows without a value, less that share in the reference',
  test(window, thresholds) {
    const share = window.missing / window.rows;
    return byDistance(Math.max(0, share - window.referenceMissingShare), thresholds.missingShare);
  },
};
