// Quality in a rollout's judgement: labels that come late or never, the project that waits for them, and the errors of
// the test over many seeds.

import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { answerInto, type Crowd, Entities, type LabelledWorld, lossOf } from '@millrace/testing';
import { ENTITY_BUCKETS } from './entity-buckets.js';
import { VersionEvidence } from './evidence.js';
import { RolloutJudge } from './judge.js';
import { type AnalysisPlan, DEFAULT_ANALYSIS } from './plan.js';
import { RolloutLosses } from './rollout-losses.js';

const ROLLOUT = { stable: 1, candidate: 2, sinceMs: 0 };
const ONLY_QUALITY: Partial<AnalysisPlan> = { ignore: ['errors', 'latency', 'unusable', 'constant', 'scores'] };
/** Of what an entity is peculiar by: its mean loss lies between .15 and .27. */
const EASIER = 0.3;
const REQUIRED: Partial<AnalysisPlan> = { quality: { effect: 0.05, required: true } };
const WAITS_FOR_NONE: Partial<AnalysisPlan> = { quality: { effect: 0.05, required: false } };

class World {
  readonly judge: RolloutJudge;
  readonly losses = new RolloutLosses(1);
  readonly stable = new VersionEvidence(1);
  readonly candidate = new VersionEvidence(2);
  private readonly rng;
  private n = 0;
  weight = 20;

  constructor(
    seed: number,
    plan: Partial<AnalysisPlan>,
    private readonly labels: LabelledWorld,
  ) {
    this.rng = seededRng(seed);
    this.judge = new RolloutJudge({ ...DEFAULT_ANALYSIS, ...plan }, ROLLOUT);
  }

  /** Looked at after every tenth; ends at a failure, and at a pass where `stops`. */
  requests(count: number, { labelled = true, stops = true, nowMs = 1_000 } = {}): string {
    let verdict = '';
    for (let i = 0; i < count; i++) {
      const isNew = this.rng.next() * 100 < this.weight;
      answerInto(isNew ? this.candidate : this.stable, this.rng, {});
      const loss = lossOf(this.labels, isNew, this.n++, this.rng);
      if (labelled) this.losses.add({ fromRevision: 1, weight: this.weight }, isNew ? 2 : 1, loss);
      if (i % 10 !== 9) continue;
      this.stable.losses = this.losses.of(1);
      this.candidate.losses = this.losses.of(2);
      verdict = this.judge.look(this, nowMs);
      if (verdict === 'fail' || (stops && verdict === 'pass')) break;
    }
    return verdict;
  }

  /** Labels of entities that stay with their version; `isTold`: whose each is is told, else each is its own. */
  asked(count: number, crowd: Crowd, isTold: boolean): string {
    const entities = new Entities(this.rng, this.weight / 100, crowd);
    let verdict = '';
    for (let i = 1; i <= count && verdict !== 'fail'; i++) {
      const { isOfCandidate, own, bucket } = entities.next();
      (isOfCandidate ? this.candidate : this.stable).answered += 1;
      const loss = lossOf(this.labels, isOfCandidate, this.n++, this.rng, EASIER * (own.shift ?? 0));
      // Drawn in any case: what is told changes nothing else.
      const other = this.rng.below(ENTITY_BUCKETS);
      const of = isTold ? bucket : other;
      this.losses.add({ fromRevision: 1, weight: this.weight }, isOfCandidate ? 2 : 1, loss, of);
      if (i % 10 !== 0) continue;
      for (const version of [this.stable, this.candidate]) {
        version.losses = this.losses.of(version.version);
        version.entityLosses = this.losses.entitiesOf(version.version);
      }
      verdict = this.judge.look(this, 1_000);
    }
    return verdict;
  }

  get quality() {
    return this.judge.analysis().criteria.find(({ criterion }) => criterion === 'quality');
  }
}

