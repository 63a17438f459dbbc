// One tumbling window of one project: a profile per model version that answered in it, one for all together, and the join
// of predictions with labels. After it is closed only the join is kept, for late labels.

import { LabelJoin, type LabelJoinState } from '../quality/label-join.js';
import { VersionProfile, type VersionProfileState, type VersionReference } from './profile.js';

/** Versions profiled apart; the rows of further ones count in `all` only. */
export const VERSIONS_MAX = 8;

export interface OpenWindowState {
  startMs: number;
  closed: boolean;
  predictions: number;
  labels: number;
  all: VersionProfileState;
  profiles: VersionProfileState[];
  join: LabelJoinState;
}

export class OpenWindow {
  closed = false;
  predictions = 0;
  /** Joined ones. */
  labels = 0;
  /** All versions together: no reference, so rows and latencies only. */
  all = new VersionProfile(0, undefined);
  join = new LabelJoin();
  private readonly profiles = new Map<number, VersionProfile>();
  private lastProfile: VersionProfile | undefined;

  constructor(readonly startMs: number) {}

  /** The version's profile, opened with its reference when the version is new here; undefined past VERSIONS_MAX. */
  profile(version: number, reference: () => VersionReference | undefined): VersionProfile | undefined {
    if (this.lastProfile?.version === version) return this.lastProfile;
    let profile = this.profiles.get(version);
    if (profile === undefined) {
      if (this.profiles.size >= VERSIONS_MAX) return undefined;
      profile = new VersionProfile(version, reference());
      this.profiles.set(version, profile);
    }
    this.lastProfile = profile;
    return profile;
  }

  versions(): number[] {
    return [...this.profiles.keys()].sort((a, b) => a - b);
  }

  close(): void {
    this.closed = true;
    this.profiles.clear();
    this.lastProfile = undefined;
    this.all = new VersionProfile(0, undefined);
  }

  state(): OpenWindowState {
    const { startMs, closed, predictions, labels } = this;
    return {
      startMs,
      closed,
      predictions,
      labels,
      all: this.all.state(),
      profiles: [...this.profiles.values()].map((profile) => profile.state()),
      join: this.join.state(),
    };
  }

  static fromState(state: OpenWindowState, reference: (version: number) => VersionReference | undefined): OpenWindow {
    const window = new OpenWindow(state.startMs);
    window.closed = state.closed;
    window.predictions = state.predictions;
    window.labels = state.labels;
    window.all = VersionProfile.fromState(state.all, undefined);
    window.join = LabelJoin.fromState(state.join);
    for (const profile of state.profiles) {
      window.profiles.set(profile.version, VersionProfile.fromState(profile, reference(profile.version)));
    }
    return window;
  }
}
