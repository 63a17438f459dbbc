import { describe, expect, it } from '@jest/globals';
import { RouteChoices } from './choice.js';
import { emptyRoute, type Route } from './route.js';

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
    const choices = new RouteChoices({ ...thirds, shadows: [2, 4] }, true);
    const shadowsOf = (version: number) => {
      const choice = choices.choose('', 'r', version);
      return choice.kind === 'chosen' ? choice.shadows : undefined;
    };
    expect([1, 2, 3, 4].map(shadowsOf)).toEqual([[2, 4], [4], [2, 4], [2]]);
    expect(choices.choose('', 'r', 0)).toMatchObject({ kind: 'chosen', shadows: expect.arrayContaining([4]) });
  });

  it('is one object for all requests of a target, which nobody can change', () => {
    const choices = new RouteChoices(thirds, true);
    const first = choices.choose('e', 'r', 0);
    expect(choices.choose('e', 's', 0)).toBe(first);
    expect(Object.isFrozen(first)).toBe(true);
  });
});
