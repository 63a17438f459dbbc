import { describe, expect, it } from '@jest/globals';
import { PlatformError } from '@millrace/domain';
import { emptyRoute } from '@millrace/routing';
import type { ModelPlan } from './model-plan.js';
import { ModelSet } from './model-set.js';
import type { LoadParameters } from './repository-control.js';
import type { ServedModel } from './served-model.js';

const PLAIN: LoadParameters = { config: undefined, files: new Map() };

interface Folder {
  versions: number[];
  labels?: Record<string, number>;
  parts?: string[];
  stamp?: string;
  /** Refused as a whole, or by version. */
  fault?: string;
  faults?: Record<number, string>;
  /** Why a version that is served will not answer again, by version. */
  failures?: Record<number, string>;
  /** Called once its files were read. */
  onPlan?: () => void;
}

/** A repository in memory; closes end when told to. */
function harness(folders: Record<string, Folder>) {
  const events: string[] = [];
  const draining = new Map<string, () => void>();
  let holdCloses = false;
  let loads = 0;
  const plan = (name: string, parameters: LoadParameters): ModelPlan => {
    const folder = folders[name];
    if (!folder) throw new PlatformError('not_found', `no model '${name}'`);
    folder.onPlan?.();
    if (folder.fault) throw new PlatformError('invalid_argument', folder.fault);
    const key = `${name}#${++loads}`;
    return {
      name,
      labels: folder.labels ?? {},
      parts: folder.parts ?? [],
      fingerprint: parameters.config === undefined ? (folder.stamp ?? '') : undefined,
      versions: folder.versions.map((version) => ({
        version,
        load: async () => {
          const fault = folder.faults?.[version];
          if (fault) throw new PlatformError('corrupt', fault);
          return served(name, version, key, folder.failures?.[version]);
        },
      })),
      release: async () => void events.push(`release ${key}`),
    };
  };
  const served = (name: string, version: number, key: string, failure: string | undefined) =>
    ({
      failure,
      name,
      version,
      key,
      close: async () => {
        events.push(`close ${key}/${version}`);
        if (holdCloses) await new Promise<void>((resolve) => draining.set(`${key}/${version}`, resolve));
      },
    }) as unknown as ServedModel;
  const models = new ModelSet({
    load: () => Promise.reject(new Error('no packages here')),
    repository: {
      names: async () => Object.keys(folders),
      plan: async (name, parameters) => plan(name, parameters),
      fingerprint: async (name) => (folders[name] ? (folders[name].stamp ?? '') : undefined),
    },
    log: () => {},
    later: () => {},
    changed: () => {},
  });
  const keyOf = (name: string, version: string | number = '') =>
    (models.find(name, version) as unknown as { key: string }).key;
  return { models, events, keyOf, draining, hold: () => (holdCloses = true), folders };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe('models of a repository', () => {
  it('loads all, answers by number, label and none, and lists what was refused with its reason', async () => {
    const { models } = harness({
      a: { versions: [1, 3], labels: { stable: 1 } },
      b: { versions: [1], fault: 'config.pbtxt:3: what is this' },
    });
    await models.loadRepository(undefined);
    const versions = ['', 'stable', '3', 1].map((version) => models.find('a', version).version);
    expect(versions).toEqual([3, 1, 3, 1]);
    expect(() => models.find('a', 'canary')).toThrow(/'canary' is no version.*labels are 'stable'/);
    expect(models.index()).toEqual([
      { name: 'a', version: '1', state: 'READY', reason: '' },
      { name: 'a', version: '3', state: 'READY', reason: '' },
      { name: 'b', version: '1', state: 'UNAVAILABLE', reason: 'config.pbtxt:3: what is this' },
    ]);
  });

  it('keeps the labels and parts of the versions that are served when another one is refused', async () => {
    const { models, folders } = harness({
      a: { versions: [1, 2], labels: { stable: 1, canary: 2 }, faults: { 2: 'damaged' } },
    });
    await models.loadRepository(undefined);
    expect(models.find('a', 'stable').version).toBe(1);
    expect(() => models.find('a', 'canary')).toThrow(/no version/);
    folders.a = { versions: [2, 3], labels: { stable: 3, canary: 2, newest: 3 }, faults: { 3: 'damaged' } };
    await expect(models.load('a', PLAIN)).rejects.toThrow(/damaged/);
    expect(['stable', 'canary'].map((label) => models.find('a', label).version)).toEqual([1, 2]);
    folders.e = { versions: [1, 2], parts: ['f'], faults: { 2: 'damaged' } };
    folders.f = { versions: [1] };
    await expect(models.load('e', PLAIN)).rejects.toThrow(/damaged/);
    await models.unload('e', true);
    expect(models.isReady('f', '')).toBe(false);
  });

  it('gives the statistics of all versions, whatever became of one of them', async () => {
    const { models } = harness({ a: { versions: [1, 2, 10], failures: { 2: 'its engine was given up' } } });
    await models.loadRepository(undefined);
    expect(models.select('a', '').map(({ version }) => version)).toEqual([1, 2, 10]);
    expect(() => models.select('nobody', '')).toThrow(/\[not_found\]/);
  });

  it('lists what lies in the folder and was never loaded, without a version', async () => {
    const { models } = harness({ a: { versions: [1] }, b: { versions: [1] } });
    await models.loadRepository(['b']);
    const b = { name: 'b', version: '1', state: 'READY', reason: '' };
    expect(await models.repositoryIndex(false)).toEqual([b, { name: 'a', version: '', state: '', reason: '' }]);
    expect(await models.repositoryIndex(true)).toEqual([b]);
    await models.load('a', PLAIN);
    expect((await models.repositoryIndex(false)).map(({ state }) => state)).toEqual(['READY', 'READY']);
  });

  it('looks again at files that changed while they were refused', async () => {
    const { models, folders } = harness({});
    const whole = { versions: [1], stamp: 'whole' };
    folders.a = { versions: [1], stamp: 'half', fault: 'half a file', onPlan: () => (folders.a = whole) };
    await models.pollRepository();
    expect(models.isReady('a', '')).toBe(false);
    await models.pollRepository();
    expect(models.isReady('a', '')).toBe(true);
  });

  it('swaps to the new load in one turn and closes the old one after it', async () => {
    const { models, events, keyOf, draining, hold } = harness({ a: { versions: [1] } });
    await models.loadRepository(undefined);
    hold();
    await models.load('a', PLAIN);
    expect(keyOf('a')).toBe('a#2');
    expect(events).toEqual(['close a#1/1']);
    draining.get('a#1/1')?.();
    await tick();
    expect(events).toEqual(['close a#1/1', 'release a#1']);
  });

  it('keeps the old version when the new one is refused, and says why', async () => {
    const { models, keyOf, folders, events } = harness({ a: { versions: [1] } });
    await models.loadRepository(undefined);
    folders.a = { versions: [1, 2], faults: { 2: 'model.onnx is damaged' } };
    await expect(models.load('a', PLAIN)).rejects.toThrow(/model\.onnx is damaged/);
    expect([keyOf('a'), keyOf('a', 1)]).toEqual(['a#2', 'a#2']);
    expect(() => models.find('a', 2)).toThrow(/not ready: model\.onnx is damaged/);
    folders.a = { versions: [3], faults: { 3: 'damaged' } };
    await expect(models.load('a', PLAIN)).rejects.toThrow(/damaged/);
    expect(keyOf('a')).toBe('a#2');
    folders.a = { versions: [], fault: 'no version' };
    await expect(models.load('a', PLAIN)).rejects.toThrow(/no version/);
    expect(keyOf('a')).toBe('a#2');
    expect(models.index().find(({ version }) => version === '1')).toEqual({
      name: 'a',
      version: '1',
      state: 'READY',
      reason: 'no version',
    });
    expect(events).toContain('release a#3');
    folders.a = { versions: [3] };
    await models.load('a', PLAIN);
    expect(models.index()).toEqual([{ name: 'a', version: '3', state: 'READY', reason: '' }]);
  });

  it('loads the parts of an ensemble once, in whatever order the folder has them', async () => {
    const { models, keyOf, events } = harness({
      e: { versions: [1], parts: ['f', 'a'] },
      a: { versions: [1] },
      f: { versions: [1] },
    });
    await models.loadRepository(undefined);
    expect([keyOf('e'), keyOf('f'), keyOf('a')].sort()).toEqual(['a#3', 'e#1', 'f#2']);
    expect(events).toEqual([]);
  });

  it('unloads on request, with the parts of an ensemble where asked', async () => {
    const { models } = harness({
      sum: { versions: [1], parts: ['a', 'b'] },
      a: { versions: [1] },
      b: { versions: [1] },
    });
    await models.load('sum', PLAIN);
    expect([models.isReady('a', ''), models.isReady('b', '')]).toEqual([true, true]);
    await models.unload('sum', true);
    expect(models.index().map(({ state, reason }) => `${state} ${reason}`)).toEqual(
      Array(3).fill('UNAVAILABLE unloaded'),
    );
    await models.load('a', PLAIN);
    expect(models.isReady('a', '')).toBe(true);
  });

  it('refuses an ensemble that contains itself, and a model that is not there without a trace', async () => {
    const { models } = harness({ x: { versions: [1], parts: ['y'] }, y: { versions: [1], parts: ['x'] } });
    await expect(models.load('x', PLAIN)).rejects.toThrow(/contains itself: x → y → x/);
    await expect(models.load('nobody', PLAIN)).rejects.toThrow(/\[not_found\]/);
    await expect(models.unload('nobody', false)).rejects.toThrow(/\[not_found\]/);
    expect(models.index().map(({ name }) => name)).not.toContain('nobody');
  });

  it('follows the folder when it is looked at, except for what was asked for otherwise', async () => {
    const { models, keyOf, folders } = harness({ a: { versions: [1] }, b: { versions: [1] }, c: { versions: [1] } });
    await models.loadRepository(undefined);
    await models.unload('b', false);
    await models.load('c', { config: '{}', files: new Map() });
    await models.pollRepository();
    expect(keyOf('a')).toBe('a#1');
    folders.a = { versions: [2], stamp: 'changed' };
    folders.b = { versions: [1], stamp: 'changed' };
    folders.c = { versions: [2], stamp: 'changed' };
    folders.d = { versions: [1], fault: 'bad' };
    await models.pollRepository();
    expect(models.find('a', '').version).toBe(2);
    expect(models.isReady('b', '')).toBe(false);
    expect(keyOf('c')).toBe('c#4');
    expect(models.index().find(({ name }) => name === 'd')?.reason).toBe('bad');
    folders.d = { versions: [1], stamp: 'repaired' };
    delete folders.a;
    await models.pollRepository();
    expect(models.isReady('d', '')).toBe(true);
    expect(() => models.find('a', '')).toThrow(/\[not_found\]/);
  });

  it('does not mix with what routes serve', async () => {
    const { models } = harness({ demo: { versions: [1] } });
    models.applyRoute({ ...emptyRoute('demo'), revision: 1 });
    await expect(models.load('demo', PLAIN)).rejects.toThrow(/\[conflict\].*route/);
    await expect(models.unload('demo', false)).rejects.toThrow(/\[conflict\].*route/);
  });

  it('closes everything at the end', async () => {
    const { models, events } = harness({ a: { versions: [1, 2] } });
    await models.loadRepository(undefined);
    await models.close();
    expect(events.sort()).toEqual(['close a#1/1', 'close a#1/2']);
    await expect(models.load('a', PLAIN)).rejects.toThrow(/\[unavailable\]/);
  });
});
