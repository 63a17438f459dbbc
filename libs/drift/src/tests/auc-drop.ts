// Drop of a version's AUC on a window's labelled rows below its AUC when it was evaluated; the p-value is that of
// Hanley and McNeil (libs/evaluation, comparisons/hanley-mcneil.ts). NaN where a side has one class only or no rows.
// Cost O(1).

import { aucDrop } from '@millrace/evaluation';
import { BY_EFFECT_AND_P, type Detector, SHARE_OPTION } from '../detector.js';

export const aucDropDetector: Detector<'quality', 'aucDrop'> = {
  name: 'auc_drop',
  title: 'Drop of the AUC',
  subjects: ['quality'],
  options: {
    aucDrop: {
      ...SHARE_OPTION,
      unit: 'AUC',
      default: 0.05,
      description: 'Fall of the AUC below that of the evaluation.',
      reason: 'chosen, not measured: larger than a model loses in a season; raise it where whole seasons differ',
    },
  },
  threshold: 'aucDrop',
  rule: BY_EFFECT_AND_P,
  blamesVersion: true,
  formula:
    "the version's AUC when evaluated, less its AUC on the window's labelled rows; p-value of the difference (Hanley-McNeil)",
  paper: 'Hanley and McNeil, Radiology 143, 1982',
  measure({ window, evaluated }) {
    const { drop, pValue } = aucDrop({ before: evaluated, now: window });
    return { statistic: drop, pValue };
  },
};
