// Unseen categories: the share of values that the reference does not name, less the share it had outside its named values.

import { byDistance, type Detector } from './detector.js';

export const unseenDetector: Detector = {
  name: 'unseen',
  formula: 'share of values that the reference does not name, less its own share of such values',
  test(window, thresholds) {
    if (window.kind !== 'categorical') return null;
    const present = window.rows - window.missing;
    if (present === 0) return null;
    return byDistance(Math.max(0, window.unseen / present - window.referenceOtherShare), thresholds.unseenShare);
  },
};
