// One tumbling window of one project: a profile per cohort that answered in it, ALL among them, and the join of
// predictions with labels. After it is closed only the join is kept, for late labels.

import { ALL, COHORTS_MAX, type Cohort, CohortMap, parseCohortKey } from '@millrace/domain';
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
}

/** Of the version of a cohort; undefined where it is not known, and for all versions together. */
export type ReferenceOf = (version: number | 'all') => VersionReference | undefined;

export class OpenWindow {
  closed = false;
  predictions = 0;
  /** Joined ones. */
  labels = 0;
  join = new LabelJoin();
  private readonly profiles = new CohortMap<CohortProfile>(COHORTS_MAX + 1);
  private last: CohortProfile | undefined;

  constructor(readonly startMs: number) {
    this.open();
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
    this.open();
  }

  state(): OpenWindowState {
    const { startMs, closed, predictions, labels } = this;
    const profiles = closed ? [] : this.list().map((profile) => profile.state());
    return { startMs, closed, predictions, labels, profiles, join: this.join.state() };
  }

  static fromState(state: OpenWindowState, reference: ReferenceOf): OpenWindow {
    const window = new OpenWindow(state.startMs);
    window.closed = state.closed;
    window.predictions = state.predictions;
    window.labels = state.labels;
    window.join = LabelJoin.fromState(state.join);
    for (const profile of state.profiles) {
      const cohort = parseCohortKey(profile.cohort);
      if (cohort === undefined) continue;
      window.profiles.set(cohort, CohortProfile.fromState(cohort, profile, reference(cohort.version)));
    }
    return window;
  }

  private open(): void {
    this.profiles.clear();
    this.last = undefined;
    this.profiles.set(ALL, new CohortProfile(ALL, undefined));
  }
}
