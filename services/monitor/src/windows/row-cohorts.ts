// Which cohorts a prediction counts in beside ALL: its version, and its version's slices. Every list is made once and
// given again, so that whoever keeps rows can tell lists by identity. Past LISTS_MAX lists a row counts in its version
// only.

import type { PredictionMessage } from '@millrace/contracts';
import { type Cohort, cohortKey, cohortOfVersion, type Slice } from '@millrace/domain';

/** Versions times combinations of slices; a list weighs some hundred bytes. */
const LISTS_MAX = 10_000;

/** The slices of a prediction. */
export type SlicesOf = (message: PredictionMessage) => readonly Slice[];

export class RowCohorts {
  private readonly ofVersions = new Map<number, readonly Cohort[]>();
  private readonly ofSlices = new Map<string, readonly Cohort[]>();

  /** Without `slicesOf` only versions are told apart. */
  constructor(private readonly slicesOf: SlicesOf | undefined) {}

  of(message: PredictionMessage): readonly Cohort[] {
    const slices = this.slicesOf?.(message) ?? [];
    return slices.length === 0 ? this.versionOnly(message.modelVersion) : this.withSlices(message.modelVersion, slices);
  }

  private versionOnly(version: number): readonly Cohort[] {
    let list = this.ofVersions.get(version);
    if (list === undefined) {
      if (this.ofVersions.size >= LISTS_MAX) this.ofVersions.clear();
      list = [cohortOfVersion(version)];
      this.ofVersions.set(version, list);
    }
    return list;
  }

  private withSlices(version: number, slices: readonly Slice[]): readonly Cohort[] {
    const cohorts = slices.map((slice): Cohort => ({ version, slice }));
    const key = cohorts.map(cohortKey).join(' ');
    const known = this.ofSlices.get(key);
    if (known !== undefined) return known;
    const whole = this.versionOnly(version);
    if (this.ofSlices.size >= LISTS_MAX) return whole;
    const list = [...whole, ...cohorts];
    this.ofSlices.set(key, list);
    return list;
  }
}
