// A drift event: CloudEvents 1.0 data for one new episode, for one that goes on as its version serves again, and for
// its end. Its id is made of what was found, so that sending it again after a crash is the same event; subscribers drop
// what they have seen by (source, id).

import type { CorrectionData, DriftData, EndData } from '@millrace/contracts';
import { type Cohort, cohortKey, cohortText } from '@millrace/domain';
import type { HistogramCell } from '@millrace/statistics';
import type { SubjectVerdict } from '../judgement/verdict.js';

export interface DriftFinding {
  /** Unique per project. */
  id: string;
  data: DriftData;
}

/** Of an episode of which a drift event was made. */
export interface EndFinding {
  id: string;
  data: EndData;
}

/** What an episode keeps of the drift event that was made of it. */
export interface ToldDrift {
  readonly id: string;
  readonly correlationId: string;
}

/** Of a window that was judged again, because late labels came. */
export interface CorrectionFinding {
  id: string;
  data: CorrectionData;
}

export interface DriftContext {
  project: string;
  cohort: Cohort;
  startMs: number;
  endMs: number;
  rows: number;
  /** Of quality: rows that are labelled. */
  labels?: number;
}

/** `continues`: id of the event before of the same episode. */
export function driftFinding(
  context: DriftContext,
  verdict: SubjectVerdict,
  histogram: readonly HistogramCell[],
  continues?: string,
): DriftFinding {
  const { project, cohort, startMs, endMs, rows, labels } = context;
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
      ...(labels === undefined ? {} : { coverage: rows === 0 ? 0 : labels / rows }),
      cohort,
      // One a window and version: what drifts together, slices too, starts one chain of consequences.
      correlationId: `drift-${project}-v${cohort.version}-${startMs}`,
      ...(continues === undefined ? {} : { continues }),
      histogram: {
        bins: histogram.map((cell) => cell.cell),
        reference: histogram.map((cell) => cell.reference),
        live: histogram.map((cell) => cell.window),
      },
      message:
        `${verdict.subject} ${continues === undefined ? 'drifted' : 'drifts on'}: ${verdict.detector} ${figure(verdict.value)} >= ${figure(verdict.threshold)} ` +
        `over ${rows} rows of ${cohortText(cohort)}${labels === undefined ? '' : `, ${labels} of them labelled`}`,
    },
  };
}

/** `windows`: that the episode lasted. The verdict is of the window that ended it. */
export function endFinding(
  context: DriftContext,
  verdict: SubjectVerdict,
  { told, windows, reason }: { told: ToldDrift; windows: number } & Pick<EndData, 'reason'>,
): EndFinding {
  const { data } = driftFinding(context, verdict, []);
  const how = reason === 'calm' ? 'is calm again' : 'did not drift by late labels';
  const message =
    `${verdict.subject} ${how}: ${verdict.detector} ${figure(verdict.value)} < ${figure(verdict.threshold)} over ` +
    `${context.rows} rows of ${cohortText(context.cohort)}, after ${windows} window${windows === 1 ? '' : 's'}`;
  const { histogram: _none, ...rest } = data;
  return {
    id: `${told.id}/ended/${context.startMs}`,
    data: { ...rest, message, correlationId: told.correlationId, ends: told.id, reason, windows },
  };
}

/** `corrects`: id of the drift event of the judgement before, null where it was calm. */
export function correctionFinding(
  context: DriftContext & { revision: number; corrects: string | null },
  verdict: SubjectVerdict,
): CorrectionFinding {
  const { revision, corrects, rows, labels = 0, cohort } = context;
  const { id, data } = driftFinding(context, verdict, []);
  const { alarming } = verdict;
  const message =
    `${verdict.subject} ${alarming ? 'drifted' : 'did not drift'} by late labels: ${verdict.detector} ` +
    `${figure(verdict.value)} against ${figure(verdict.threshold)} over ${rows} rows of ${cohortText(cohort)}, ` +
    `${labels} of them labelled`;
  return { id: `${id}/${revision}`, data: { ...data, message, corrects, alarming, revision } };
}

function figure(value: number): string {
  return Number(value.toPrecision(4)).toString();
}
