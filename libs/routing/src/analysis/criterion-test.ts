// One criterion's test of one rollout: its cuts, each with a StatedEffectTest, fed with blocks of the answers that
// came since. Answers of one entity are not independent: where entities differ, evidence is divided by their design
// effect, from what each cut counts by entity. A block ends at the first look at which both versions have BLOCK_MIN
// more answers; where it ends depends on how many came, never on how they were. Evidence that the new version is worse
// is the mean over the cuts (a mean of e-processes is one); it is believed from 1/alpha on. It has passed where each
// cut says that it is not worse by the effect.

import {
  type Count,
  type DesignEffect,
  designEffect,
  discounted,
  INDEPENDENT,
  StatedEffectTest,
  StatedShiftTest,
  shareDifference,
} from '@millrace/statistics';
import { cutName } from './aimed-cuts.js';
import type { Arms, Bins, CRITERION_VERDICTS, Criterion, Cut, RunningTest, Standing } from './criterion.js';
import type { VersionEvidence } from './evidence.js';

/**
 * A block of one answer each wastes a fifth of them where both versions get as many, of two a twelfth; of more the
 * judgement would wait for them where answers are few.
 */
const BLOCK_MIN = 2;

interface Probe {
  readonly cut: Cut;
  readonly name: string;
  readonly test: StatedEffectTest;
  /** Of a cut with bins. */
  readonly shift: StatedShiftTest;
  /** Where the running block began. */
  base: Arms;
}

export type CriterionVerdict = (typeof CRITERION_VERDICTS)[number];

export class CriterionTest implements RunningTest {
  readonly holds = 'with data';
  private readonly probes: readonly Probe[];
  private arms: Arms;
  private hasFailed = false;
  private hasPassed = false;
  private hasData = false;

  constructor(
    readonly criterion: Criterion,
    private readonly errors: { alpha: number; missed: number },
    empty: Arms,
  ) {
    this.probes = criterion.cuts.map((cut, place) => ({
      ...{
        cut,
        name: cutName(criterion, place),
        test: new StatedEffectTest(cut),
        shift: new StatedShiftTest(),
        base: empty,
      },
    }));
    this.arms = empty;
  }

  look(now: Arms, kept: () => Arms): void {
    this.arms = now;
    for (const probe of this.probes) this.extend(probe, now, kept);
    const [failsAt, passesAt] = [Math.log(1 / this.errors.alpha), Math.log(1 / this.errors.missed)];
    // Dependence only takes from evidence: where there is not enough of it anyway, nobody has to look.
    if (this.logWorse(independent) >= failsAt && this.logWorse() >= failsAt) this.hasFailed = true;
    if (this.logNotWorse(independent) >= passesAt && this.logNotWorse() >= passesAt) this.hasPassed = true;
  }

  /** The running blocks begin here. */
  beginFrom(kept: Arms): void {
    for (const probe of this.probes) probe.base = kept;
  }

  nextStep(): void {
    this.hasPassed = false;
    for (const { test } of this.probes) test.forgetNotHigher();
  }

  get verdict(): CriterionVerdict {
    if (this.hasFailed) return 'fail';
    if (!this.hasData) return 'no_data';
    return this.hasPassed ? 'pass' : 'not_yet';
  }

  get alpha(): number {
    return this.errors.alpha;
  }

  get evidence(): number {
    return Math.max(0, this.logWorse() / Math.log(1 / this.errors.alpha));
  }

  /** Of the cut that says most against the new version; both sides are all answers, by where it cuts now. */
  standing({ stable, candidate }: Arms): Standing {
    const most = this.probes.reduce((a, b) => (logHigher(b, this.arms) > logHigher(a, this.arms) ? b : a));
    const { cut, base, test } = most;
    const edge = cut.edge(base.stable);
    const counted = (of: VersionEvidence): Count => ({
      k: edge === undefined ? 0 : cut.marked(of, edge),
      n: cut.all(of),
    });
    const { first, second } = test;
    const isBegun = first.n > 0;
    return {
      ...{ stable: counted(stable), candidate: counted(candidate), designEffect: this.dependence(most).inflation },
      difference: isBegun ? second.k / second.n - first.k / first.n : null,
      interval: isBegun ? shareDifference(first, second, this.alpha) : null,
    };
  }

  /** In every cut. */
  answersUntilSeen(share: number): number {
    const alpha = this.errors.alpha / this.probes.length;
    const missing = (probe: Probe) => probe.test.answersUntilSeen(alpha, share) * this.dependence(probe).inflation;
    return Math.ceil(Math.max(...this.probes.map(missing)));
  }

  private extend(probe: Probe, now: Arms, kept: () => Arms): void {
    const { cut, base } = probe;
    const [stableAll, candidateAll] = [cut.all(now.stable), cut.all(now.candidate)];
    this.hasData ||= stableAll > 0 || candidateAll > 0;
    const [n1, n2] = [stableAll - cut.all(base.stable), candidateAll - cut.all(base.candidate)];
    // Less than before: what a router had said is not known any more.
    if (n1 < 0 || n2 < 0) probe.base = kept();
    if (n1 < BLOCK_MIN || n2 < BLOCK_MIN) return;
    const edge = cut.edge(base.stable);
    if (edge === undefined) {
      if (cut.edge(now.stable) !== undefined) probe.base = kept();
      return;
    }
    probe.test.add(
      { k: cut.marked(now.stable, edge) - cut.marked(base.stable, edge), n: n1 },
      { k: cut.marked(now.candidate, edge) - cut.marked(base.candidate, edge), n: n2 },
    );
    if (cut.bins !== undefined) shiftBlock(cut.bins, probe, now);
    probe.base = kept();
  }

  private logWorse(dependence = this.dependence): number {
    return logMean(this.probes.map((probe) => discounted(logHigher(probe, this.arms), dependence(probe))));
  }

  private logNotWorse(dependence = this.dependence): number {
    return Math.min(...this.probes.map((probe) => discounted(probe.test.logNotHigher, dependence(probe))));
  }

  /** How much less answers say because some are of the same entity. */
  private readonly dependence = ({ name }: Probe): DesignEffect => {
    const [stable, candidate] = [this.arms.stable.entities.of(name), this.arms.candidate.entities.of(name)];
    return stable === undefined || candidate === undefined ? INDEPENDENT : designEffect(stable, candidate);
  };
}

/** Evidence against the new version in one cut. */
function logHigher({ cut, test, shift }: Probe, { stable, candidate }: Arms): number {
  if (cut.bins === undefined) return test.logHigher;
  const counts = shift.logHigher > test.logHigher && cut.bins.isWorse(stable, candidate);
  return logMean([test.logHigher, counts ? shift.logHigher : Number.NEGATIVE_INFINITY]);
}

function shiftBlock({ edges: edgesOf, counts, shifted }: Bins, { base, shift }: Probe, now: Arms): void {
  const edges = edgesOf(base.stable);
  if (edges === undefined) return;
  const since = (after: VersionEvidence, before: VersionEvidence): number[] => {
    const earlier = counts(before, edges);
    return counts(after, edges).map((count, bin) => count - (earlier[bin] as number));
  };
  const expected = { first: counts(base.stable, edges), shifted: shifted(base.stable, edges) };
  shift.add(since(now.stable, base.stable), since(now.candidate, base.candidate), expected);
}

/** ln of the mean of numbers that are given by their logarithms. */
function logMean(logs: readonly number[]): number {
  const high = Math.max(...logs);
  if (high === Number.NEGATIVE_INFINITY) return high;
  return high + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - high), 0) / logs.length);
}

const independent = (): DesignEffect => INDEPENDENT;
