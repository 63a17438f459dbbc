import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { emptyRoute, type Route } from '@millrace/routing';
import { ModelSet } from './model-set.js';
import type { ServedModel } from './served-model.js';

/** Loads end when told to, well or badly. */
function harness() {
  const loads = new Map<string, { resolve(): void; reject(error: Error): void }>();
  const closed: string[] = [];
  const later: (() => void)[] = [];
  const models = new ModelSet({
    load: (project, version) =>
      new Promise((resolve, reject) => {
        const key = `${project}/${version}`;
        const served = {
          name: project,
          version,
          follow: () => {},
          close: async () => {
            closed.push(key);
          },
        } as unknown as ServedModel;
        loads.set(key, { resolve: () => resolve(served), reject });
      }),
    log: () => {},
    later: (_ms, work) => later.push(work),
    changed: () => {},
  });
  const tick = async () => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  const finish = async (key: string, error?: Error) => {
    await tick();
    const load = loads.get(key);
    if (!load) throw new Error(`${key} is not being loaded`);
    loads.delete(key);
    if (error) load.reject(error);
    else load.resolve();
    await tick();
  };
  return { models, finish, closed, loads, tick, retry: () => later.splice(0).forEach((work) => void work()) };
}

const route = (revision: number, loadedVersions: number[], live = loadedVersions[0] ?? 0): Route => ({
  ...emptyRoute('demo'),
  revision,
  loadedVersions,
  targets: [{ version: live, weight: 100, name: 'blue' }],
});

const versionOf = (models: ModelSet, version: string | number = '') => models.find('demo', version).version;

describe('ModelSet', () => {
  it('makes a version visible only when it is loaded, and prefers the one with the traffic', async () => {
    const { models, finish } = harness();
    models.applyRoute(route(1, [1, 2], 1));
    expect(() => models.find('demo', '1')).toThrow(/\[unavailable\]/);
    await finish('demo/1');
    await finish('demo/2');
    expect([versionOf(models), versionOf(models, '2'), versionOf(models, 1)]).toEqual([1, 2, 1]);
    models.applyRoute(route(2, [1, 2], 2));
    expect(versionOf(models)).toBe(2);
  });

  it('at 50/50 answers with the version that router and loop call primary, too: the lower', async () => {
    const { models, finish } = harness();
    const targets = [
      { version: 2, weight: 50, name: 'green' },
      { version: 1, weight: 50, name: 'blue' },
    ];
    models.applyRoute({ ...route(1, [1, 2]), targets });
    await finish('demo/1');
    await finish('demo/2');
    expect(versionOf(models)).toBe(1);
  });

  it('loads one after the other and keeps the old one until the route lets it go', async () => {
    const { models, finish, loads, closed, tick } = harness();
    models.applyRoute(route(1, [1]));
    await finish('demo/1');
    models.applyRoute(route(2, [1, 2, 3], 1));
    await tick();
    expect([...loads.keys()]).toEqual(['demo/2']);
    await finish('demo/2');
    await finish('demo/3');
    expect(closed).toEqual([]);
    models.applyRoute(route(3, [3]));
    await tick();
    expect(() => models.find('demo', '1')).toThrow(/\[not_found\].*version 1/);
    expect(closed.sort()).toEqual(['demo/1', 'demo/2']);
  });

  it('keeps the reason of a version that cannot be loaded, serves the others, and tries again', async () => {
    const { models, finish, retry } = harness();
    models.applyRoute(route(1, [1, 2], 2));
    await finish('demo/1');
    await finish('demo/2', new PlatformError('corrupt', 'bad hash'));
    expect(models.index()).toEqual([
      { name: 'demo', version: '1', state: 'READY', reason: '' },
      { name: 'demo', version: '2', state: 'UNAVAILABLE', reason: 'bad hash' },
    ]);
    expect(() => models.find('demo', '2')).toThrow(/not ready: bad hash/);
    expect(() => models.find('demo', '2')).toThrow(expect.objectContaining({ facts: { notTaken: true } }));
    expect(versionOf(models)).toBe(1);
    retry();
    await finish('demo/2');
    expect(versionOf(models)).toBe(2);
  });

  it('closes a version that was no longer wanted when its load ended', async () => {
    const { models, finish, closed, tick } = harness();
    models.applyRoute(route(1, [1]));
    await tick();
    models.removeRoute('demo');
    await finish('demo/1');
    expect(closed).toEqual(['demo/1']);
    expect(() => models.find('demo', '')).toThrow(/\[not_found\]/);
  });

  it('is settled when everything was tried, and does not apply an older route', async () => {
    const { models, finish } = harness();
    models.applyRoute(route(5, [1]));
    let settled = false;
    const done = models.settled().then(() => {
      settled = true;
    });
    expect(settled).toBe(false);
    await finish('demo/1');
    await done;
    models.applyRoute(route(4, [2]));
    expect(versionOf(models)).toBe(1);
  });

  it.each([
    ['demo', 'x', /\[invalid_argument\] 'x' is no version/],
    ['demo', '0', /\[invalid_argument\]/],
    ['demo', '9', /\[not_found\].*version 9/],
    ['nobody', '', /\[not_found\].*'nobody'/],
  ])('refuses %s version "%s"', async (name, version, message) => {
    const { models, finish } = harness();
    models.applyRoute(route(1, [1]));
    await finish('demo/1');
    expect(() => models.find(name, version)).toThrow(message);
  });
});
