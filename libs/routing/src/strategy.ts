// What a rollout strategy decides: who gets traffic once the new version is loaded and warm, and what targets are
// called. All else is the same for every strategy and lives in rollout.ts. A strategy is pure, keeps nothing and needs
// no clock: one that goes in steps declares them, and the route carries where they are.

import type { BanditTerms, PlannedStep, RolloutChecks, RouteTarget, Share } from './route.js';

export interface RolloutStrategy {
  /** As the project file writes it; never renamed. */
  readonly name: string;
  /** One clause for the project file's schema: what happens to the traffic. */
  readonly summary: string;
  /** Of a strategy that goes in steps; the first is what `whenReady` gives. Others refuse `rollout.steps`. */
  readonly steps?: readonly PlannedStep[];
  /** The same strategy with the steps of a project file: at least one, with growing weights. */
  withSteps?(steps: readonly PlannedStep[]): RolloutStrategy;
  /** Of a strategy that moves all traffic at once: the same with checks around the switch, as steps of its own. */
  withChecks?(checks: RolloutChecks): RolloutStrategy;
  /** Not of the strategy but of the project: how long versions that have nothing to do stay loaded (keep.ts). */
  readonly keepMs?: number | undefined;
  /** Of a strategy whose one step's weight follows labels. */
  readonly bandit?: BanditTerms;
  /** The same strategy with the terms of a project file. */
  withBandit?(plan: BanditPlan): RolloutStrategy;
  /**
   * Traffic from the moment `version` is warm; `live` is the traffic before, empty for a project's first version.
   * Weights are whole percents that add up to 100, of `version` and versions of `live`. All of it for `version` ends
   * the rollout, else it is `progressing` until its last step is over, or a command ends it.
   */
  whenReady(live: readonly RouteTarget[], version: number): Step;
  /** A name for each of `versions`, all different; one that has a name in `live` keeps it. */
  names(live: readonly RouteTarget[], versions: readonly number[]): readonly string[];
}

export interface Step {
  readonly weights: readonly Share[];
  /** Loaded versions that get copies of SHADOW_SHARE_DEFAULT percent of the requests; at most SHADOWS_MAX. */
  readonly shadows: readonly number[];
}

/** As a project file declares a bandit. */
export interface BanditPlan extends BanditTerms {
  /** First share of the new version, percent. */
  start: number;
  /** Processing time of the rollout. */
  forMs: number;
}
