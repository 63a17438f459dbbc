import { beforeEach, describe, expect, it } from '@jest/globals';
import { RequestIds, seededRng } from '@millrace/domain';
import { emptyRoute } from '@millrace/routing';
import { RouteTable } from '../routing/route-table.js';
import { UpstreamChooser } from './upstream-choice.js';
import { UpstreamTable } from './upstream-table.js';

let table: UpstreamTable;
let routes: RouteTable;

beforeEach(() => {
  table = new UpstreamTable();
  routes = new RouteTable();
});

function version(number: number, { project = 'risk', address = 'a:1', model = 'Risk_Model', version = '' } = {}): void {
  const upstream = { address, model, version };
  table.set({ project, version: number, modelSha256: 'sha', packagePath: 'x', upstream, rows: undefined });
}

function route(weights: Record<number, number>, project = 'risk'): void {
  const targets = Object.entries(weights).map(([one, weight]) => ({ version: Number(one), weight, name: `v${one}` }));
  const loadedVersions = targets.map((target) => target.version);
  routes.apply({ ...emptyRoute(project), revision: (routes.get(project)?.revision ?? 0) + 1, loadedVersions, targets });
}

function choose(model: string, asked: { version?: string; requestId?: string } = {}, behind = '') {
  const chooser = new UpstreamChooser(table, routes, new RequestIds(seededRng(1)), behind);
  return chooser.choose({ model, version: '', entity: '', requestId: '', ...asked });
}

describe('where a request goes', () => {
  it('is the version that the route says, under the name that is known there', () => {
    version(1);
    route({ 1: 100 });
    expect(choose('Risk_Model')).toMatchObject({
      kind: 'there',
      address: 'a:1',
      version: 1,
      model: '',
      modelVersion: '',
    });
    expect(choose('risk')).toMatchObject({ address: 'a:1', version: 1, model: 'Risk_Model' });
    expect(choose('other')).toBeUndefined();
  });

  it('is split between two versions by weight, each with its own address and version there', () => {
    version(1, { address: 'a:1', version: '3' });
    version(2, { address: 'b:1', version: '4' });
    route({ 1: 50, 2: 50 });
    const seen = new Set(
      Array.from({ length: 50 }, (_, i) => {
        const chosen = choose('Risk_Model', { requestId: `r-${i}` });
        return chosen?.kind === 'there' ? `${chosen.address} ${chosen.version} ${chosen.modelVersion}` : '';
      }),
    );
    expect(seen).toEqual(new Set(['a:1 1 3', 'b:1 2 4']));
  });

  it('is the version that the client names by the word of the server, also one that nobody watches', () => {
    version(1, { version: '3' });
    version(2, { address: 'b:1', version: '4' });
    route({ 1: 100, 2: 0 });
    expect(choose('Risk_Model', { version: '4' })).toMatchObject({ address: 'b:1', version: 2, modelVersion: '' });
    expect(choose('Risk_Model', { version: '9' })).toMatchObject({ address: 'a:1', version: 0, watched: undefined });
  });

  it('is the server behind the whole router for everything that nobody watches, or does not yet', () => {
    expect(choose('unknown', {}, 'z:1')).toMatchObject({ address: 'z:1', project: '', watched: undefined });
    version(1);
    expect(choose('Risk_Model', {}, 'z:1')).toMatchObject({ address: 'z:1', watched: undefined });
  });

  it('is nowhere while the route names no version of it, and the answer says so', () => {
    version(1);
    route({ 7: 100 });
    expect(choose('Risk_Model')).toMatchObject({
      kind: 'refused',
      status: 14,
      message: expect.stringContaining('version 7'),
    });
  });
});

describe('a table of upstream versions', () => {
  it('forgets a removed project, and gives a name to the first project by its own', () => {
    version(1, { project: 'b', address: 'b:1' });
    version(1, { project: 'a', address: 'a:1' });
    expect(table.named('Risk_Model')?.project).toBe('a');
    table.remove('a');
    expect(table.named('Risk_Model')?.project).toBe('b');
    expect(table.entries()).toEqual([expect.objectContaining({ project: 'b', packagePath: 'x' })]);
  });

  it('tells versions of a server elsewhere from those that are run here, and says that one route cannot have both', () => {
    version(1);
    table.setOwn('risk', 2);
    expect(table.mixed('risk', 2, [1])).toMatch(/^version 1 of risk is a server elsewhere.* version 2 is run here/);
    expect(table.mixed('risk', 1, [2])).toMatch(/^version 1 of risk is a server elsewhere.* version 2 is run here/);
    expect(table.mixed('risk', 1, [1, 9])).toBeUndefined();
    expect(table.mixed('risk', 9, [1])).toBeUndefined();
  });
});
