// What labels said of the versions of a rollout or an experiment: the losses of answers whose version the route drew,
// counted since it began, by version and by the weight that the new version had when they were drawn (of an experiment
// by a number of all weights). Cumulative and mergeable.
// Only answers of one weight are compared with each other: among them each version had its share at any time, whenever
// their labels come, so that an hour in which all is harder is no fault of the version that had more of it. A loss lies
// in [0, 1]; what it is the task says. O(1) a label; at most VERSIONS_MAX versions of 99 weights, 40 bytes each.

import { Moments } from '@millrace/statistics';
import { type RolloutDraw, TARGETS_MAX } from '../route.js';

/** What is drawn is a target. */
const VERSIONS_MAX = TARGETS_MAX;

/** As it is saved and sent. */
export interface LossCell {
  version: number;
  /** Of the draw. */
  weight: number;
  count: number;
  mean: number;
  m2: number;
}

/** By weight. */
export type LossesByWeight = ReadonlyMap<number, Moments>;

const NONE: LossesByWeight = new Map();

export class RolloutLosses {
  /** Labelled answers. */
  labelled = 0;
  private readonly versions = new Map<number, Map<number, Moments>>();

  constructor(readonly fromRevision: number) {}

  /** False: it is of another rollout, or of a version too many. */
  add({ fromRevision, weight }: RolloutDraw, version: number, loss: number): boolean {
    const moments = fromRevision === this.fromRevision ? this.cell(version, weight) : undefined;
    if (moments === undefined) return false;
    moments.add(loss);
    this.labelled += 1;
    return true;
  }

  addCells(cells: readonly LossCell[]): void {
    for (const { version, weight, count, mean, m2 } of cells) {
      // The ends are of no use here, and are not sent.
      this.cell(version, weight)?.merge(Moments.fromState({ count, mean, m2, min: 0, max: 1 }));
      this.labelled += count;
    }
  }

  of(version: number): LossesByWeight {
    return this.versions.get(version) ?? NONE;
  }

  cells(): LossCell[] {
    return [...this.versions].flatMap(([version, weights]) =>
      [...weights].map(([weight, moments]) => {
        const { count, mean, m2 } = moments.state();
        return { version, weight, count, mean, m2 };
      }),
    );
  }

  private cell(version: number, weight: number): Moments | undefined {
    let weights = this.versions.get(version);
    if (weights === undefined) {
      if (this.versions.size >= VERSIONS_MAX) return undefined;
      weights = new Map();
      this.versions.set(version, weights);
    }
    let moments = weights.get(weight);
    if (moments === undefined) {
      moments = new Moments();
      weights.set(weight, moments);
    }
    return moments;
  }
}

/** Of all weights: of a version by itself, for who looks at it. */
export function allLosses(losses: LossesByWeight): Moments {
  const all = new Moments();
  for (const moments of losses.values()) all.merge(moments);
  return all;
}
