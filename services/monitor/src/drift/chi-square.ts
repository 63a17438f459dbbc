// Chi-square for categorical features, with the balanced, bias-corrected Cramer's V as its effect size (formula and source:
// libs/statistics/src/chi-square.ts).

import { byEffectAndP, type Detector } from './detector.js';

export const chiSquareDetector: Detector = {
  name: 'chi2',
  formula:
    "Cramer's V of the shares: sqrt(max(0, 1/2 sum (p - q)^2 / (p + q) - (k - 1)(1/n + 1/m) / 4)), alarm with chi-square p < alpha",
  test(window, thresholds) {
    if (window.kind !== 'categorical') return null;
    const { cramersVBalanced, pValue } = window.chiSquare();
    return byEffectAndP(cramersVBalanced, thresholds.cramersV, pValue, thresholds.alpha);
  },
};
