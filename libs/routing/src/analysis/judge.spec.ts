import { describe, expect, it } from '@jest/globals';
import { type Rng, seededRng } from '@millrace/domain';
import { answerInto, both, type Crowd, type Difference, Entities } from '@millrace/testing';
import { aimedCuts } from './aimed-cuts.js';
import { VersionEvidence } from './evidence.js';
import { RolloutJudge } from './judge.js';
import { type AnalysisPlan, DEFAULT_ANALYSIS } from './plan.js';
import { criteriaOf } from './registry.js';

const ROLLOUT = { stable: 1, candidate: 2, sinceMs: 1_000 };

class World {
  readonly stable = new VersionEvidence(1);
  readonly candidate = new VersionEvidence(2);
  readonly judge: RolloutJudge;
  private readonly rng: Rng;

  constructor(seed: number, plan: Partial<AnalysisPlan> = {}) {
    this.rng = seededRng(seed);
    this.judge = new RolloutJudge({ ...DEFAULT_ANALYSIS, ...plan }, ROLLOUT);
  }

  /** Requests, a fifth to the new version, looked at after each; ends at a decision. */
  requests(count: number, difference: Difference, both: Difference = {}): string {
    let verdict = '';
    for (let i = 0; i < count; i++) {
      if (this.rng.next() < 0.2) answerInto(this.candidate, this.rng, { ...both, ...difference });
      else answerInto(this.stable, this.rng, both);
      verdict = this.judge.look(this, 2_000);
      if (verdict === 'fail' || verdict === 'pass') break;
    }
    return verdict;
  }

  /** The same by entities that stay with their version; `isTold`: which entity asks is told, else each asks once. */
  asked(count: number, crowd: Crowd, isTold: boolean, difference: Difference = {}): string {
    const entities = new Entities(this.rng, 0.2, crowd);
    let verdict = '';
    for (let i = 0; i < count && verdict !== 'fail'; i++) {
      if (i % 50 === 0) {
        const cuts = aimedCuts(criteriaOf(DEFAULT_ANALYSIS), this.stable);
        for (const version of [this.stable, this.candidate]) version.entities.aim(cuts);
      }
      const { isOfCandidate, own, bucket } = entities.next();
      const answer = both(own, isOfCandidate ? difference : {});
      answerInto(isOfCandidate ? this.candidate : this.stable, this.rng, answer, isTold ? bucket : undefined);
      verdict = this.judge.look(this, 2_000);
    }
    return verdict;
  }

  failed(): string[] {
    return this.judge
      .analysis()
      .criteria.filter(({ verdict }) => verdict === 'fail')
      .map(({ criterion }) => criterion);
  }
}

