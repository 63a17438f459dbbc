import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import {
  type BanditRun,
  banditRun,
  type Crowd,
  Entities,
  type LabelledWorld,
  lossOf,
  type Policy,
} from '@millrace/testing';
import { ENTITY_BUCKETS } from './analysis/entity-buckets.js';
import { RolloutLosses } from './analysis/rollout-losses.js';
import { BANDIT_LABELS_MIN, type BanditView, banditMove, banditView } from './bandit.js';
import { DEFAULT_BANDIT } from './strategies/bandit.js';

const REQUESTS = 20_000;
const SEEDS = 40;

const runs = (policy: Policy, world: LabelledWorld): BanditRun[] =>
  Array.from({ length: SEEDS }, (_, seed) => banditRun(policy, world, { seed, requests: REQUESTS, every: 250 }));
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const regretOf = (policy: Policy, world: LabelledWorld) => mean(runs(policy, world).map(({ regret }) => regret));
const share = (all: readonly BanditRun[], ended: BanditRun['ended']) =>
  all.filter((run) => run.ended === ended).length / all.length;

/** Labels of both versions at one weight, of given mean losses. */
function labelled(
  of: { stable: number; candidate: number; n: number; weight?: number },
  losses = new RolloutLosses(1),
) {
  const rng = seededRng(7);
  const draw = { fromRevision: 1, weight: of.weight ?? 50 };
  for (let i = 0; i < of.n; i++)
    for (const [version, loss] of [[1, of.stable] as const, [2, of.candidate] as const])
      losses.add(draw, version, Math.min(1, Math.max(0, loss + 0.1 * (rng.next() - 0.5))));
  return losses;
}
const viewOf = (losses: RolloutLosses) => banditView(losses.saidOf(1), losses.saidOf(2));
const AT = { stable: 1, candidate: 2, weight: 10, isOver: false };
const view = (probability: number, n = 500): BanditView => ({
  ...{ probability, labelled: { stable: n, candidate: n }, loss: { stable: 0.2, candidate: 0.19 }, designEffect: 1 },
});

describe('what labels say of two versions', () => {
  it('nothing where there are none, and the more the more there are', () => {
    expect(viewOf(new RolloutLosses(1)).probability).toBe(0.5);
    const better = [20, 200, 2_000].map((n) => viewOf(labelled({ stable: 0.25, candidate: 0.22, n })).probability);
    const worse = [20, 200, 2_000].map((n) => viewOf(labelled({ stable: 0.22, candidate: 0.25, n })).probability);
    expect(better).toEqual([...better].sort((a, b) => a - b));
    expect(better[0]).toBeLessThan(0.8);
    expect(better[2]).toBeGreaterThan(0.99);
    for (const [i, p] of better.entries()) expect(Math.abs(p + (worse[i] as number) - 1)).toBeLessThan(0.1);
  });

  it('compares answers of one weight only: a version that had more of a hard hour is none the worse', () => {
    const losses = labelled({ stable: 0.1, candidate: 0.1, n: 900, weight: 10 });
    labelled({ stable: 0.4, candidate: 0.4, n: 900, weight: 90 }, losses);
    // Most of the new version's labels are of the hard hour.
    for (let i = 0; i < 5_000; i++) losses.add({ fromRevision: 1, weight: 90 }, 2, 0.4);
    expect(viewOf(losses).loss.candidate).toBeGreaterThan(viewOf(losses).loss.stable + 0.05);
    expect(Math.abs(viewOf(losses).probability - 0.5)).toBeLessThan(0.2);
  });
});

describe('labels of entities that stay with their version', () => {
  /** Half of them have the new one; what each is peculiar by moves its losses by up to .06. */
  const LOUD: Crowd = { count: 500, exponent: 0, peculiar: 0.3, first: 0.6, ofFirst: { shift: 1 } };
  const TAIL: Crowd = { count: 1_000, exponent: 1, peculiar: 1 };
  const ALIKE: Crowd = { count: 1_000, exponent: 1, peculiar: 0 };

  /** Looked at after every 250 of 4,000 labels; `isTold`: whose each is, else each is its own. */
  function judged(seed: number, worseBy: number, crowd: Crowd, isTold: boolean) {
    const rng = seededRng(seed);
    const entities = new Entities(rng, 0.5, crowd);
    const losses = new RolloutLosses(1);
    for (let n = 1; n <= 4_000; n++) {
      const { isOfCandidate, own, bucket } = entities.next();
      const loss = lossOf({ worseBy }, isOfCandidate, n, rng, 0.3 * (own.shift ?? 0));
      // Drawn in any case: what is told changes nothing else.
      const other = rng.below(ENTITY_BUCKETS);
      losses.add({ fromRevision: 1, weight: 50 }, isOfCandidate ? 2 : 1, loss, isTold ? bucket : other);
      if (n % 250 !== 0) continue;
      const move = banditMove(viewOf(losses), { ...DEFAULT_BANDIT, confidence: 0.99 }, { ...AT, weight: 50 });
      if (move.kind === 'promote' || move.kind === 'keep') return move;
    }
    return banditMove(viewOf(losses), { ...DEFAULT_BANDIT, confidence: 0.99 }, { ...AT, weight: 50 });
  }
  const seeds = Array.from({ length: 40 }, (_, seed) => seed + 500);
  /** Of 40 that many end with one of both: as good ones by error. */
  const ended = (worseBy: number, crowd: Crowd, isTold: boolean) => {
    const kinds = seeds.map((seed) => judged(seed, worseBy, crowd, isTold).kind);
    return kinds.filter((kind) => kind === 'promote' || kind === 'keep').length;
  };

  it.each([
    ['one entity has 60 % of the labels and is easier than others', LOUD],
    ['entities have labels by Zipf and differ', TAIL],
  ])('do not decide between versions that are as good: %s', (_what, crowd) => {
    expect(ended(0, crowd, false)).toBeGreaterThan(15);
    // Where entities are alike 3 or 4 of 40 are ended by 16 looks at .99.
    expect(ended(0, crowd, true)).toBeLessThanOrEqual(8);
  });

  it('decide as soon as others where entities are alike', () => {
    for (const worseBy of [0.02, -0.02]) {
      expect(ended(worseBy, ALIKE, true)).toBeGreaterThanOrEqual(30);
      expect(Math.abs(ended(worseBy, ALIKE, true) - ended(worseBy, ALIKE, false))).toBeLessThanOrEqual(3);
    }
  });

  it('are told of as few where they differ, in the reason of a move', () => {
    const move = judged(seeds[0] as number, 0, LOUD, true);
    expect(move).toMatchObject({
      reason: expect.stringMatching(/labels, entities differ, \d+ labels count as one, version 2/),
    });
  });
});

