// Judges one closed window of one model version: every test on inputs, scores, quality and software, with its threshold,
// and the verdict per subject that drives the alarms. Pure; no state.

import { type AucSample, aucDrop, type Evaluation, metricIn, metricNamed } from '@millrace/evaluation';
import type { MonitoringSpec } from '@millrace/project';
import type { HistogramCell, NumericWindow } from '@millrace/statistics';
import { byDistance, byEffectAndP, type Finding, type InputWindow } from './detector.js';
import { DETECTORS } from './registry.js';
import { thresholdsOf } from './thresholds.js';
import type { SubjectVerdict } from './verdict.js';

export interface TestRow extends Finding {
  /** A raw feature's name, or "@score", "@quality", "@software". */
  feature: string;
  detector: string;
  rows: number;
}

export interface Judgement {
  tests: TestRow[];
  verdicts: SubjectVerdict[];
  histogram(subject: string): HistogramCell[];
}

export interface JudgeInput {
  monitoring: MonitoringSpec;
  rows: number;
  features: readonly InputWindow[];
  score: NumericWindow | undefined;
  quality: Evaluation;
  /** The version's evaluation when it was trained; undefined where unknown. */
  evaluation: Evaluation | undefined;
  /** What the router counted and how long answers took; undefined where nobody served, as in a replay of rows. */
  software: { errorShare: number; p99Ms: number } | undefined;
}

/** How each test's number comes about, by the test's name. */
export const FORMULAS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(DETECTORS.map((detector) => [detector.name, detector.formula])),
  auc_drop:
    "the version's AUC when evaluated, less its AUC on the window's labelled rows; alarm with p < alpha (Hanley-McNeil)",
  log_loss_rise: "log loss on the window's labelled rows, less the version's log loss when evaluated",
  error_share: 'failed requests / requests at the router while the window was answered',
  p99_ms: 'the 99th percentile of the latency of answers in the window',
};

export function formulaOf(detector: string): string {
  return FORMULAS[detector] ?? '';
}

export function judgeWindow(input: JudgeInput): Judgement {
  const tests: TestRow[] = [];
  const note = (feature: string, detector: string, rows: number, finding: Finding | null) => {
    if (finding !== null) tests.push({ feature, detector, rows, ...finding });
  };
  const { monitoring } = input;
  if (input.rows >= monitoring.minRows) {
    for (const window of input.features) {
      const thresholds = thresholdsOf(monitoring, window.name);
      if (thresholds === undefined) continue;
      for (const detector of DETECTORS)
        note(window.name, detector.name, window.rows, detector.test(window, thresholds));
    }
    if (input.score !== undefined) {
      const { statistic, pValue } = input.score.psi();
      const finding = byEffectAndP(statistic, monitoring.output.scorePsi, pValue, monitoring.input.alpha);
      note('@score', 'psi', input.score.rows, finding);
    }
    if (input.software !== undefined) {
      const { errorShare, p99Ms } = input.software;
      note('@software', 'error_share', input.rows, byDistance(errorShare, monitoring.software.errorShare));
      note('@software', 'p99_ms', input.rows, byDistance(p99Ms, monitoring.software.p99Ms));
    }
  }
  if (input.quality.rows >= monitoring.minRows && input.evaluation !== undefined) {
    const { quality, evaluation } = input;
    const logLoss = metricNamed('log_loss');
    const { drop: statistic, pValue } = aucDrop({ before: aucSample(evaluation), now: aucSample(quality) });
    const drop = byEffectAndP(statistic, monitoring.output.aucDrop, pValue, monitoring.input.alpha);
    note('@quality', 'auc_drop', quality.rows, drop);
    note(
      '@quality',
      'log_loss_rise',
      quality.rows,
      byDistance(metricIn(quality, logLoss) - metricIn(evaluation, logLoss), monitoring.output.logLossRise),
    );
  }
  return { tests, verdicts: verdictsOf(tests), histogram: (subject) => histogramOf(input, subject) };
}

function aucSample(evaluation: Evaluation): AucSample {
  const { rows, positiveShare } = evaluation;
  return { rows, positiveShare, auc: metricIn(evaluation, metricNamed('auc')) };
}

/** One verdict a subject: alarming if any of its tests is; described by the test farthest above its threshold. */
function verdictsOf(tests: readonly TestRow[]): SubjectVerdict[] {
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

function excess(test: TestRow): number {
  return test.threshold > 0 ? test.statistic / test.threshold : test.statistic;
}

function histogramOf(input: JudgeInput, subject: string): HistogramCell[] {
  if (subject === '@score') return input.score?.histogram() ?? [];
  return input.features.find((feature) => feature.name === subject)?.histogram() ?? [];
}
