import { describe, expect, it } from '@jest/globals';
import type { HoldProgress, ModelVersion } from '@millrace/contracts';
import { ManualClock, PlatformError, type RetentionRules } from '@millrace/domain';
import { emptyRoute, type Route } from '@millrace/routing';
import { ModelCollector } from './model-collector.js';
import { ModelUses } from './model-retention.js';

const DAY_MS = 86_400_000;

const model = (version: number, blessed = false) =>
  ({
    project: 'p',
    version,
    blessed,
    createdAtMs: version * DAY_MS,
    packagePath: `models/p/${version}`,
  }) as ModelVersion;
const hold = (id: string, named: Partial<HoldProgress>): HoldProgress => ({
  ...{ kind: 'hold', id, project: 'p', dataset: '', model: 0, reason: 'case 7', by: 'ann', atMs: 1 },
  ...{ removedAtMs: 0, removedBy: '', removedReason: '', ...named },
});
const route = (over: Partial<Route>): Route => ({ ...emptyRoute('p'), ...over });

/** The topic of models, the store of packages, and what happens between two steps of the collector. */
class World {
  readonly models = new Map<number, ModelVersion>();
  readonly packages = new Set<string>();
  /** Numbers that the topic says are gone. */
  readonly tombstones = new Set<number>();
  readonly going = new Map<number, ModelVersion>();
  readonly uses = new ModelUses();
  readonly clock = new ManualClock(100 * DAY_MS);
  readonly told: string[] = [];
  readonly left: string[] = [];
  rules: RetentionRules | undefined = { keep: 1, forMs: 0 };
  open: string | null = null;
  /** By the number of the call, from 1. */
  readonly meanwhile = new Map<number, () => void>();
  calls = 0;
  refuses: string | null = null;

  constructor(versions: readonly ModelVersion[]) {
    for (const version of versions) {
      this.models.set(version.version, version);
      this.packages.add(version.packagePath);
    }
  }

  collector(): ModelCollector {
    return new ModelCollector({
      models: () => [...this.models.values()].sort((a, b) => a.version - b.version),
      allVersions: () => new Set(this.models.keys()),
      goneVersions: () => this.tombstones,
      going: {
        keep: async (version) => {
          this.going.set(version.version, version);
        },
        read: async (_project, version) => this.going.get(version) ?? null,
        forget: async (_project, version) => {
          this.going.delete(version);
        },
      },
      rules: () => this.rules,
      openTraining: () => this.open,
      uses: this.uses,
      clock: this.clock,
      upToNow: async () => this.meanwhile.get(++this.calls)?.(),
      tell: async (versions, gone) => {
        this.told.push(...versions.map(({ version }) => `+${version}`), ...gone.map(({ version }) => `-${version}`));
        for (const version of versions) {
          this.models.set(version.version, version);
          this.tombstones.delete(version.version);
        }
        for (const { version } of gone) {
          this.models.delete(version);
          this.tombstones.add(version);
        }
      },
      packages: async () => [...this.packages].map((path) => `${path.slice('models/p/'.length)}/manifest.json`),
      removePackage: async (path) => {
        if (path === this.refuses) throw new PlatformError('unavailable', 'no store');
        this.packages.delete(path);
      },
      reports: { removed: () => undefined, left: (path) => this.left.push(path) },
    });
  }

  collect(): Promise<number> {
    return this.collector().collectAll('p');
  }

  get there(): number[] {
    return [...this.models.keys()].sort((a, b) => a - b);
  }
}

const six = () => new World([1, 2, 3, 4, 5, 6].map((version) => model(version)));
const fates = (world: World) =>
  Object.fromEntries(
    world
      .collector()
      .fates('p')
      .map(({ item: { version }, keptBy }) => [version, keptBy]),
  );

