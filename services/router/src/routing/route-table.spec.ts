import { beforeEach, describe, expect, it } from '@jest/globals';
import { PROJECTS_MAX } from '@millrace/domain';
import { emptyRoute, type Route } from '@millrace/routing';
import { RouteTable } from './route-table.js';

let table: RouteTable;

const route = (over: Partial<Route>): Route => ({ ...emptyRoute('p'), revision: 1, ...over });
const target = (version: number, weight: number) => ({ version, weight, name: `v${version}` });
const choose = (project: string, entity: string, requestId: string, pinned = 0) => {
  const choice = table.choose(project, entity, requestId, pinned);
  return choice.kind === 'chosen' ? choice.live : choice;
};
const split = route({ targets: [target(1, 50), target(2, 50)], loadedVersions: [1, 2, 3] });

beforeEach(() => {
  table = new RouteTable();
});

describe('route table', () => {
  it('sends all to the sole target, and nothing where there is no target', () => {
    table.apply(route({ targets: [target(2, 100)], loadedVersions: [1, 2] }));
    expect(choose('p', '', 'r')).toBe(2);
    expect(choose('q', '', 'r')).toEqual({ kind: 'unknown_project' });
    table.apply(route({ revision: 2 }));
    expect(choose('p', '', 'r')).toEqual({ kind: 'not_loaded' });
  });

  it('gives a client the version it asks for as long as serving holds it', () => {
    table.apply(split);
    expect(choose('p', 'e', 'r', 3)).toBe(3);
    expect(choose('p', 'e', 'r', 4)).toEqual({ kind: 'not_loaded' });
  });

  it('goes by the entity where the project is sticky, else by the request', () => {
    table.apply(split);
    const chosen = (entity: string) => new Set(Array.from({ length: 50 }, (_, i) => choose('p', entity, `r${i}`))).size;
    expect(chosen('ORD')).toBe(1);
    expect(chosen('')).toBe(2);
    table.setSticky('p', false);
    expect(chosen('ORD')).toBe(2);
  });

  it('goes by the rules about headers of the project file, and says of which project one led nowhere', () => {
    const led: string[] = [];
    table = new RouteTable((project) => led.push(project));
    table.apply(split);
    const rule = { header: 'x-cohort', equals: 'beta' };
    const chosen = () => {
      const choice = table.choose('p', 'ORD', 'r', 0, { header: () => 'beta' });
      return choice.kind === 'chosen' ? choice.live : choice.kind;
    };
    const byShare = chosen();
    table.setMatches('p', [{ ...rule, version: 3 }]);
    expect(chosen()).toBe(3);
    expect(led).toEqual([]);
    table.setMatches('p', [{ ...rule, version: 9 }]);
    expect(chosen()).toBe(byShare);
    expect(led).toEqual(['p']);
    table.setMatches('p', undefined);
    chosen();
    expect(led).toEqual(['p']);
  });

  it('ignores an older revision and is bounded', () => {
    table.apply(route({ revision: 5, targets: [target(2, 100)], loadedVersions: [2] }));
    expect(table.apply(route({ revision: 4, targets: [target(1, 100)], loadedVersions: [1] }))).toBe(false);
    expect(choose('p', '', 'r')).toBe(2);
    for (let i = 0; i < PROJECTS_MAX + 10; i++) table.apply({ ...split, project: `p${i}` });
    expect(table.all()).toHaveLength(PROJECTS_MAX);
  });

  it('says why a request has the version that it has', () => {
    table.apply(split);
    const routed = { project: 'p', revision: 1, version: 2, variant: 'v2', experiment: '' };
    expect(table.routed('p', 2, 'ORD', 'r')).toEqual({ ...routed, reason: 'split', key: 'ORD' });
    expect(table.routed('p', 2, '', 'r')).toEqual({ ...routed, reason: 'split', key: 'r' });
    table.setSticky('p', false);
    expect(table.routed('p', 2, 'ORD', 'r')?.key).toBe('r');
    table.apply(route({ revision: 2, targets: [target(2, 100)], loadedVersions: [2] }));
    expect(table.routed('p', 2, 'ORD', 'r')).toMatchObject({ revision: 2, reason: 'static' });
    expect(table.routed('p', 1, 'ORD', 'r')).toBeUndefined();
    expect(table.routed('q', 1, 'ORD', 'r')).toBeUndefined();
  });
});
