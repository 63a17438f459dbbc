// What labels said of the versions of a rollout or an experiment: the losses of answers whose version the route drew,
// counted since it began, by version and by the weight that the new version had when they were drawn (of an experiment
// by a number of all weights). Cumulative and mergeable.
// Only answers of one weight are compared with each other: among them each version had its share at any time, whenever
// their labels come, so that an hour in which all is harder is no fault of the version that had more of it. By entity
// bucket their sums are kept beside, of all weights, so that a judge sees whether some few entities make a difference.
// A loss lies in [0, 1]; what it is the task says. O(1) a label; at most VERSIONS_MAX versions of 99 weights, 40 bytes
// each, and 2 KiB by entity.

import { type ClusterCounts, type DesignEffect, designEffect, INDEPENDENT, Moments } from '@millrace/statistics';
import { type RolloutDraw, TARGETS_MAX } from '../route.js';
import { ENTITY_BUCKETS } from './entity-buckets.js';

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

/** Of one version by entity bucket, as it is saved and sent: labelled answers, and the sums of their losses. */
export interface EntityLosses {
  version: number;
  counts: number[];
  sums: number[];
}

/** By weight. */
export type LossesByWeight = ReadonlyMap<number, Moments>;

/** What labels said of one version. */
export interface VersionLosses {
  readonly losses: LossesByWeight;
  /** The same by entity bucket; undefined: of no label it is known whose it is. */
  readonly entityLosses: ClusterCounts | undefined;
}

const NONE: LossesByWeight = new Map();

interface Buckets extends ClusterCounts {
  readonly n: Float64Array;
  readonly k: Float64Array;
}

export class RolloutLosses {
  /** Labelled answers. */
  labelled = 0;
  private readonly versions = new Map<number, Map<number, Moments>>();
  private readonly entities = new Map<number, Buckets>();

  constructor(readonly fromRevision: number) {}

  /**
   * False: it is of another rollout, or of a version too many. `bucket`: of what the version was drawn by; undefined:
   * not known any more.
   */
  add({ fromRevision, weight }: RolloutDraw, version: number, loss: number, bucket?: number): boolean {
    const moments = fromRevision === this.fromRevision ? this.cell(version, weight) : undefined;
    if (moments === undefined) return false;
    moments.add(loss);
    this.labelled += 1;
    if (bucket !== undefined) this.addTo(version, bucket, 1, loss);
    return true;
  }

  addCells(cells: readonly LossCell[]): void {
    for (const { version, weight, count, mean, m2 } of cells) {
      // The ends are of no use here, and are not sent.
      this.cell(version, weight)?.merge(Moments.fromState({ count, mean, m2, min: 0, max: 1 }));
      this.labelled += count;
    }
  }

  addEntities(entities: readonly EntityLosses[]): void {
    for (const { version, counts, sums } of entities)
      for (const [bucket, count] of counts.slice(0, ENTITY_BUCKETS).entries())
        if (count > 0) this.addTo(version, bucket, count, sums[bucket] ?? 0);
  }

  /** By entity bucket; undefined: of no label it is known whose it is. */
  entitiesOf(version: number): ClusterCounts | undefined {
    return this.entities.get(version);
  }

  entityLosses(): EntityLosses[] {
    return [...this.entities].map(([version, { n, k }]) => ({ version, counts: [...n], sums: [...k] }));
  }

  of(version: number): LossesByWeight {
    return this.versions.get(version) ?? NONE;
  }

  saidOf(version: number): VersionLosses {
    return { losses: this.of(version), entityLosses: this.entitiesOf(version) };
  }

  cells(): LossCell[] {
    return [...this.versions].flatMap(([version, weights]) =>
      [...weights].map(([weight, moments]) => {
        const { count, mean, m2 } = moments.state();
        return { version, weight, count, mean, m2 };
      }),
    );
  }

  private addTo(version: number, bucket: number, count: number, sum: number): void {
    let buckets = this.entities.get(version);
    if (buckets === undefined) {
      if (this.entities.size >= VERSIONS_MAX) return;
      buckets = { n: new Float64Array(ENTITY_BUCKETS), k: new Float64Array(ENTITY_BUCKETS) };
      this.entities.set(version, buckets);
    }
    buckets.n[bucket]! += count;
    buckets.k[bucket]! += sum;
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

/** How much less labels say because some are of the same entity. */
export function lossDependence(stable: VersionLosses, candidate: VersionLosses): DesignEffect {
  const [first, second] = [stable.entityLosses, candidate.entityLosses];
  if (first === undefined || second === undefined) return INDEPENDENT;
  const variance = ({ losses }: VersionLosses) => allLosses(losses).variance;
  return designEffect(first, second, [variance(stable), variance(candidate)]);
}
