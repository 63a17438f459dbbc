// What one cohort saw and answered in one window, or in one partition's share of it: statistics per feature in the
// reference's cells, the scores, and the latencies. Merging and saving are those of libs/statistics; memory is bounded
// by the reference, not by the rows.
//
// Profiles of several partitions merge to that of all their rows: every count exactly, in whatever order; mean and
// variance in the order in which they are given, up to rounding. So they are given in the order of the partitions.

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

  /**
   * What these of one cohort are together. Where they were not all counted in the same cells (a reference came while
   * the window was open) there is nothing to test, as where there is no reference.
   */
  static merged(profiles: readonly [CohortProfile, ...CohortProfile[]]): CohortProfile {
    const [first, ...others] = profiles;
    if (others.length === 0) return first;
    const fits = others.every(({ reference }) => sameCells(reference, first.reference));
    const whole = new CohortProfile(first.cohort, fits ? first.reference : undefined);
    for (const part of profiles) {
      whole.rows += part.rows;
      whole.latencyUs.merge(part.latencyUs);
      whole.answered(part.firstAnsweredMs, part.lastAnsweredMs);
      for (const [i, feature] of whole.features.entries()) feature.merge(part.features[i] as NumericWindow);
      if (part.score !== undefined) whole.score?.merge(part.score);
    }
    return whole;
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
    this.answered(answeredAtMs, answeredAtMs);
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

  /** 0: no row. */
  private answered(firstMs: number, lastMs: number): void {
    if (this.firstAnsweredMs === 0 || (firstMs !== 0 && firstMs < this.firstAnsweredMs)) this.firstAnsweredMs = firstMs;
    if (lastMs > this.lastAnsweredMs) this.lastAnsweredMs = lastMs;
  }
}

/** The package of a version may have been read twice: its cells are the same then, and not the same objects. */
function sameCells(a: VersionReference | undefined, b: VersionReference | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return a === b;
  if (a.version !== b.version || a.cells.length !== b.cells.length) return false;
  return a.cells.every((cells, i) => JSON.stringify(cells.reference) === JSON.stringify(b.cells[i]?.reference));
}
