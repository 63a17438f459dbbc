// A drift event: CloudEvents 1.0 data for one new episode. Its id is made of what was found, so that sending it again
// after a crash is the same event; subscribers drop what they have seen by (source, id).

import type { DriftData } from '@millrace/contracts';
import { type Cohort, cohortKey, cohortText } from '@millrace/domain';
import type { HistogramCell } from '@millrace/statistics';
import type { SubjectVerdict } from '../judgement/verdict.js';

export interface DriftFinding {
  /** Unique per project. */
  id: string;
  data: DriftData;
}

export interface DriftContext {
  project: string;
  cohort: Cohort;
  startMs: number;
  endMs: number;
  rows: number;
}

export function driftFinding(
  context: DriftContext,
  verdict: SubjectVerdict,
  histogram: readonly HistogramCell[],
): DriftFinding {
  const { project, cohort, startMs, endMs, rows } = context;
  return {
    id: `${project}/${startMs}/${cohortKey(cohort)}/${verdict.subject}/${verdict.detector}`,
    data: {
      project,
      feature: verdict.subject,
      detector: verdict.detector,
      value: verdict.value,
      threshold: verdict.threshold,
      pValue: Number.isNaN(verdict.pValue) ? null : verdict.pValue,
      window: { startMs, endMs },
      rows,
      cohort,
      // One a window and version: what drifts together, slices too, starts one chain of consequences.
      correlationId: `drift-${project}-v${cohort.version}-${startMs}`,
      histogram: {
        bins: histogram.map((cell) => cell.cell),
        reference: histogram.map((cell) => cell.reference),
        live: histogram.map((cell) => cell.window),
      },
      message:
        `${verdict.subject} drifted: ${verdict.detector} ${figure(verdict.value)} >= ${figure(verdict.threshold)} ` +
        `over ${rows} rows of ${cohortText(cohort)}`,
    },
  };
}

function figure(value: number): string {
  return Number(value.toPrecision(4)).toString();
}