describe('the next move of a bandit', () => {
  it('is the probability that the version is better, in whole percents within the floors, and the same each time', () => {
    const weights = [0.06, 0.5, 0.94].map((p) => banditMove(view(p), { ...DEFAULT_BANDIT, floor: 20 }, AT));
    expect(weights.map((move) => (move.kind === 'weight' ? move.weight : move.kind))).toEqual([20, 50, 80]);
    expect(banditMove(view(0.5), DEFAULT_BANDIT, AT)).toEqual(banditMove(view(0.5), DEFAULT_BANDIT, AT));
    expect(banditMove(view(0.1), DEFAULT_BANDIT, AT)).toEqual({ kind: 'stay' });
  });

  it('ends where one is better with the declared confidence, with the figures as its reason', () => {
    expect(banditMove(view(0.95), DEFAULT_BANDIT, AT)).toMatchObject({
      ...{ kind: 'promote', weight: 100 },
      reason:
        'version 2 is better: version 2 mean loss 0.190 of 500 labels, version 1 mean loss 0.200 of 500 labels, ' +
        'version 2 is better with probability 0.950',
    });
    expect(banditMove(view(0.05), DEFAULT_BANDIT, AT)).toMatchObject({ kind: 'keep', weight: 0 });
    expect(banditMove(view(0.95), { ...DEFAULT_BANDIT, confidence: 0.99 }, AT)).toMatchObject({ kind: 'weight' });
  });

  it('without enough labels of both nothing moves, and at the end of its time the stable version stays', () => {
    const few = view(0.99, BANDIT_LABELS_MIN - 1);
    expect(banditMove(few, DEFAULT_BANDIT, AT)).toEqual({ kind: 'stay' });
    expect(banditMove(few, DEFAULT_BANDIT, { ...AT, isOver: true })).toMatchObject({ kind: 'keep' });
    expect(banditMove(view(0.6), DEFAULT_BANDIT, { ...AT, isOver: true })).toMatchObject({ kind: 'promote' });
    expect(banditMove(view(0.4), DEFAULT_BANDIT, { ...AT, isOver: true })).toMatchObject({ kind: 'keep' });
  });
});

describe('regret over seeded streams', () => {
  it.each<[string, LabelledWorld]>([
    ['a worse candidate', { worseBy: 0.02 }],
    ['a much worse candidate', { worseBy: 0.05 }],
    ['a worse candidate, easy and hard hours', { worseBy: 0.02, hour: 1_000 }],
    ['a worse candidate, labels 4,000 requests late', { worseBy: 0.02, lateBy: 4_000 }],
    ['a better candidate', { worseBy: -0.02 }],
    ['a better candidate, easy and hard hours', { worseBy: -0.02, hour: 1_000 }],
    ['a better candidate, labels 4,000 requests late', { worseBy: -0.02, lateBy: 4_000 }],
  ])(
    '%s: less than a fixed canary and than halves',
    (_, world) => {
      const bandit = regretOf('bandit', world);
      expect(bandit).toBeLessThan(0.8 * regretOf('canary', world));
      expect(bandit).toBeLessThan(0.8 * regretOf('even', world));
    },
    60_000,
  );

  it('ends with the better version nearly always, long before its time', () => {
    for (const worseBy of [0.02, -0.02]) {
      const all = runs('bandit', { worseBy });
      expect(share(all, worseBy > 0 ? 'kept' : 'promoted')).toBeGreaterThanOrEqual(0.9);
      expect(mean(all.map(({ requests }) => requests))).toBeLessThan(REQUESTS / 2);
    }
  }, 60_000);

  it('equal versions: whichever it ends with costs nothing, and it ends', () => {
    const all = runs('bandit', { worseBy: 0 });
    expect(all.every(({ ended, regret }) => ended !== 'open' && regret === 0)).toBe(true);
  }, 60_000);

  it('before the first label comes nothing moves', () => {
    const all = runs('bandit', { worseBy: 0.05, lateBy: 4_000 });
    for (const { weights } of all) expect(new Set(weights.slice(0, 16))).toEqual(new Set([DEFAULT_BANDIT.start]));
  }, 60_000);
});
