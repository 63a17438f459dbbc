import { beforeEach, describe, expect, it } from '@jest/globals';
import { emptyRoute, type Route } from '../rollout/route.js';
import { PROJECTS_MAX, RouteTable } from './route-table.js';

let table: RouteTable;

const route = (over: Partial<Route>): Route => ({ ...emptyRoute('p'), revision: 1, ...over });
const target = (version: number, weight: number) => ({
  version,
  weight,
  colour: version === 1 ? ('blue' as const) : ('green' as const),
});
const split = route({ targets: [target(1, 50), target(2, 50)], loadedVersions: [1, 2, 3] });

beforeEach(() => {
  table = new RouteTable();
});

describe('route table', () => {
  it('sends all to the sole target, and nothing where there is no target', () => {
    table.apply(route({ targets: [target(2, 100)], loadedVersions: [1, 2] }));
    expect(table.choose('p', '', 'r', 0)).toBe(2);
    expect(table.choose('q', '', 'r', 0)).toEqual({ kind: 'unknown_project' });
    table.apply(route({ revision: 2 }));
    expect(table.choose('p', '', 'r', 0)).toEqual({ kind: 'not_loaded' });
  });

  it('gives a client the version it asks for as long as serving holds it', () => {
    table.apply(split);
    expect(table.choose('p', 'e', 'r', 3)).toBe(3);
    expect(table.choose('p', 'e', 'r', 4)).toEqual({ kind: 'not_loaded' });
  });

  it('goes by the entity where the project is sticky, else by the request', () => {
    table.apply(split);
    const chosen = (entity: string) =>
      new Set(Array.from({ length: 50 }, (_, i) => table.choose('p', entity, `r${i}`, 0))).size;
    expect(chosen('ORD')).toBe(1);
    expect(chosen('')).toBe(2);
    table.setSticky('p', false);
    expect(chosen('ORD')).toBe(2);
  });

  it('ignores an older revision and is bounded', () => {
    table.apply(route({ revision: 5, targets: [target(2, 100)], loadedVersions: [2] }));
    expect(table.apply(route({ revision: 4, targets: [target(1, 100)], loadedVersions: [1] }))).toBe(false);
    expect(table.choose('p', '', 'r', 0)).toBe(2);
    for (let i = 0; i < PROJECTS_MAX + 10; i++) table.apply({ ...split, project: `p${i}` });
    expect(table.all()).toHaveLength(PROJECTS_MAX);
  });
});
