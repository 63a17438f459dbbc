// Loading and unloading models of a repository folder: at the start, on request with or without parameters, and when
// the folder changes. The rules:
//
//   - Everything that can be wrong is found before the swap: configuration, files, hashes, sizes, warm-up.
//   - All versions that the policy wants are loaded, then the swap is one turn. Versions that are no longer wanted
//     leave only when none of the new ones was refused.
//   - A version that is refused keeps what was served under its number; the reason is in the index.
//   - An explicit load always loads anew, also when nothing changed.

import { PlatformError } from '@millrace/domain';
import type { LoadQueue, LogLine } from './load-queue.js';
import { type Entry, type ModelEntries, unknownModel } from './model-entries.js';
import type { ModelPlan } from './model-plan.js';
import type { LoadParameters, RepositoryControl } from './repository-control.js';
import type { ServedModel } from './served-model.js';

/** Most versions of one model held at a time. */
const VERSIONS_MAX = 16;
const NO_LOAD_PARAMETERS: LoadParameters = { config: undefined, files: new Map() };

/** A repository folder. */
export interface ModelRepository {
  names(): Promise<readonly string[]>;
  /** Throws not_found, invalid_argument or corrupt with what is wrong. */
  plan(name: string, parameters: LoadParameters): Promise<ModelPlan>;
  /** Of the model's files, without reading them; undefined = the model is not there or cannot be read. */
  fingerprint(name: string): Promise<string | undefined>;
}

export interface RepositoryModelsPorts {
  log: LogLine;
  /** After any change of what is ready. */
  changed(): void;
}

export class RepositoryModels implements RepositoryControl {
  private readonly plans = new WeakMap<ServedModel, ModelPlan>();
  private closed = false;

  constructor(
    private readonly repository: ModelRepository,
    private readonly entries: ModelEntries,
    private readonly queue: LoadQueue,
    private readonly ports: RepositoryModelsPorts,
  ) {}

  /** Loads these models; undefined = all of the folder. What is refused is logged and indexed. */
  async loadAll(wanted: readonly string[] | undefined): Promise<void> {
    const names = wanted ?? (await this.repository.names());
    await Promise.all(names.map((name) => this.loadFirst(name).catch((error) => this.notFound(name, error))));
  }

  /** Not again what an ensemble before it has loaded as one of its parts. */
  private loadFirst(name: string): Promise<void> {
    return this.queue.run(async () => {
      if (this.entries.get(name)?.fingerprint === undefined) await this.loadNow(name, NO_LOAD_PARAMETERS, []);
    });
  }

  /** A model that was asked for by name and is not there is listed, too. */
  private notFound(name: string, thrown: unknown): void {
    const error = PlatformError.from(thrown);
    if (error.code === 'not_found') this.refusedWhole(name, error, '');
  }

  /**
   * Looks whether the folder changed: loads what is new or changed, unloads what has gone. Models that were loaded with
   * parameters or unloaded on request stay as they are.
   */
  async poll(): Promise<void> {
    const { repository, entries } = this;
    const names = new Set(await repository.names());
    for (const [name, entry] of entries) {
      if (entry.source !== 'repository' || entry.fingerprint === undefined || names.has(name)) continue;
      await this.unload(name, false);
      entries.delete(name);
    }
    for (const name of names) {
      const entry = entries.get(name);
      if (entry && (entry.source === 'route' || entry.fingerprint === undefined)) continue;
      const fingerprint = await repository.fingerprint(name);
      if (fingerprint === undefined || fingerprint === entry?.fingerprint) continue;
      // Refusals are logged and indexed where they happen.
      await this.load(name, NO_LOAD_PARAMETERS).catch(() => {});
    }
  }

  load(name: string, parameters: LoadParameters): Promise<void> {
    return this.queue.run(() => this.loadNow(name, parameters, []));
  }

  unload(name: string, dependents: boolean): Promise<void> {
    return this.queue.run(async () => this.unloadNow(name, dependents, new Set()));
  }

  /** Models of the folder; those that were never asked for, too. */
  names(): Promise<readonly string[]> {
    return this.repository.names();
  }

  stop(): void {
    this.closed = true;
  }

  /** `within`: the ensembles that led here, so that one that contains itself is refused. */
  private async loadNow(name: string, parameters: LoadParameters, within: readonly string[]): Promise<void> {
    if (this.closed) throw new PlatformError('unavailable', 'the server is shutting down');
    const known = this.entries.get(name);
    if (known?.source === 'route') {
      throw new PlatformError('conflict', `model '${name}' is served by its route, not from the repository`);
    }
    // Before the files are read: what changes after it is seen by the next look.
    const fingerprint = (await this.repository.fingerprint(name)) ?? '';
    let plan: ModelPlan | undefined;
    try {
      plan = await this.repository.plan(name, parameters);
      if (plan.versions.length > VERSIONS_MAX) {
        throw new PlatformError(
          'invalid_argument',
          `model '${name}' would have ${plan.versions.length} versions, at most ${VERSIONS_MAX} are held; narrow its version_policy`,
        );
      }
      await this.loadParts(plan, [...within, name]);
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      await plan?.release();
      // A name that was never there leaves no trace.
      if (known || error.code !== 'not_found') {
        this.refusedWhole(name, error, fingerprint);
      }
      throw error;
    }
    await this.loadVersions(plan);
  }

