// How good a project's answers were between two event times, from what each partition counted of the windows that wait
// for labels and what is kept of those that do not any more. Sums are taken in the order of the partitions, so that the
// figures do not depend on which process counted what.

import { type Cohort, CohortMap } from '@millrace/domain';
import type { Evaluation } from '@millrace/evaluation';
import type { QualityHistory } from './quality-history.js';
import type { TaskTerms } from './task-terms.js';

export class ProjectQuality {
  constructor(
    private readonly terms: TaskTerms,
    readonly bucketMs: number,
    private readonly histories: () => Iterable<QualityHistory>,
  ) {}

  /** Buckets that start in [fromMs, toMs), merged. */
  figures(cohort: Cohort, fromMs: number, toMs: number): Evaluation {
    const sum = this.terms.openCounts();
    for (const history of this.histories()) history.addTo(sum, cohort, fromMs, toMs);
    return this.terms.evaluation(sum, { eventTimeFromMs: fromMs, eventTimeToMs: toMs });
  }

  /** Those that are kept, in their order. */
  list(): Cohort[] {
    const kept = new CohortMap<true>();
    for (const history of this.histories()) for (const cohort of history.list()) kept.set(cohort, true);
    return kept.cohorts();
  }
}
