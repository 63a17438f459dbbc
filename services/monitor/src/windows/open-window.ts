// One tumbling window of one project: a profile per cohort that answered in it, ALL among them, and the join of
// predictions with labels. After it is closed the join is kept and how many rows each cohort had, until its labels came
// and for those that come late.

import { ALL, COHORTS_MAX, type Cohort, CohortMap, cohortKey, parseCohortKey, sameCohort } from '@millrace/domain';
import { LabelJoin, type LabelJoinState } from '../quality/label-join.js';
import { CohortProfile, type CohortProfileState, type VersionReference } from './profile.js';

export interface OpenWindowState {
  startMs: number;
  closed: boolean;
  predictions: number;
  labels: number;
  /** ALL among them, except where the window is closed. */
  profiles: CohortProfileState[];
  join: LabelJoinState;
  /** Absent in states of a release that did not tell. */
  hasAnswerTimes?: boolean;
  /** Of a closed window; absent in states of a release that judged quality at the closing. */
  revision?: number;
  judgedLabels?: number;
  cohorts?: (Omit<ClosedCohort, 'cohort'> & { cohort: string })[];
}

/** What the judgement of quality needs of a cohort of a closed window. */
export interface ClosedCohort {
  readonly cohort: Cohort;
  rows: number;
  /** What quality was last judged to be; undefined before it was tested. */
  alarming?: boolean;
  /** Of the drift event that was made of it. */
  eventId?: string;
}

/** Of the version of a cohort; undefined where it is not known, and for all versions together. */
export type ReferenceOf = (version: number | 'all') => VersionReference | undefined;

export class OpenWindow {
  closed = false;
  /** Holds predictions that came without an event time, filed under the time of their answer. */
  hasAnswerTimes = false;
  /** Nobody waits for its labels any more. */
  isRetired = false;
  predictions = 0;
  /** Joined ones. */
  labels = 0;
  join = new LabelJoin();
  /** Judgements of quality so far. */
  revision = 0;
  /** Joined labels at the last one. */
  judgedLabels = 0;
  /** Processing time of a label that joined after the last one; undefined: none did since the start. */
  lateLabelAtMs: number | undefined;
  /** ALL first; empty while it is open. */
  cohorts: ClosedCohort[] = [];
  private readonly profiles = new CohortMap<CohortProfile>(COHORTS_MAX + 1);
  private last: CohortProfile | undefined;

  constructor(readonly startMs: number) {
    this.profiles.set(ALL, new CohortProfile(ALL, undefined));
  }

  /** Labels joined that its last judgement of quality did not know. */
  get isChanged(): boolean {
    return this.revision > 0 && this.labels > this.judgedLabels;
  }

  /** The cohort's profile, opened with its version's reference when it is new here; undefined past COHORTS_MAX. */
  profile(cohort: Cohort, reference: ReferenceOf): CohortProfile | undefined {
    if (this.last?.cohort === cohort) return this.last;
    let profile = this.profiles.get(cohort);
    if (profile === undefined) {
      profile = new CohortProfile(cohort, reference(cohort.version));
      if (!this.profiles.set(cohort, profile)) return undefined;
    }
    this.last = profile;
    return profile;
  }

  /** Every row. */
  get all(): CohortProfile {
    return this.profiles.ofVersion('all') as CohortProfile;
  }

  /** ALL first. */
  list(): CohortProfile[] {
    return this.profiles.cohorts().map((cohort) => this.profiles.get(cohort) as CohortProfile);
  }

  close(): void {
    this.closed = true;
    this.cohorts = this.list().map(({ cohort, rows }) => ({ cohort, rows }));
    this.profiles.clear();
    this.last = undefined;
  }

  /** A row that came after the window had closed, in time for quality. */
  countLate(cohorts: readonly Cohort[]): void {
    this.predictions += 1;
    for (const cohort of [ALL, ...cohorts]) {
      const known = this.cohorts.find((closed) => sameCohort(closed.cohort, cohort));
      if (known !== undefined) known.rows += 1;
      else if (this.cohorts.length <= COHORTS_MAX) this.cohorts.push({ cohort, rows: 1 });
    }
  }

  state(): OpenWindowState {
    const { startMs, closed, predictions, labels, hasAnswerTimes, revision, judgedLabels } = this;
    const profiles = this.list().map((profile) => profile.state());
    const cohorts = this.cohorts.map((known) => ({ ...known, cohort: cohortKey(known.cohort) }));
    const join = this.join.state();
    const judged = { revision, judgedLabels, cohorts };
    return { startMs, closed, predictions, labels, profiles, join, hasAnswerTimes, ...judged };
  }

  static fromState(state: OpenWindowState, reference: ReferenceOf): OpenWindow {
    const window = new OpenWindow(state.startMs);
    window.closed = state.closed;
    window.predictions = state.predictions;
    window.labels = state.labels;
    window.join = LabelJoin.fromState(state.join);
    window.hasAnswerTimes = state.hasAnswerTimes ?? true;
    window.revision = state.revision ?? (state.closed ? 1 : 0);
    window.judgedLabels = state.judgedLabels ?? state.labels;
    window.cohorts = (state.cohorts ?? []).flatMap((known) => {
      const cohort = parseCohortKey(known.cohort);
      return cohort === undefined ? [] : [{ ...known, cohort }];
    });
    if (state.closed) window.profiles.clear();
    for (const profile of state.profiles) {
      const cohort = parseCohortKey(profile.cohort);
      if (cohort === undefined) continue;
      window.profiles.set(cohort, CohortProfile.fromState(cohort, profile, reference(cohort.version)));
    }
    return window;
  }
}
