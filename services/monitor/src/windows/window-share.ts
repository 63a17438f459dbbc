// One partition's share of one tumbling window of one project: a profile per cohort that answered in it, ALL among
// them, and the join of predictions with labels. After the window is closed the join is kept and how many rows each
// cohort had, until its labels came and for those that come late.

import { ALL, COHORTS_MAX, type Cohort, CohortMap, cohortKey, parseCohortKey } from '@millrace/domain';
import { LabelJoin, type LabelJoinState } from '../quality/label-join.js';
import type { CohortRows, Share } from './part.js';
import { CohortProfile, type CohortProfileState, type VersionReference } from './profile.js';

export interface WindowShareState {
  startMs: number;
  closed: boolean;
  predictions: number;
  labels: number;
  hasAnswerTimes: boolean;
  givenUp: boolean;
  /** Empty where the window is closed. */
  profiles: CohortProfileState[];
  /** Empty where it is open. */
  cohorts: { cohort: string; rows: number }[];
  join: LabelJoinState;
}

/** Of the version of a cohort; undefined where it is not known, and for all versions together. */
export type ReferenceOf = (version: number | 'all') => VersionReference | undefined;

export class WindowShare implements Share {
  /** This process counts it. */
  readonly isCurrent = true;
  /** Too many rows waited for labels: those of this share do not any more. */
  givenUp = false;
  closed = false;
  /** Holds predictions that came without an event time, filed under the time of their answer. */
  hasAnswerTimes = false;
  predictions = 0;
  /** Joined ones. */
  labels = 0;
  join = new LabelJoin();
  /** Quality of the window was judged by so many labels of it: those that join after them are late. */
  judgedLabels: number | undefined;
  /** Processing time of a label that joined late; undefined: none did since the start. */
  lateLabelAtMs: number | undefined;
  /** Empty while it is open. */
  private readonly closedRows = new CohortMap<CohortRows>(COHORTS_MAX + 1);
  private readonly profiles = new CohortMap<CohortProfile>(COHORTS_MAX + 1);
  private last: CohortProfile | undefined;

  constructor(readonly startMs: number) {
    this.profiles.set(ALL, new CohortProfile(ALL, undefined));
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

  /** Every row; while it is open. */
  get all(): CohortProfile {
    return this.profiles.ofVersion('all') as CohortProfile;
  }

  /** ALL first; none of a closed one. */
  list(): CohortProfile[] {
    return this.profiles.cohorts().map((cohort) => this.profiles.get(cohort) as CohortProfile);
  }

  /** ALL first; a cohort of which nothing came is not there. */
  rows(): CohortRows[] {
    if (!this.closed) return this.list().filter(({ rows }) => rows > 0);
    return this.closedRows.cohorts().map((cohort) => this.closedRows.get(cohort) as CohortRows);
  }

  /** Its rows and the labels that wait for some are forgotten. */
  giveUp(): void {
    this.givenUp = true;
    this.join = new LabelJoin();
  }

  close(): void {
    this.closed = true;
    for (const { cohort, rows } of this.list()) if (rows > 0) this.closedRows.set(cohort, { cohort, rows });
    this.profiles.clear();
    this.last = undefined;
  }

  /** A row that came after the window had closed, in time for quality. */
  countLate(cohorts: readonly Cohort[]): void {
    this.predictions += 1;
    for (const cohort of [ALL, ...cohorts]) {
      const known = this.closedRows.get(cohort);
      if (known === undefined) this.closedRows.set(cohort, { cohort, rows: 1 });
      else known.rows += 1;
    }
  }

  /** The same for as long as its counts are. */
  get countsVersion(): string {
    return [this.predictions, this.labels, this.closed, this.givenUp, this.hasAnswerTimes].join();
  }

  /** All but the join. */
  counts(): Omit<WindowShareState, 'join'> {
    const { startMs, closed, predictions, labels, hasAnswerTimes, givenUp } = this;
    const profiles = this.list().map((profile) => profile.state());
    const cohorts = this.rows().map(({ cohort, rows }) => ({ cohort: cohortKey(cohort), rows }));
    const counts = { startMs, closed, predictions, labels, hasAnswerTimes, givenUp };
    return { ...counts, profiles, cohorts };
  }

  state(): WindowShareState {
    return { ...this.counts(), join: this.join.state() };
  }

  static fromState(state: WindowShareState, reference: ReferenceOf): WindowShare {
    const share = new WindowShare(state.startMs);
    share.closed = state.closed;
    share.predictions = state.predictions;
    share.labels = state.labels;
    share.hasAnswerTimes = state.hasAnswerTimes;
    share.givenUp = state.givenUp;
    share.join = LabelJoin.fromState(state.join);
    if (state.closed) share.profiles.clear();
    for (const { cohort: key, rows } of state.cohorts) {
      const cohort = parseCohortKey(key);
      if (cohort !== undefined) share.closedRows.set(cohort, { cohort, rows });
    }
    for (const profile of state.profiles) {
      const cohort = parseCohortKey(profile.cohort);
      if (cohort !== undefined)
        share.profiles.set(cohort, CohortProfile.fromState(cohort, profile, reference(cohort.version)));
    }
    return share;
  }
}
