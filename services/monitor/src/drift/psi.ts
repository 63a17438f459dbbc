// Population stability index over the reference's bins or categories (formula and source: libs/statistics/src/psi.ts).

import { byEffectAndP, type Detector } from './detector.js';

export const psiDetector: Detector = {
  name: 'psi',
  formula:
    'sum over bins (p - q) ln(p / q), p = share in the window, q = share in the reference, both at least 0.0001, rare categories pooled; alarm with p < alpha (chi-square law of PSI)',
  test(window, thresholds) {
    const { statistic, pValue } = window.psi();
    return byEffectAndP(statistic, thresholds.psi, pValue, thresholds.alpha);
  },
};