describe('the judge of a rollout', () => {
  it.each([
    ['errors', { failures: 0.9 }],
    ['unusable', { nan: 1 }],
    ['latency', { addedMs: 200 }],
    ['constant', { constant: 1 }],
    ['scores', { shift: 2 }],
  ])('%s that nobody could miss are seen within 60 answers of the new version', (criterion, difference) => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = new World(seed);
      expect(world.requests(3_000, difference)).toBe('fail');
      expect(world.failed()).toContain(criterion);
      expect(world.candidate.answered).toBeLessThan(60);
    }
  });

  it('of 60 healthy versions looked at after each of 1,500 requests at most 2 fail; of as many of a stated effect at most 7 pass', () => {
    // 2 of 60: what is promised is .6, and more than 2 have a probability of .02 %; 7 of 60: promised are 3.
    const seeds = Array.from({ length: 60 }, (_, seed) => seed + 100);
    const wrong = seeds.filter((seed) => {
      const world = new World(seed, { minRequests: 1_000_000 });
      return world.requests(1_500, {}) === 'fail';
    });
    expect(wrong.length).toBeLessThanOrEqual(2);
    const missed = seeds.filter((seed) => new World(seed).requests(20_000, { shift: 0.5244 }) !== 'fail');
    expect(missed.length).toBeLessThanOrEqual(7);
  }, 60_000);

  const LOUD: Crowd = {
    ...{ count: 500, exponent: 0, peculiar: 0.3, first: 0.6 },
    ofFirst: { failures: 0.1, slower: 2, shift: 1.5, nan: 0.03, constant: 0.9 },
  };
  const TAIL: Crowd = { count: 1_000, exponent: 1, peculiar: 1 };

  it.each([
    ['one entity asks for 60 % and is peculiar', LOUD, 6],
    ['entities ask by Zipf and differ', TAIL, 6],
  ])(
    '%s: a healthy version is not taken for its entities',
    (_what, crowd, mistakenMin) => {
      const seeds = Array.from({ length: 40 }, (_, seed) => seed + 500);
      const wrong = (isTold: boolean) =>
        seeds.filter((seed) => new World(seed, { minRequests: 1_000_000 }).asked(1_500, crowd, isTold) === 'fail');
      // That answers of one entity are taken for those of many is what it is about.
      expect(wrong(false).length).toBeGreaterThan(mistakenMin);
      // More than 2 of 40 have a probability of .8 % where 1 of 100 is wrong.
      expect(wrong(true).length).toBeLessThanOrEqual(2);
    },
    60_000,
  );

  it('a bad version is taken back whoever asks: one entity for 60 %, few entities, entities that differ', () => {
    const few: Crowd = { count: 12, exponent: 0, peculiar: 0.2 };
    for (const [crowd, seed] of [LOUD, TAIL, few].flatMap((one) => [1, 2, 3].map((seed) => [one, seed] as const))) {
      const world = new World(seed);
      expect(world.asked(3_000, crowd, true, { failures: 0.9 })).toBe('fail');
      expect(world.failed()).toContain('errors');
    }
  });

  it('says how many answers weigh as one where entities differ', () => {
    const world = new World(3);
    world.asked(3_000, { ...TAIL, count: 200 }, true);
    const effects = world.judge.analysis().criteria.map(({ criterion, designEffect }) => [criterion, designEffect]);
    expect(Object.fromEntries(effects).scores).toBeGreaterThan(2);
    const alike = new World(3);
    alike.requests(1_000, {});
    expect(alike.judge.analysis().criteria.every(({ designEffect }) => designEffect < 1.3)).toBe(true);
  });

  it('a healthy version passes, and has to pass each step by itself', () => {
    const world = new World(4);
    expect(world.requests(20_000, {})).toBe('pass');
    expect(world.candidate.answered).toBeGreaterThanOrEqual(DEFAULT_ANALYSIS.minRequests);
    world.judge.nextStep(5_000);
    expect(world.judge.look(world, 6_000)).toBe('not_yet');
    expect(world.judge.analysis().answered.candidateAtStep).toBe(0);
    expect(world.requests(20_000, {})).toBe('pass');
    world.judge.nextStep(7_000);
    expect(world.requests(3_000, { nan: 1 })).toBe('fail');
  });

  it('what an earlier step has shown does not pass the next one, however few answers are asked for', () => {
    const world = new World(4, { minRequests: 1 });
    expect(world.requests(20_000, {})).toBe('pass');
    world.judge.nextStep(5_000);
    expect(world.requests(100, {})).toBe('not_yet');
  });

  it('a slow or failing hour that hits both versions is no fault of the new one', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const world = new World(seed, { minRequests: 1_000_000 });
      expect(world.requests(600, {})).not.toBe('fail');
      expect(world.requests(900, {}, { addedMs: 300, failures: 0.3 })).not.toBe('fail');
    }
  });

  it('before both have answered there is no data, which is neither 0 % nor a pass', () => {
    const { judge, candidate, stable } = new World(1);
    expect(judge.look({ stable, candidate }, 2_000)).toBe('no_data');
    const [errors] = judge.analysis().criteria;
    expect(errors).toMatchObject({ verdict: 'no_data', stable: { figure: null, n: 0 }, difference: null });
    for (let i = 0; i < 500; i++) answerInto(candidate, seededRng(i), {});
    expect(judge.look({ stable, candidate }, 2_000)).toBe('no_data');
  });

  it('a criterion of which neither version says anything does not hold a rollout, and says so', () => {
    const world = new World(1);
    for (let i = 0; i < 1_000; i++)
      for (const version of [world.stable, world.candidate]) version.add(false, 20_000 + (i % 7) * 1_000, i);
    expect(world.judge.look(world, 2_000)).toBe('not_yet');
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 20; i++)
        for (const version of [world.stable, world.candidate]) version.add(false, 20_000 + (i % 7) * 1_000, i);
      world.judge.look(world, 2_000);
    }
    expect(world.judge.verdict).toBe('pass');
    const verdicts = world.judge.analysis().criteria.map(({ criterion, verdict }) => [criterion, verdict]);
    expect(Object.fromEntries(verdicts)).toMatchObject({ errors: 'pass', scores: 'no_data', unusable: 'no_data' });
  });

  it('where the new version gives no score and the stable one does, it does not pass', () => {
    const world = new World(1);
    for (let round = 0; round < 200; round++) {
      for (let i = 0; i < 20; i++) {
        answerInto(world.stable, seededRng(round * 20 + i), {});
        world.candidate.add(false, 20_000, i);
      }
      world.judge.look(world, 2_000);
    }
    expect(world.judge.verdict).toBe('not_yet');
  });

  it('a step that is neither good nor bad when its time is up waits for a person, and says which figures are open', () => {
    const world = new World(2);
    world.requests(60, {});
    const late = 1_000 + DEFAULT_ANALYSIS.inconclusiveAfterMs;
    expect(world.judge.look(world, late - 1)).toBe('not_yet');
    expect(world.judge.look(world, late)).toBe('inconclusive');
    expect(world.judge.analysis().reason).toContain('waits for a person: errors: version 2 ');
    world.judge.goOn(late);
    expect(world.judge.look(world, late + 1)).toBe('not_yet');
  });

  it('what is ignored is not judged, and its part of alpha goes to the others', () => {
    const world = new World(1, { ignore: ['unusable', 'scores', 'constant', 'latency', 'quality'] });
    world.requests(2_000, { nan: 1 });
    expect(world.judge.verdict).not.toBe('fail');
    expect(world.judge.analysis().criteria.map(({ criterion, alpha }) => [criterion, alpha])).toEqual([
      ['errors', 0.01],
    ]);
  });

  it('says how many more answers the stated effect would take', () => {
    const world = new World(1);
    world.requests(400, {});
    const [errors] = world.judge.analysis().criteria;
    expect(errors?.answersUntilSeen).toBeGreaterThan(1_000);
    expect(errors?.answersUntilSeen).toBeLessThan(20_000);
  });

  it('evidence that a router no longer knows starts the count anew instead of counting backwards', () => {
    const world = new World(1);
    world.requests(500, {});
    const fewer = { stable: new VersionEvidence(1), candidate: new VersionEvidence(2) };
    expect(world.judge.look(fewer, 3_000)).not.toBe('fail');
    for (let i = 0; i < 400; i++)
      for (const version of [fewer.stable, fewer.candidate]) answerInto(version, seededRng(i), {});
    expect(world.judge.look(fewer, 3_000)).not.toBe('fail');
  });
});