  private async loadParts(plan: ModelPlan, within: readonly string[]): Promise<void> {
    for (const part of plan.parts) {
      if (within.includes(part)) {
        throw new PlatformError('invalid_argument', `the ensemble contains itself: ${[...within, part].join(' → ')}`);
      }
      if (!this.entries.isReady(part, '')) await this.loadNow(part, NO_LOAD_PARAMETERS, within);
    }
  }

  private refusedWhole(name: string, error: PlatformError, fingerprint: string): void {
    const entry = this.entries.ensure(name, 'repository');
    // The same files are not tried again by themselves; changed ones are.
    entry.fingerprint = fingerprint;
    for (const slot of entry.slots.values()) slot.reason = error.reason;
    // Nobody knows its versions: it is listed under the one that everything begins with.
    if (entry.slots.size === 0) {
      entry.slots.set(1, { state: 'UNAVAILABLE', reason: error.reason, served: undefined });
    }
    this.ports.log('error', `model refused: ${error.message}`, { model: name });
    this.ports.changed();
  }

  private async loadVersions(plan: ModelPlan): Promise<void> {
    const { name } = plan;
    const entry = this.entries.ensure(name, 'repository');
    const loaded = new Map<number, ServedModel>();
    const refused = new Map<number, PlatformError>();
    for (const { version, load } of plan.versions) {
      if (!entry.slots.get(version)?.served) {
        entry.slots.set(version, { state: 'LOADING', reason: '', served: undefined });
      }
      try {
        const served = await load();
        this.plans.set(served, plan);
        loaded.set(version, served);
      } catch (thrown) {
        const error = PlatformError.from(thrown);
        refused.set(version, error);
        this.ports.log('error', `model version refused: ${error.message}`, { model: name, version });
      }
    }
    const old = swap(entry, plan, loaded, refused);
    this.ports.changed();
    for (const version of loaded.keys()) this.ports.log('info', 'model version ready', { model: name, version });
    this.retire(old);
    if (loaded.size === 0) await plan.release();
    await this.queue.roomToRetire();
    for (const error of refused.values()) throw error;
  }

  private unloadNow(name: string, dependents: boolean, done: Set<string>): void {
    const entry = this.entries.get(name);
    if (!entry) throw unknownModel(name);
    if (entry.source === 'route') {
      throw new PlatformError('conflict', `model '${name}' is served by its route; the route decides what is loaded`);
    }
    const { parts } = entry;
    const old: ServedModel[] = [];
    for (const [version, { served }] of entry.slots) {
      if (served) old.push(served);
      entry.slots.set(version, { state: 'UNAVAILABLE', reason: 'unloaded', served: undefined });
    }
    Object.assign(entry, { fingerprint: undefined, labels: {}, parts: [] });
    this.ports.changed();
    this.ports.log('info', 'model unloaded', { model: name });
    this.retire(old);
    done.add(name);
    if (!dependents) return;
    for (const part of parts) if (!done.has(part) && this.entries.get(part)) this.unloadNow(part, true, done);
  }

  /**
   * With the last version of a plan, the plan goes; a plan of which a version goes on (its successor was refused)
   * stays.
   */
  private retire(old: readonly ServedModel[]): void {
    const plans = new Set(old.flatMap((one) => this.plans.get(one) ?? []));
    this.queue.retire(old, async () => {
      for (const one of this.entries.served()) plans.delete(this.plans.get(one) as ModelPlan);
      await Promise.all([...plans].map((plan) => plan.release()));
    });
  }
}

/** One turn: callers see the old versions before it and the new ones after it. Gives what is no longer served. */
function swap(
  entry: Entry,
  plan: ModelPlan,
  loaded: ReadonlyMap<number, ServedModel>,
  refused: ReadonlyMap<number, PlatformError>,
): ServedModel[] {
  const { slots } = entry;
  const old: ServedModel[] = [];
  for (const [version, served] of loaded) {
    const before = slots.get(version)?.served;
    if (before) old.push(before);
    slots.set(version, { state: 'READY', reason: '', served });
  }
  for (const [version, { reason }] of refused) {
    const before = slots.get(version);
    slots.set(version, before?.served ? { ...before, reason } : { state: 'UNAVAILABLE', reason, served: undefined });
  }
  entry.fingerprint = plan.fingerprint;
  if (refused.size > 0) {
    if (loaded.size > 0) {
      entry.labels = mergedLabels(slots, entry.labels, plan.labels);
      entry.parts = [...new Set([...entry.parts, ...plan.parts])];
    }
    return old;
  }
  entry.labels = plan.labels;
  entry.parts = plan.parts;
  for (const [version, { served }] of slots) {
    if (loaded.has(version)) continue;
    if (served) old.push(served);
    slots.delete(version);
  }
  return old;
}

/**
 * After a partly refused load: new labels where their version is served, else the old ones that still stand for
 * something.
 */
function mergedLabels(slots: Entry['slots'], old: Entry['labels'], wanted: Entry['labels']): Entry['labels'] {
  const served = (labels: Entry['labels']) =>
    Object.entries(labels).filter(([, version]) => slots.get(version)?.served);
  return Object.fromEntries([...served(old), ...served(wanted)]);
}
