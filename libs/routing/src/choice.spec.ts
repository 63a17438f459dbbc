import { describe, expect, it } from '@jest/globals';
import { RouteChoices } from './choice.js';
import { emptyRoute, type RolloutSteps, type Route } from './route.js';
import { beside } from './steps.js';

const target = (version: number, weight: number) => ({ version, weight, name: `v${version}` });
const route = (over: Partial<Route>): Route => ({ ...emptyRoute('p'), revision: 1, ...over });
const thirds = route({ targets: [target(1, 30), target(2, 30), target(3, 40)], loadedVersions: [1, 2, 3, 4] });
const liveOf = (choices: RouteChoices, entity: string, requestId: string, pinned = 0) => {
  const choice = choices.choose(entity, requestId, pinned);
  return choice.kind === 'chosen' ? choice.live : choice.kind;
};

describe('the choice for a request', () => {
  it('is the sole target, and nothing where there is no target', () => {
    const sole = new RouteChoices(route({ targets: [target(2, 100)], loadedVersions: [1, 2] }), true);
    expect(liveOf(sole, '', 'r')).toBe(2);
    expect(liveOf(new RouteChoices(route({}), true), '', 'r')).toBe('not_loaded');
  });

  it('is the version the client asks for as long as serving holds it', () => {
    const choices = new RouteChoices(thirds, true);
    expect(liveOf(choices, 'e', 'r', 4)).toBe(4);
    expect(liveOf(choices, 'e', 'r', 5)).toBe('not_loaded');
  });

  it('goes by the entity where the project is sticky, else by the request', () => {
    const chosen = (choices: RouteChoices, entity: string) =>
      new Set(Array.from({ length: 90 }, (_, i) => liveOf(choices, entity, `r${i}`))).size;
    expect(chosen(new RouteChoices(thirds, true), 'ORD')).toBe(1);
    expect(chosen(new RouteChoices(thirds, true), '')).toBe(3);
    expect(chosen(new RouteChoices(thirds, false), 'ORD')).toBe(3);
  });

  it('names the shadows beside the live version, never itself', () => {
    const choices = new RouteChoices({ ...thirds, shadows: [2, 4], shadowShare: 100 }, true);
    const shadowsOf = (version: number) => {
      const choice = choices.choose('', 'r', version);
      return choice.kind === 'chosen' ? choice.shadows : undefined;
    };
    expect([1, 2, 3, 4].map(shadowsOf)).toEqual([[2, 4], [4], [2, 4], [2]]);
    expect(choices.choose('', 'r', 0)).toMatchObject({ kind: 'chosen', shadows: expect.arrayContaining([4]) });
  });

  it('copies the declared share of the requests, by their ids, and the same ones again', () => {
    const choices = new RouteChoices({ ...thirds, shadows: [4], shadowShare: 10 }, true);
    const isCopied = (id: string) => {
      const choice = choices.choose('ORD', id, 0);
      return choice.kind === 'chosen' && choice.shadows.length > 0;
    };
    const ids = Array.from({ length: 10_000 }, (_, i) => `r${i}`);
    const copied = ids.filter(isCopied);
    expect(Math.abs(copied.length - 1_000)).toBeLessThan(3 * Math.sqrt(10_000 * 0.1 * 0.9));
    expect(ids.filter(isCopied)).toEqual(copied);
  });

  it('copies requests of each target alike: the share does not hang on the split', () => {
    const halves = route({ targets: [target(1, 50), target(2, 50)], loadedVersions: [1, 2, 3] });
    const choices = new RouteChoices({ ...halves, shadows: [3], shadowShare: 50 }, false);
    const counts = { copied: 0, ofFirst: 0 };
    for (let i = 0; i < 4_000; i++) {
      const choice = choices.choose('', `r${i}`, 0);
      if (choice.kind !== 'chosen' || choice.shadows.length === 0) continue;
      counts.copied += 1;
      if (choice.live === 1) counts.ofFirst += 1;
    }
    expect(Math.abs(counts.ofFirst / counts.copied - 0.5)).toBeLessThan(0.05);
  });

  it('is one object for all requests of a target, which nobody can change', () => {
    const choices = new RouteChoices(thirds, true);
    const first = choices.choose('e', 'r', 0);
    expect(choices.choose('e', 's', 0)).toBe(first);
    expect(Object.isFrozen(first)).toBe(true);
  });
});

