// What one cohort saw and answered in one window: statistics per feature in the reference's cells, the scores, and
// the latencies. Merging and saving are those of libs/statistics; memory is bounded by the reference, not by the rows.

import { type Cohort, cohortKey, type ReferenceProfile, type Scalar } from '@millrace/domain';
import {
  type CategoricalWindow,
  type FeatureCells,
  type FeatureWindowState,
  featureCells,
  LatencyHistogram,
  type LatencyState,
  type NumericCells,
  NumericWindow,
  openFeatureWindow,
} from '@millrace/statistics';

/** A version's reference, prepared for counting: its cells in the order in which predictions carry the features. */
export interface VersionReference {
  version: number;
  profile: ReferenceProfile;
  cells: readonly FeatureCells[];
  /** Index of a cell's feature within a prediction's features. */
  inputIndex: readonly number[];
  score: NumericCells;
}

/** `inputs`: names in the order of the model's signature; a reference feature that is not an input is left out. */
export function prepareReference(
  version: number,
  profile: ReferenceProfile,
  inputs: readonly string[],
): VersionReference {
  const cells: FeatureCells[] = [];
  const inputIndex: number[] = [];
  for (const feature of profile.features) {
    const index = inputs.indexOf(feature.name);
    if (index < 0) continue;
    cells.push(featureCells(feature));
    inputIndex.push(index);
  }
  const score = featureCells(profile.score);
  if (score.kind !== 'numeric') throw new Error('a score profile is numeric');
  return { version, profile, cells, inputIndex, score };
}

export interface CohortProfileState {
  /** Key. */
  cohort: string;
  rows: number;
  features: FeatureWindowState[];
  score: FeatureWindowState | null;
  latency: LatencyState;
  firstAnsweredMs: number;
  lastAnsweredMs: number;
}

export class CohortProfile {
  rows = 0;
  readonly features: readonly (NumericWindow | CategoricalWindow)[];
  readonly score: NumericWindow | undefined;
  readonly latencyUs: LatencyHistogram;
  /** Processing time; 0 before the first row. */
  firstAnsweredMs = 0;
  lastAnsweredMs = 0;

  /** Without a reference (unknown package), rows, scores and latencies are counted but nothing can be tested. */
  constructor(
    readonly cohort: Cohort,
    private readonly reference: VersionReference | undefined,
    latencyUs = new LatencyHistogram(),
  ) {
    this.latencyUs = latencyUs;
    this.features = reference === undefined ? [] : reference.cells.map(openFeatureWindow);
    this.score = reference === undefined ? undefined : new NumericWindow(reference.score);
  }

  get hasReference(): boolean {
    return this.reference !== undefined;
  }

  add(features: readonly Scalar[], score: number, latencyUs: number, answeredAtMs: number): void {
    this.rows += 1;
    const inputIndex = this.reference?.inputIndex;
    if (inputIndex !== undefined) {
      for (let i = 0; i < inputIndex.length; i++) {
        const value = features[inputIndex[i] as number];
        (this.features[i] as NumericWindow).add(value === undefined ? null : value);
      }
      (this.score as NumericWindow).add(score);
    }
    this.latencyUs.record(latencyUs);
    if (this.firstAnsweredMs === 0 || answeredAtMs < this.firstAnsweredMs) this.firstAnsweredMs = answeredAtMs;
    if (answeredAtMs > this.lastAnsweredMs) this.lastAnsweredMs = answeredAtMs;
  }

  state(): CohortProfileState {
    return {
      cohort: cohortKey(this.cohort),
      rows: this.rows,
      features: this.features.map((feature) => feature.state()),
      score: this.score?.state() ?? null,
      latency: this.latencyUs.state(),
      firstAnsweredMs: this.firstAnsweredMs,
      lastAnsweredMs: this.lastAnsweredMs,
    };
  }

  static fromState(cohort: Cohort, state: CohortProfileState, reference: VersionReference | undefined): CohortProfile {
    const fits = reference !== undefined && reference.cells.length === state.features.length && state.score !== null;
    const profile = new CohortProfile(cohort, fits ? reference : undefined, LatencyHistogram.fromState(state.latency));
    profile.rows = state.rows;
    for (const [i, feature] of state.features.entries()) profile.features[i]?.restore(feature);
    if (state.score !== null) profile.score?.restore(state.score);
    profile.firstAnsweredMs = state.firstAnsweredMs;
    profile.lastAnsweredMs = state.lastAnsweredMs;
    return profile;
  }
}
