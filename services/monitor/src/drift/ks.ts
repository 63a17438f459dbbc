// Two-sample Kolmogorov-Smirnov for numeric features (formula, error bound and source: libs/statistics/src/ks.ts).

import { byEffectAndP, type Detector } from './detector.js';

export const ksDetector: Detector = {
  name: 'ks',
  formula: 'sup |F_window(x) - F_reference(x)|, alarm with p < alpha (asymptotic Kolmogorov)',
  test(window, thresholds) {
    if (window.kind !== 'numeric') return null;
    const { statistic, pValue } = window.ks();
    return byEffectAndP(statistic, thresholds.ksStatistic, pValue, thresholds.alpha);
  },
};
