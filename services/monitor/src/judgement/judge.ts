// Judges one closed window of one model version: makes samples of what was counted, has libs/drift test them, and gives
// the verdict per subject that drives the alarms. Software, inputs and scores are judged when the rows are there,
// quality when their labels are. Which tests there are, and when one rings, is libs/drift's business. Pure; no state.

import { type Examined, formulaOf, type OptionValues, runTests, SUBJECTS, type TestResult } from '@millrace/drift';
import type { Evaluation } from '@millrace/evaluation';
import type { MonitoringSpec } from '@millrace/project';
import type { CategoricalWindow, HistogramCell, NumericWindow } from '@millrace/statistics';
import type { SubjectVerdict } from './verdict.js';

export interface Judgement {
  tests: TestResult[];
  verdicts: SubjectVerdict[];
  histogram(subject: string): HistogramCell[];
}

export interface RowsSample {
  monitoring: MonitoringSpec;
  rows: number;
  features: readonly (NumericWindow | CategoricalWindow)[];
  score: NumericWindow | undefined;
  /** What the router counted and how long answers took; undefined where nobody served, as in a replay of rows. */
  software: { errorShare: number; p99Ms: number } | undefined;
}

export interface QualitySample {
  monitoring: MonitoringSpec;
  quality: Evaluation;
  /** The version's evaluation when it was trained; undefined where unknown. */
  evaluation: Evaluation | undefined;
}

export function judgeRows(sample: RowsSample): Judgement {
  const tests = runTests(examinedRows(sample), sample.monitoring.input.alpha);
  return { tests, verdicts: verdictsOf(tests), histogram: (subject) => histogramOf(sample, subject) };
}

export function judgeQuality(sample: QualitySample): Judgement {
  const tests = runTests(examinedQuality(sample), sample.monitoring.input.alpha);
  return { tests, verdicts: verdictsOf(tests), histogram: () => [] };
}

/** What there is to test: nothing of fewer rows than the project asks for. */
function examinedRows({ monitoring, rows, features, score, software }: RowsSample): Examined[] {
  if (rows < monitoring.minRows) return [];
  const subjects: Examined[] = [];
  for (const counts of features) {
    const options = featureOptions(monitoring, counts.name);
    if (options === undefined) continue;
    const sample =
      counts.kind === 'numeric'
        ? ({ subject: 'numeric', counts } as const)
        : ({ subject: 'categorical', counts } as const);
    subjects.push({ name: counts.name, rows: counts.rows, sample, options });
  }
  if (score !== undefined) {
    const sample = { subject: 'score', counts: score } as const;
    subjects.push({ name: SUBJECTS.score.name, rows: score.rows, sample, options: monitoring.output });
  }
  if (software !== undefined) {
    const sample = { subject: 'software', ...software } as const;
    subjects.push({ name: SUBJECTS.software.name, rows, sample, options: monitoring.software });
  }
  return subjects;
}

function examinedQuality({ monitoring, quality, evaluation }: QualitySample): Examined[] {
  if (quality.rows < monitoring.minRows || evaluation === undefined) return [];
  const sample = { subject: 'quality', window: quality, evaluated: evaluation } as const;
  return [{ name: SUBJECTS.quality.name, rows: quality.rows, sample, options: monitoring.output }];
}

/** undefined: the project says to ignore this feature. */
function featureOptions({ input }: MonitoringSpec, feature: string): OptionValues | undefined {
  const own = input.features[feature];
  if (own?.ignore === true) return undefined;
  return own === undefined ? input.options : { ...input.options, ...own.options };
}

/** One verdict a subject: alarming if any of its tests is; described by the test farthest above its threshold. */
function verdictsOf(tests: readonly TestResult[]): SubjectVerdict[] {
  const verdicts: SubjectVerdict[] = [];
  for (const subject of new Set(tests.map((test) => test.feature))) {
    const own = tests.filter((test) => test.feature === subject);
    const ringing = own.filter((test) => test.alarm);
    const candidates = ringing.length > 0 ? ringing : own;
    const worst = candidates.reduce((a, b) => (excess(b) > excess(a) ? b : a));
    verdicts.push({
      subject,
      alarming: ringing.length > 0,
      detector: worst.detector,
      value: worst.statistic,
      threshold: worst.threshold,
      pValue: worst.pValue,
      formula: formulaOf(worst.detector),
    });
  }
  return verdicts;
}

function excess(test: TestResult): number {
  return test.threshold > 0 ? test.statistic / test.threshold : test.statistic;
}

function histogramOf(input: RowsSample, subject: string): HistogramCell[] {
  if (subject === SUBJECTS.score.name) return input.score?.histogram() ?? [];
  return input.features.find((feature) => feature.name === subject)?.histogram() ?? [];
}
