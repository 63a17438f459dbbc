// Thresholds of one feature: the project's input thresholds with the feature's overrides.

import type { MonitoringSpec } from '@millrace/project';
import type { FeatureThresholds } from './detector.js';

/** undefined: the project says to ignore this feature. */
export function thresholdsOf(monitoring: MonitoringSpec, feature: string): FeatureThresholds | undefined {
  const { input } = monitoring;
  const own = input.features[feature];
  if (own?.ignore === true) return undefined;
  return {
    psi: own?.psi ?? input.psi,
    ksStatistic: own?.ksStatistic ?? input.ksStatistic,
    cramersV: own?.cramersV ?? input.cramersV,
    alpha: input.alpha,
    missingShare: input.missingShare,
    unseenShare: input.unseenShare,
  };
}
