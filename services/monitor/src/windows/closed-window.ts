// What comes of one judgement of a closed window: published, and kept with the judgements of the same window before it.
// Pure data.

import type { WindowMetrics } from '@millrace/contracts';
import { sameCohort } from '@millrace/domain';
import type { CorrectionFinding, DriftFinding, EndFinding } from '../alarms/drift-event.js';

export interface ClosedWindow {
  startMs: number;
  endMs: number;
  /** 0: software, inputs and scores; 1: quality; 2 and on: quality again, because late labels changed it. */
  revision: number;
  /** A row per cohort, ALL first, with the tests of this judgement alone. */
  metrics: WindowMetrics[];
  drift: DriftFinding[];
  corrections: CorrectionFinding[];
  /** Of drift that was told before. */
  ended: EndFinding[];
}

/** A window's first judgement with what was judged later. */
export function withJudgement<W extends ClosedWindow>(window: W, later: ClosedWindow): W {
  const metrics = window.metrics.map((row) => {
    const judged = later.metrics.find(({ cohort }) => sameCohort(cohort, row.cohort));
    if (judged === undefined) return row;
    const { predictions, labels, quality, revision } = judged;
    const subjects = new Set(later.metrics.flatMap(({ tests }) => tests.map(({ feature }) => feature)));
    const tests = [...row.tests.filter(({ feature }) => !subjects.has(feature)), ...judged.tests];
    return { ...row, predictions, labels, quality, revision, tests };
  });
  return {
    ...window,
    revision: later.revision,
    metrics,
    drift: withNew(window.drift, later.drift),
    corrections: withNew(window.corrections, later.corrections),
    ended: withNew(window.ended, later.ended),
  };
}

/** A judgement that was saved before its checkpoint was comes again, with the same ids. */
function withNew<F extends { id: string }>(known: readonly F[], later: readonly F[]): F[] {
  return [...known, ...later.filter(({ id }) => !known.some((finding) => finding.id === id))];
}
