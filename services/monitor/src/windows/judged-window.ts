// What the judge of a project remembers of a closed window until it is over: how often its quality was judged, of how
// many labels, and what was said of each cohort, because a later judgement corrects it.

import { COHORTS_MAX, type Cohort, CohortMap, cohortKey, parseCohortKey } from '@millrace/domain';
import type { Cut, End } from './part.js';

export interface JudgedWindowState {
  startMs: number;
  revision: number;
  judgedLabels: number;
  cuts: Cut[];
  /** Where it was over, in partitions that had some of it; absent: it is not. */
  ends?: End[];
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

  /** `cuts`: of the partitions that had rows of it. */
  constructor(
    readonly startMs: number,
    private readonly cuts: readonly Cut[],
    readonly ends: readonly End[] = [],
  ) {}

  cutOf(partition: number): Cut | undefined {
    return this.cuts.find((cut) => cut.partition === partition);
  }

  endIn(partition: number): End | undefined {
    return this.ends.find((end) => end.partition === partition);
  }

  /** What is kept of it when it is over. */
  over(ends: readonly End[]): JudgedWindow {
    const over = new JudgedWindow(this.startMs, this.cuts, ends);
    over.revision = this.revision;
    over.judgedLabels = this.judgedLabels;
    return over;
  }

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
    const cuts = this.cuts.map((cut) => ({ ...cut }));
    const ends = this.ends.length === 0 ? {} : { ends: [...this.ends] };
    return { startMs, revision, judgedLabels, cuts, verdicts, ...ends };
  }

  static fromState({ startMs, revision, judgedLabels, cuts, verdicts, ends }: JudgedWindowState): JudgedWindow {
    const window = new JudgedWindow(startMs, cuts, ends);
    window.revision = revision;
    window.judgedLabels = judgedLabels;
    for (const { cohort: key, ...verdict } of verdicts) {
      const cohort = parseCohortKey(key);
      if (cohort !== undefined) window.verdicts.set(cohort, verdict);
    }
    return window;
  }
}
