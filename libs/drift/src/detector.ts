// The contract of a drift test: one closed window of one subject against the reference of the model version that served
// it.
//
// Input: the subject's merged counts or figures, and the values of the detector's own options. Output: a statistic,
// with a p-value where the detector has one; null where it says nothing about this sample. Cost: O(cells) per closed
// window, nothing per event. Memory: none of its own; it keeps no state (episodes are the alarm's business). An empty
// window gives null or NaN, and NaN never alarms. Whether there is an alarm is the detector's rule, asked after the
// correction for many tests.

import type { Evaluation } from '@millrace/evaluation';
import type { CategoricalCounts, NumericCounts } from '@millrace/statistics';
import type { SubjectKind } from './subjects.js';

export type Sample =
  | { subject: 'numeric'; counts: NumericCounts }
  | { subject: 'categorical'; counts: CategoricalCounts }
  | { subject: 'score'; counts: NumericCounts }
  | { subject: 'quality'; window: Evaluation; evaluated: Evaluation }
  | { subject: 'software'; errorShare: number; p99Ms: number };

export interface DetectorOption {
  readonly default: number;
  readonly minimum: number;
  readonly maximum: number;
  /** "share", "ms", "index"; shown, not computed with. */
  readonly unit: string;
  readonly description: string;
  /** Who chose the default, and where it was measured. */
  readonly reason: string;
}

export interface Measurement {
  statistic: number;
  /** Before correction; NaN where the detector has none. */
  pValue: number;
}

export interface AlarmRule {
  readonly text: string;
  /** `correctedP`: NaN where there is none. False for a NaN statistic. */
  alarms(statistic: number, threshold: number, correctedP: number, alpha: number): boolean;
}

/** For what has no p-value: a bound that the operator sets is a bound. */
export const BY_DISTANCE: AlarmRule = {
  text: 'value >= threshold',
  alarms: (statistic, threshold) => statistic >= threshold,
};

/**
 * Effect size and p-value. With many rows any change is significant, with few rows any distance is large; only both
 * together mean something (notes: evidently#50, #710).
 */
export const BY_EFFECT_AND_P: AlarmRule = {
  text: 'value >= threshold and corrected p < alpha',
  // alpha 1 says that any p-value will do: a corrected one is at most 1, and an effect alone shall ring.
  alarms: (statistic, threshold, correctedP, alpha) =>
    statistic >= threshold && (correctedP < alpha || (alpha >= 1 && !Number.isNaN(correctedP))),
};

export interface Detector<S extends SubjectKind = SubjectKind, O extends string = string> {
  /** Travels in metrics and drift events; unique for each subject, never renamed. */
  readonly name: string;
  readonly title: string;
  readonly subjects: readonly S[];
  /** By the key under which a project sets it. */
  readonly options: Readonly<Record<O, DetectorOption>>;
  /** The option that the statistic is held against. */
  readonly threshold: O;
  readonly rule: AlarmRule;
  /**
   * An alarm speaks against the version itself, not of the world or the machine: such a version is not called good, and
   * a new one whose software rings is taken back. Of quality and software only.
   */
  readonly blamesVersion: boolean;
  /** How the number comes about, as coded; shown beside an alarm. */
  readonly formula: string;
  /** Where the method was published; "" for a plain difference. */
  readonly paper: string;
  measure(sample: Extract<Sample, { subject: S }>, options: Readonly<Record<O, number>>): Measurement | null;
}

/** A share of rows above the reference's share. */
export const SHARE_OPTION = { minimum: 0, maximum: 1, unit: 'share' } as const;