describe('the quality of a version in its rollout', () => {
  it('a worse version is taken back by its labels alone, with both mean losses and the interval', () => {
    const world = new World(1, WAITS_FOR_NONE, { worseBy: 0.1 });
    expect(world.requests(20_000, { stops: false })).toBe('fail');
    expect(world.quality).toMatchObject({ verdict: 'fail', unit: 'loss', evidence: expect.any(Number) });
    expect(world.quality?.difference).toBeGreaterThan(0);
    expect(world.quality?.interval?.upper).toBeGreaterThan(world.quality?.difference as number);
    expect(world.quality?.candidate.figure).toBeGreaterThan(world.quality?.stable.figure as number);
    expect(world.judge.analysis().reason).toMatch(
      /^quality: version 2 0\.\d+ of \d+ labels, version 1 0\.\d+ of \d+ labels$/,
    );
  });

  it('without labels there is no data, which holds no rollout, and the one that is required waits for a person', () => {
    const lenient = new World(2, WAITS_FOR_NONE, { worseBy: 0 });
    expect(lenient.requests(20_000, { labelled: false })).toBe('pass');
    expect(lenient.quality).toMatchObject({ verdict: 'no_data', interval: null, stable: { figure: null, n: 0 } });
    const strict = new World(2, REQUIRED, { worseBy: 0 });
    expect(strict.requests(8_000, { labelled: false })).toBe('not_yet');
    expect(strict.judge.analysis().reason).toBe('quality: no answer of this rollout has a label yet');
    const late = DEFAULT_ANALYSIS.inconclusiveAfterMs + 1_000;
    expect(strict.requests(10, { labelled: false, nowMs: late })).toBe('inconclusive');
    expect(strict.judge.analysis().reason).toContain('waits for a person: quality: no answer');
  });

  it('undecided labels hold a rollout only where they are required; those pass each step by themselves', () => {
    const lenient = new World(3, { quality: { effect: 0.005, required: false } }, { worseBy: 0 });
    expect(lenient.requests(20_000)).toBe('pass');
    expect(lenient.quality?.verdict).toBe('not_yet');
    const strict = new World(3, REQUIRED, { worseBy: 0 });
    expect(strict.requests(30_000)).toBe('pass');
    expect(strict.quality?.verdict).toBe('pass');
    strict.judge.nextStep(2_000);
    strict.weight = 50;
    expect(strict.requests(10)).toBe('not_yet');
    expect(strict.requests(30_000)).toBe('pass');
  });

  it('hard hours that one version has more of at another weight are no fault of it', () => {
    for (let seed = 0; seed < 10; seed++) {
      const world = new World(seed, { ...ONLY_QUALITY, ...WAITS_FOR_NONE }, { worseBy: 0, hour: 3_000 });
      world.weight = 10;
      expect(world.requests(3_000)).not.toBe('fail');
      world.weight = 90;
      expect(world.requests(3_000)).not.toBe('fail');
    }
  });

  it('of 60 versions as good looked at every ten of 4,000 requests at most 2 fail; of as many of the effect at most 7 pass', () => {
    // 2 of 60: promised are .6, and more than 2 have a probability of 2 %; 7 of 60: promised are 2.4.
    const seeds = Array.from({ length: 60 }, (_, seed) => seed + 100);
    const plan = { ...ONLY_QUALITY, quality: { effect: 0.05, required: true } };
    const wrong = seeds.filter(
      (seed) => new World(seed, plan, { worseBy: 0 }).requests(4_000, { stops: false }) === 'fail',
    );
    expect(wrong.length).toBeLessThanOrEqual(2);
    const missed = seeds.filter((seed) => new World(seed, plan, { worseBy: 0.05 }).requests(60_000) !== 'fail');
    expect(missed.length).toBeLessThanOrEqual(7);
  }, 120_000);

  const LOUD: Crowd = { count: 500, exponent: 0, peculiar: 0.3, first: 0.6, ofFirst: { shift: 1 } };
  const TAIL: Crowd = { count: 1_000, exponent: 1, peculiar: 1 };
  const ALIKE: Crowd = { count: 1_000, exponent: 1, peculiar: 0 };
  const OF_ENTITIES = { ...ONLY_QUALITY, quality: { effect: 0.05, required: true } };

  it.each([
    ['one entity has 60 % of the labels and is easier than others', LOUD],
    ['entities have labels by Zipf and differ', TAIL],
  ])(
    '%s: of 40 versions that are as good at most 2 fail',
    (_what, crowd) => {
      const seeds = Array.from({ length: 40 }, (_, seed) => seed + 300);
      const failed = (isTold: boolean) =>
        seeds.filter((seed) => new World(seed, OF_ENTITIES, { worseBy: 0 }).asked(4_000, crowd, isTold) === 'fail');
      // That labels of one entity are taken for those of many is what it is about.
      expect(failed(false).length).toBeGreaterThan(4);
      // More than 2 of 40 have a probability of .8 % where 1 of 100 is wrong.
      expect(failed(true).length).toBeLessThanOrEqual(2);
    },
    60_000,
  );

  it('a worse version fails by the labels of entities that differ, too, after more of them', () => {
    const untilSeen = (isTold: boolean): number => {
      const worlds = [1, 2, 3, 4, 5, 6].map((seed) => {
        const world = new World(seed, OF_ENTITIES, { worseBy: 0.1 });
        expect(world.asked(40_000, TAIL, isTold)).toBe('fail');
        return world.stable.answered + world.candidate.answered;
      });
      return worlds.reduce((sum, one) => sum + one, 0) / worlds.length;
    };
    expect(untilSeen(true)).toBeGreaterThan(untilSeen(false));
  }, 60_000);

  it('says how many labels weigh as one, which is one where entities do not differ', () => {
    const effectOf = (crowd: Crowd) => {
      const world = new World(3, OF_ENTITIES, { worseBy: 0 });
      world.asked(4_000, crowd, true);
      return world.quality?.designEffect ?? 0;
    };
    expect(effectOf(TAIL)).toBeGreaterThan(1.5);
    expect(effectOf(ALIKE)).toBeLessThan(1.3);
  });

  it('counts that shrink are begun anew and change no decision', () => {
    const world = new World(5, { ...ONLY_QUALITY, ...WAITS_FOR_NONE }, { worseBy: 0 });
    world.requests(2_000);
    const before = world.quality?.evidence;
    world.candidate.losses = new Map();
    world.stable.losses = new RolloutLosses(1).of(1);
    world.judge.look(world, 2_000);
    expect(world.quality?.evidence).toBe(before);
  });
});
