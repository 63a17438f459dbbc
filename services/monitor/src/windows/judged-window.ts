// What the judge of a project remembers of a closed window until it is over: how often its quality was judged, of how
// many labels, and what was said of each cohort, because a later judgement corrects it.

import { COHORTS_MAX, type Cohort, CohortMap, cohortKey, parseCohortKey } from '@millrace/domain';

export interface JudgedWindowState {
  startMs: number;
  revision: number;
  judgedLabels: number;
  verdicts: { cohort: string; alarming?: boolean; eventId?: string }[];
}

export interface QualityVerdict {
  /** What quality was last judged to be; undefined before it was tested. */
  alarming?: boolean;
  /** Of the drift event that was made of it. */
  eventId?: string;
}

export class JudgedWindow {
  /** Judgements of quality so far. */
  revision = 0;
  /** Joined labels at the last one. */
  judgedLabels = 0;
  private readonly verdicts = new CohortMap<QualityVerdict>(COHORTS_MAX + 1);

  constructor(readonly startMs: number) {}

  /** To be read and changed. */
  verdictOf(cohort: Cohort): QualityVerdict {
    let verdict = this.verdicts.get(cohort);
    if (verdict === undefined) {
      verdict = {};
      this.verdicts.set(cohort, verdict);
    }
    return verdict;
  }

  state(): JudgedWindowState {
    const { startMs, revision, judgedLabels } = this;
    const verdicts = this.verdicts
      .cohorts()
      .map((cohort) => ({ ...this.verdicts.get(cohort), cohort: cohortKey(cohort) }));
    return { startMs, revision, judgedLabels, verdicts };
  }

  static fromState({ startMs, revision, judgedLabels, verdicts }: JudgedWindowState): JudgedWindow {
    const window = new JudgedWindow(startMs);
    window.revision = revision;
    window.judgedLabels = judgedLabels;
    for (const { cohort: key, ...verdict } of verdicts) {
      const cohort = parseCohortKey(key);
      if (cohort !== undefined) window.verdicts.set(cohort, verdict);
    }
    return window;
  }
}
