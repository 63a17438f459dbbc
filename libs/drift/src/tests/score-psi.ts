// Population stability index of the model's scores (formula, p-value and edge cases: psi.ts). Apart from features for
// its own threshold: scores move with every feature, and a retrained version's move is wanted.

import { BY_EFFECT_AND_P, type Detector } from '../detector.js';
import { pooledCells } from '../pool-cells.js';
import { PSI_EXPECTED_MIN, PSI_FORMULA, PSI_PAPER, PSI_RANGE, psi } from './psi.js';

export const scorePsiDetector: Detector<'score', 'scorePsi'> = {
  name: 'psi',
  title: 'Population stability index of the scores',
  subjects: ['score'],
  options: {
    scorePsi: {
      ...PSI_RANGE,
      default: 0.25,
      description: 'Population stability index of the scores.',
      reason: 'a large change by Siddiqi 2006; smaller ones follow from the inputs, which have tests of their own',
    },
  },
  threshold: 'scorePsi',
  rule: BY_EFFECT_AND_P,
  blamesVersion: false,
  formula: PSI_FORMULA,
  paper: PSI_PAPER,
  measure: ({ counts }) => psi(pooledCells(counts, PSI_EXPECTED_MIN)),
};