describe('while a rollout is in steps', () => {
  const entities = Array.from({ length: 20_000 }, (_, i) => `entity-${i}`);
  const inSteps = (weight: number, over: Partial<RolloutSteps> = {}) => {
    const steps: RolloutSteps = {
      ...{ plan: [{ weight }], at: 0, sinceMs: 1, fromRevision: 1, salt: 77, baseline: [{ version: 1, weight: 100 }] },
      ...over,
    };
    const targets = beside(steps.baseline, 3, weight).map((share) => ({ ...share, name: `v${share.version}` }));
    const rollout = { phase: 'progressing' as const, version: 3, message: '', steps };
    return new RouteChoices(route({ targets, loadedVersions: [1, 2, 3], rollout }), true);
  };
  const versions = (choices: RouteChoices) => entities.map((entity) => liveOf(choices, entity, 'r'));

  it('the new version has its share within 3 sigma, and an entity has one answer', () => {
    for (const weight of [1, 5, 20, 50, 99]) {
      const chosen = versions(inSteps(weight));
      const n = chosen.filter((version) => version === 3).length;
      const p = weight / 100;
      expect(Math.abs(n - p * entities.length)).toBeLessThan(3 * Math.sqrt(entities.length * p * (1 - p)));
      expect(versions(inSteps(weight))).toEqual(chosen);
    }
  });

  it('a step moves only entities that come to it: all others stay where they were, of several versions too', () => {
    const baseline = [
      // 5 % and 20 % leave them no whole percents in this proportion.
      { version: 1, weight: 71 },
      { version: 2, weight: 29 },
    ];
    const [before, first, second] = [
      versions(new RouteChoices(route({ targets: baseline.map((b) => ({ ...b, name: 'x' })) }), true)),
      versions(inSteps(5, { baseline })),
      versions(inSteps(20, { baseline })),
    ] as const;
    const moved = (from: unknown[], to: unknown[]) => from.filter((version, i) => version !== to[i]).length;
    const gained = (to: unknown[]) => to.filter((version) => version === 3).length;
    expect(moved(before, first)).toBe(gained(first));
    expect(moved(first, second)).toBe(gained(second) - gained(first));
    expect(gained(second)).toBeGreaterThan(gained(first));
  });

  it('other entities meet each new version first', () => {
    const met = (salt: number) => new Set(entities.filter((entity) => liveOf(inSteps(5, { salt }), entity, 'r') === 3));
    const first = met(77);
    const both = [...met(78)].filter((entity) => first.has(entity)).length;
    // 5 % of 5 % by chance; the same salt would give all of them.
    expect(both / first.size).toBeLessThan(0.1);
  });

  it('a version that a client asks for by itself is its answer, and without an entity each request is drawn', () => {
    expect(liveOf(inSteps(5), 'e', 'r', 2)).toBe(2);
    const drawn = new Set(Array.from({ length: 500 }, (_, i) => liveOf(inSteps(20), '', `r${i}`)));
    expect(drawn).toEqual(new Set([1, 3]));
  });

  it('says in which rollout and at which weight a request was drawn, and of others nothing', () => {
    const twenty = inSteps(20);
    const draw = { fromRevision: 1, weight: 20 };
    const drawOf = (choices: RouteChoices, pinned = 0, id = 'r') => {
      const choice = choices.choose('', id, pinned);
      return choice.kind === 'chosen' ? choice.draw : choice.kind;
    };
    for (let i = 0; i < 50; i++) expect(drawOf(twenty, 0, `r${i}`)).toEqual(draw);
    expect(drawOf(twenty, 3)).toBeUndefined();
    const alone = [{ version: 1, weight: 100, name: 'blue' }];
    expect(drawOf(new RouteChoices(route({ targets: alone, loadedVersions: [1] }), true))).toBeUndefined();
    // Copies are drawn as the answer is.
    const copied = new RouteChoices({ ...twenty.route, shadows: [2], shadowShare: 100 }, true);
    expect(drawOf(copied)).toEqual(draw);
  });
});
