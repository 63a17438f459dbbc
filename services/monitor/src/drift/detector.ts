// The contract of a drift test: one closed window of one feature against the reference of the version that served it.
//
// Input: the feature's merged counts and the thresholds that hold for it. Output: one number with its threshold, or null
// where the test does not apply to the feature's kind or is switched off. Cost: O(cells) per closed window, nothing per
// event; no state of its own (episodes live in alarms/). Empty window: the statistic is NaN and the answer null; a window
// below `monitoring.minRows` never reaches a detector.

import type { CategoricalWindow, NumericWindow } from '@millrace/statistics';

/** Thresholds of one feature after its overrides. */
export interface FeatureThresholds {
  psi: number;
  ksStatistic: number;
  cramersV: number;
  /** Significance that ks and chi2 must reach besides their effect size. */
  alpha: number;
  missingShare: number;
  unseenShare: number;
}

export interface Finding {
  statistic: number;
  threshold: number;
  /** NaN where the detector has none. */
  pValue: number;
  alarm: boolean;
}

export type InputWindow = NumericWindow | CategoricalWindow;

export interface Detector {
  /** Unique; travels in metrics and drift events. */
  readonly name: string;
  /** Shown beside an alarm: how the number comes about. */
  readonly formula: string;
  test(window: InputWindow, thresholds: FeatureThresholds): Finding | null;
}

/** The alarm rule of a distance: statistic >= threshold. NaN never alarms. */
export function byDistance(statistic: number, threshold: number): Finding | null {
  if (Number.isNaN(statistic)) return null;
  return { statistic, threshold, pValue: Number.NaN, alarm: statistic >= threshold };
}

/**
 * The alarm rule of a test: effect size >= threshold AND p < alpha. With many rows any change is significant, with few rows
 * any distance is large; only both together mean something (notes: evidently#50, #710).
 */
export function byEffectAndP(effect: number, threshold: number, pValue: number, alpha: number): Finding | null {
  if (Number.isNaN(effect)) return null;
  return { statistic: effect, threshold, pValue, alarm: effect >= threshold && pValue < alpha };
}
