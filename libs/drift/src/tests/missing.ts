// Missing values of a feature: how much larger their share is than in the reference.
//
//   rise = max(0, a/n - b/m),  a of n window rows and b of m reference rows without a value
//   p = P(X >= a), X hypergeometric: a + b missing ones among n + m rows, n drawn     (one-sided; Fisher 1934)
//
// NaN for an empty window; an empty reference counts as one without missing values. Cost O(1) and a sum of a few
// standard deviations of X. NaN and infinite numbers are missing values (feature-window.ts).

import { hypergeometricTail } from '@millrace/statistics';
import { BY_EFFECT_AND_P, type Detector, SHARE_OPTION } from '../detector.js';

export const missingDetector: Detector<'numeric' | 'categorical', 'missingShare'> = {
  name: 'missing',
  title: 'Missing values',
  subjects: ['numeric', 'categorical'],
  options: {
    missingShare: {
      ...SHARE_OPTION,
      default: 0.02,
      description: 'Rise of the share of missing values.',
      reason: 'chosen, not measured: one row in fifty without its value is a fault of the source',
    },
  },
  threshold: 'missingShare',
  rule: BY_EFFECT_AND_P,
  blamesVersion: false,
  formula:
    'share of rows without a value, less that share in the reference; p-value of the one-sided exact test of Fisher',
  paper: 'Fisher, Statistical Methods for Research Workers, 5th ed., 1934',
  measure({ counts: { rows, missing, reference, referenceRows } }) {
    const all = reference.missing + referenceRows;
    const rise = missing / rows - (all === 0 ? 0 : reference.missing / all);
    return {
      statistic: Math.max(0, rise),
      pValue: hypergeometricTail(missing, rows, missing + reference.missing, rows + all),
    };
  },
};
