// Runs every test that applies to the subjects of one window and cohort, corrects their p-values together, and asks
// each test's rule for an alarm. Pure; no state.

import { holm } from './correction.js';
import type { Detector, Measurement, Sample } from './detector.js';
import type { OptionValues } from './options.js';
import { detectorsOf } from './registry.js';

/** One subject of the window. */
export interface Examined {
  /** A feature's name, or the subject's fixed name. */
  name: string;
  /** Rows behind the sample. */
  rows: number;
  sample: Sample;
  /** A value for every option of the subject's group. */
  options: OptionValues;
}

export interface TestResult {
  /** `Examined.name`. */
  feature: string;
  detector: string;
  rows: number;
  statistic: number;
  threshold: number;
  /** Corrected for all tests of the window and cohort; NaN where the detector has none. */
  pValue: number;
  alarm: boolean;
}

/** Results in the order of the subjects, then of the registry; a test without a statistic (NaN, null) is left out. */
export function runTests(subjects: readonly Examined[], alpha: number): TestResult[] {
  const measured = subjects.flatMap((examined) =>
    detectorsOf(examined.sample.subject).flatMap((detector) => {
      const measurement = detector.measure(examined.sample, examined.options);
      if (measurement === null || Number.isNaN(measurement.statistic)) return [];
      return [{ examined, detector, measurement }];
    }),
  );
  const corrected = holm(measured.map(({ measurement }) => measurement.pValue));
  return measured.map((one, i) => resultOf(one, corrected[i] as number, alpha));
}

function resultOf(
  { examined, detector, measurement }: { examined: Examined; detector: Detector; measurement: Measurement },
  pValue: number,
  alpha: number,
): TestResult {
  const { statistic } = measurement;
  const threshold = examined.options[detector.threshold] as number;
  return {
    feature: examined.name,
    detector: detector.name,
    rows: examined.rows,
    statistic,
    threshold,
    pValue,
    alarm: detector.rule.alarms(statistic, threshold, pValue, alpha),
  };
}
