import { describe, expect, it } from '@jest/globals';
import { RouteChoices } from './choice.js';
import { MATCHES_MAX, type MatchRule } from './matches.js';
import { emptyRoute } from './route.js';

const route = {
  ...emptyRoute('p'),
  revision: 1,
  targets: [
    { version: 1, weight: 90, name: 'blue' },
    { version: 2, weight: 10, name: 'canary' },
  ],
  loadedVersions: [1, 2, 3, 4],
  rollout: { phase: 'loading' as const, version: 4, message: '' },
};
let passed = 0;
const choose = (rules: MatchRule[], told: Record<string, string>, pinned = 0, ids = ['r']) => {
  passed = 0;
  const choices = new RouteChoices(route, true, rules, () => {
    passed += 1;
  });
  const headers = { header: (name: string) => told[name] ?? '' };
  return new Set(
    ids.map((id) => {
      const choice = choices.choose('', id, pinned, headers);
      return choice.kind === 'chosen' ? choice.live : 0;
    }),
  );
};
/** Many requests: the split alone would give both targets. */
const many = Array.from({ length: 200 }, (_, i) => `r${i}`);

describe('a rule of the project file', () => {
  const beta: MatchRule = { header: 'x-cohort', equals: 'beta', version: 3 };

  it.each<[string, MatchRule, Record<string, string>, number[]]>([
    ['sends a whole value to a version that is loaded', beta, { 'x-cohort': 'beta' }, [3]],
    ['sends a prefix to it', { header: 'x-user', prefix: 'eu-', version: 3 }, { 'x-user': 'eu-17' }, [3]],
    [
      'sends to a target by its name',
      { header: 'x-cohort', equals: 'beta', target: 'canary' },
      { 'x-cohort': 'beta' },
      [2],
    ],
    ['takes no other value', beta, { 'x-cohort': 'alpha' }, [1, 2]],
    ['takes no longer value for a whole one', beta, { 'x-cohort': 'beta2' }, [1, 2]],
    ['takes no other case', beta, { 'x-cohort': 'Beta' }, [1, 2]],
    ['takes no other header', beta, { 'x-cohorts': 'beta' }, [1, 2]],
    ['takes no request without the header', { header: 'x', prefix: '', version: 3 }, {}, [1, 2]],
  ])('%s', (_, rule, told, versions) => {
    expect([...choose([rule], told, 0, many)].sort()).toEqual(versions);
    expect(passed).toBe(0);
  });

  it.each<[string, MatchRule]>([
    ['is not loaded', { ...beta, version: 9 }],
    ['still loads', { ...beta, version: 4 }],
    ['is a target that there is not', { header: 'x-cohort', equals: 'beta', target: 'green' }],
  ])('whose version %s is passed over, and counted', (_, rule) => {
    expect(choose([rule], { 'x-cohort': 'beta' }, 0, many)).toEqual(new Set([1, 2]));
    expect(passed).toBe(many.length);
    expect(choose([rule, beta], { 'x-cohort': 'beta' })).toEqual(new Set([3]));
  });

  it('comes in the order of the file, and after the version that the client names', () => {
    const first: MatchRule = { header: 'x-cohort', prefix: 'be', version: 1 };
    expect(choose([first, beta], { 'x-cohort': 'beta' })).toEqual(new Set([1]));
    expect(choose([beta, first], { 'x-cohort': 'beta' })).toEqual(new Set([3]));
    expect(choose([beta], { 'x-cohort': 'beta' }, 2)).toEqual(new Set([2]));
  });

  it('does not lead to a version whose rollout was aborted, though it is loaded still', () => {
    const aborted = { ...route, rollout: { phase: 'failed' as const, version: 3, message: 'aborted' } };
    const choices = new RouteChoices(aborted, true, [beta], () => undefined);
    const choice = choices.choose('', 'r', 0, { header: () => 'beta' });
    expect(choice).toMatchObject({ kind: 'chosen', live: expect.any(Number), drawn: true });
    expect(choice).not.toMatchObject({ live: 3 });
  });

  it('is bounded in number', () => {
    const others = Array.from({ length: MATCHES_MAX }, (): MatchRule => ({ header: 'x', equals: 'y', version: 1 }));
    expect(choose([...others, beta], { 'x-cohort': 'beta' }, 0, many)).toEqual(new Set([1, 2]));
  });
});
