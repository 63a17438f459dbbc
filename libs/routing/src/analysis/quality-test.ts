// The test of a rollout's quality: whether the new version's mean loss is higher than the stable one's, on labelled
// answers that the route drew, weight by weight of the new version. A block of a weight ends at the first look at which
// both have BLOCK_MIN more labels of it. Labelled answers of one entity are not independent: where entities differ,
// evidence is divided by their design effect, as that of the other criteria (criterion-test.ts). Labels come late and
// by themselves: unless the project asks for it, the test can end a rollout and never holds one.

import {
  type BoundedDifference,
  BoundedDifferenceTest,
  type DesignEffect,
  discounted,
  INDEPENDENT,
  type Moments,
} from '@millrace/statistics';
import type { Arms, CRITERION_VERDICTS, CriterionFacts, RunningTest, Standing } from './criterion.js';
import { allLosses, type LossesByWeight, lossDependence } from './rollout-losses.js';

/** As of the other criteria (criterion-test.ts). */
const BLOCK_MIN = 2;

interface Sums {
  count: number;
  sum: number;
  squares: number;
}

const NOTHING: Sums = { count: 0, sum: 0, squares: 0 };

export interface QualityTestOptions {
  alpha: number;
  missed: number;
  effect: BoundedDifference['effect'];
  /** The project waits for labels. */
  required: boolean;
}

export class QualityTest implements RunningTest {
  readonly holds;
  private readonly test: BoundedDifferenceTest;
  /** By weight: where the running block began. */
  private readonly bases = new Map<number, { stable: Sums; candidate: Sums }>();
  private hasFailed = false;
  private hasPassed = false;
  private hasData = false;
  private hasBlocks = false;
  /** How much less labels say because some are of the same entity, as it was when that mattered last. */
  private dependence: DesignEffect = INDEPENDENT;

  constructor(
    readonly criterion: CriterionFacts,
    private readonly options: QualityTestOptions,
  ) {
    this.holds = options.required ? ('always' as const) : ('never' as const);
    this.test = new BoundedDifferenceTest(options);
  }

  look(arms: Arms): void {
    const { stable, candidate } = arms;
    this.hasData ||= stable.losses.size > 0 || candidate.losses.size > 0;
    for (const [weight, moments] of candidate.losses) this.extend(weight, stable.losses.get(weight), moments);
    const [failsAt, passesAt] = [Math.log(1 / this.options.alpha), Math.log(1 / this.options.missed)];
    const { logHigher, logNotHigher } = this.test;
    this.dependence = logHigher > 0 || logNotHigher >= passesAt ? lossDependence(stable, candidate) : this.dependence;
    if (discounted(logHigher, this.dependence) >= failsAt) this.hasFailed = true;
    if (discounted(logNotHigher, this.dependence) >= passesAt) this.hasPassed = true;
  }

  /** All that was counted at one weight is comparable, whoever tells it, and whenever it is heard. */
  beginFrom(): void {}

  nextStep(): void {
    this.hasPassed = false;
    this.test.forgetNotHigher();
  }

  get verdict(): (typeof CRITERION_VERDICTS)[number] {
    if (this.hasFailed) return 'fail';
    if (!this.hasData) return 'no_data';
    return this.hasPassed ? 'pass' : 'not_yet';
  }

  get alpha(): number {
    return this.options.alpha;
  }

  get evidence(): number {
    return Math.max(0, discounted(this.test.logHigher, this.dependence) / Math.log(1 / this.options.alpha));
  }

  /** All labelled answers of both, which all count; the difference is the middle of its interval. */
  standing(arms: Arms): Standing {
    const { stable, candidate } = arms;
    const labelled = (losses: LossesByWeight) => {
      const { count } = allLosses(losses);
      return { k: count, n: count };
    };
    const interval = this.hasBlocks ? this.test.bounds() : null;
    return {
      ...{ stable: labelled(stable.losses), candidate: labelled(candidate.losses), interval },
      difference: interval === null ? null : (interval.lower + interval.upper) / 2,
      designEffect: lossDependence(stable, candidate).inflation,
    };
  }

  /** Labelled ones. */
  answersUntilSeen(share: number): number {
    return Math.ceil(this.test.valuesUntilSeen(this.options.alpha, share) * this.dependence.inflation);
  }

  private extend(weight: number, stable: Moments | undefined, candidate: Moments): void {
    const now = { stable: sumsOf(stable), candidate: sumsOf(candidate) };
    const base = this.bases.get(weight) ?? { stable: NOTHING, candidate: NOTHING };
    const [n1, n2] = [now.stable.count - base.stable.count, now.candidate.count - base.candidate.count];
    // Less than before: what was counted is not known any more, and is counted again from elsewhere.
    if (n1 < 0 || n2 < 0) this.bases.set(weight, now);
    if (n1 < BLOCK_MIN || n2 < BLOCK_MIN) return;
    this.hasBlocks =
      this.test.add(since(base.stable, now.stable), since(base.candidate, now.candidate)) || this.hasBlocks;
    this.bases.set(weight, now);
  }
}

function sumsOf(moments: Moments | undefined): Sums {
  if (moments === undefined || moments.count === 0) return NOTHING;
  const { count, mean, m2 } = moments.state();
  return { count, sum: count * mean, squares: m2 + count * mean * mean };
}

function since(base: Sums, now: Sums): { count: number; mean: number; m2: number } {
  const count = now.count - base.count;
  const mean = (now.sum - base.sum) / count;
  return { count, mean, m2: Math.max(0, now.squares - base.squares - count * mean * mean) };
}
