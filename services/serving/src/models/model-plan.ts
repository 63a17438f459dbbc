// What a repository says about one model, read and checked but not loaded: the versions to serve and how to load each.

import type { ServedModel } from './served-model.js';

export interface PlannedVersion {
  readonly version: number;
  /** Loads and warms up beside the serving path; throws PlatformError. */
  load(): Promise<ServedModel>;
}

export interface ModelPlan {
  readonly name: string;
  /** Ascending; at least one. */
  readonly versions: readonly PlannedVersion[];
  /** Label → version. */
  readonly labels: Readonly<Record<string, number>>;
  /** Models that an ensemble is made of. */
  readonly parts: readonly string[];
  /**
   * Of the repository's files; undefined = made from load parameters, and a change of the folder does not replace it.
   */
  readonly fingerprint: string | undefined;
  /** Called once when nothing loaded from this plan is served any more. */
  release(): Promise<void>;
}
