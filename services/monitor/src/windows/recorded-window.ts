// A window that is over as what is kept of it: its record has what was said of it, from which a later judgement goes
// on.

import { cohortKey, sameCohort } from '@millrace/domain';
import { SUBJECTS } from '@millrace/drift';
import type { WindowRecord } from './history.js';
import { JudgedWindow } from './judged-window.js';

const QUALITY = SUBJECTS.quality.name;

/** Labels of its last judgement, all versions together. */
export function judgedLabelsOf({ metrics }: WindowRecord): number {
  return metrics[0]?.labels ?? 0;
}

/** What nobody rang for counts as calm: a window that is over rings no alarm, it corrects what was said. */
export function windowOf(record: WindowRecord): JudgedWindow {
  const { startMs, revision, metrics, drift } = record;
  const verdicts = metrics.map(({ cohort, tests }) => {
    const event = drift.find(({ data }) => data.feature === QUALITY && sameCohort(data.cohort, cohort));
    return {
      cohort: cohortKey(cohort),
      alarming: tests.some(({ feature, alarm }) => feature === QUALITY && alarm),
      ...(event === undefined ? {} : { eventId: event.id }),
    };
  });
  return JudgedWindow.fromState({ startMs, revision, judgedLabels: judgedLabelsOf(record), cuts: [], verdicts });
}