describe('retention of model versions', () => {
  it('deletes nothing where nothing is declared', async () => {
    const world = six();
    world.rules = undefined;
    expect([await world.collect(), world.there.length, world.calls]).toEqual([0, 6, 0]);
  });

  it.each([
    ['the newest so many stay', { keep: 2, forMs: 0 }, [5, 6]],
    ['what is young enough stays', { keep: 0, forMs: 96.5 * DAY_MS }, [4, 5, 6]],
    ['either rule keeps', { keep: 1, forMs: 95.5 * DAY_MS }, [5, 6]],
    ['the newest stays, whatever the rules', { keep: 0, forMs: 1 }, [6]],
  ])('%s', async (_name, rules, there) => {
    const world = six();
    world.rules = rules;
    expect(await world.collect()).toBe(6 - there.length);
    expect(world.there).toEqual(there);
    expect([...world.packages].sort()).toEqual(there.map((version) => `models/p/${version}`));
  });

  it('never deletes what gets traffic, is loaded, was before it, is rolled out, held, or blessed last', () => {
    const world = new World([
      model(1),
      model(2),
      model(3),
      model(4, true),
      model(5, true),
      model(6),
      model(7),
      model(8),
    ]);
    const targets = [{ version: 2, weight: 100, name: 'blue' }] as Route['targets'];
    const rollout = { phase: 'failed' as const, version: 6, message: '' };
    world.uses.route('p', route({ targets, previousVersion: 1, loadedVersions: [2, 3], rollout }));
    world.uses.hold(hold('h', { model: 7 }));
    world.uses.hold(hold('of a dataset', { dataset: 'd' }));
    expect(fates(world)).toEqual({
      ...{ 1: 'where a rollback goes', 2: 'in service', 3: 'loaded by serving', 4: null },
      ...{ 5: 'the newest blessed one', 6: 'of the last rollout', 7: 'hold h: case 7', 8: 'one of the newest 1' },
    });
    world.uses.hold(hold('h', { model: 7, removedAtMs: 5 }));
    world.uses.route('p', null);
    expect(fates(world)).toMatchObject({ 1: null, 2: null, 3: null, 6: null, 7: null });
    world.uses.hold(hold('all', {}));
    expect(Object.values(fates(world)).every((why) => why === 'hold all: case 7')).toBe(true);
  });

  it('deletes none while a training of the project is open: it may begin with one, or compare with it', async () => {
    const world = six();
    world.open = 't';
    expect(await world.collect()).toBe(0);
    world.open = null;
    expect(await world.collect()).toBe(5);
  });

  it('first reads what was written of models, routes and holds', async () => {
    const world = six();
    world.meanwhile.set(1, () => world.uses.hold(hold('h', { model: 2 })));
    expect(await world.collect()).toBe(4);
    expect(world.there).toEqual([2, 6]);
    expect(world.told).not.toContain('-2');
  });

  it('announces one again that somebody came to need when it was told to be gone, package and all', async () => {
    const world = six();
    world.meanwhile.set(2, () =>
      world.uses.route('p', route({ targets: [{ version: 3, weight: 100, name: 'blue' }] })),
    );
    expect(await world.collect()).toBe(4);
    expect(world.told).toContain('+3');
    expect(world.there).toEqual([3, 6]);
    expect([...world.packages].sort()).toEqual(['models/p/3', 'models/p/6']);
  });

  it('removes packages that a killed trainer, or a store that refused, has left; none that is being written', async () => {
    const world = six();
    world.refuses = 'models/p/4';
    expect(await world.collect()).toBe(5);
    expect(world.left).toEqual(['models/p/4', 'models/p/4']);
    world.refuses = null;
    // Not announced yet.
    world.packages.add('models/p/7');
    expect(await world.collect()).toBe(0);
    expect([...world.packages].sort()).toEqual(['models/p/6', 'models/p/7']);
  });

  const killed = () => {
    throw new PlatformError('unavailable', 'killed');
  };
  const three = route({ targets: [{ version: 3, weight: 100, name: 'blue' }] });

  it('announces one again that was rolled out after a trainer had died in its deletion, package and all', async () => {
    const world = six();
    world.meanwhile.set(2, killed);
    await expect(world.collect()).rejects.toThrow('killed');
    expect(world.there).toEqual([6]);
    world.uses.route('p', three);
    expect(await world.collect()).toBe(0);
    expect(world.there).toEqual([3, 6]);
    expect([...world.packages].sort()).toEqual(['models/p/3', 'models/p/6']);
  });

  it('keeps the package of one that is held just before it would be removed as left behind', async () => {
    const world = six();
    world.meanwhile.set(2, killed);
    await expect(world.collect()).rejects.toThrow('killed');
    world.meanwhile.set(3, () => world.uses.hold(hold('h', { model: 3 })));
    await world.collect();
    expect(world.there).toEqual([3, 6]);
    expect([...world.packages].sort()).toEqual(['models/p/3', 'models/p/6']);
  });

  it('announces none again whose package it has begun to remove, and leaves what is there to people', async () => {
    const world = six();
    world.refuses = 'models/p/3';
    await world.collect();
    world.refuses = null;
    world.uses.route('p', three);
    await world.collect();
    expect(world.there).toEqual([6]);
    expect([...world.packages].sort()).toEqual(['models/p/3', 'models/p/6']);
  });

  it('leaves packages of which nobody told that they are gone: another installation has written them', async () => {
    const world = six();
    for (const version of [1, 2]) world.models.delete(version);
    await world.collect();
    expect(world.there).toEqual([6]);
    expect([...world.packages].sort()).toEqual(['models/p/1', 'models/p/2', 'models/p/6']);
  });

  it('goes a part at a time through many', async () => {
    const world = new World(Array.from({ length: 50 }, (_, index) => model(index + 1)));
    expect(await world.collect()).toBe(49);
    expect(world.calls).toBeGreaterThan(4);
  });
});
