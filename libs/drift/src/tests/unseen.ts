// Unseen categories of a feature: the share of values that the reference does not name, less the share it had outside
// its named values.
//
//   rise = max(0, u/n - o/m),  u of n window values are not named; o of m reference values are outside the named ones
//   p = P(X >= u), X hypergeometric: u + s unnamed ones among n + m values, n drawn;  s = o + values that occur once
//
// A value can only be unseen by being no reference value, so u/n is never exchangeable with o/m: the expected share of
// new values in an unchanged stream is that of values seen once (Good 1953). They count on the reference's side, or a
// column of names and numbers would ring in every window. Null where no row has a value. Cost O(categories).

import { hypergeometricTail } from '@millrace/statistics';
import { BY_EFFECT_AND_P, type Detector, SHARE_OPTION } from '../detector.js';

export const unseenDetector: Detector<'categorical', 'unseenShare'> = {
  name: 'unseen',
  title: 'Unseen categories',
  subjects: ['categorical'],
  options: {
    unseenShare: {
      ...SHARE_OPTION,
      default: 0.02,
      description: 'Share of values not seen in training.',
      reason: 'chosen, not measured: one row in fifty is answered from the bucket of unknown values',
    },
  },
  threshold: 'unseenShare',
  rule: BY_EFFECT_AND_P,
  blamesVersion: false,
  formula:
    'share of values that the reference does not name, less its own share of such values; p-value of the one-sided exact test ' +
    'of Fisher, values that occur once in the reference counted as new',
  paper: 'Good, Biometrika 40, 1953; Fisher, Statistical Methods for Research Workers, 5th ed., 1934',
  measure({ counts: { rows, missing, unseen, reference, referenceRows } }) {
    const present = rows - missing;
    if (present === 0) return null;
    const own = referenceRows === 0 ? 0 : reference.other / referenceRows;
    const once = reference.other + reference.counts.filter((count) => count === 1).length;
    return {
      statistic: Math.max(0, unseen / present - own),
      pValue: hypergeometricTail(unseen, present, unseen + once, present + referenceRows),
    };
  },
};
