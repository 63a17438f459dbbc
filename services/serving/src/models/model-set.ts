// Which model versions this process should hold and which it holds, from two sources: packages of the platform, by the
// loaded versions of routes; and models of a repository folder (repository-models.ts). Loads run one after the other
// beside the serving path. A version becomes visible in one assignment once it is warm, and disappears in one
// assignment before it is drained and closed: a call in flight ends on the version that took it. A version that cannot
// be loaded keeps its reason and is tried again; the others are not touched by it.

import { PlatformError } from '@millrace/domain';
import type { RepositoryEntry } from '@millrace/inference';
import type { Project } from '@millrace/project';
import { LOADED_MAX, type Route } from '@millrace/routing';
import { LoadQueue, type LogLine } from './load-queue.js';
import { type Entry, ModelEntries } from './model-entries.js';
import type { LoadParameters, RepositoryControl } from './repository-control.js';
import { type ModelRepository, RepositoryModels } from './repository-models.js';
import type { ServedModel } from './served-model.js';

export interface ModelSetPorts {
  /** Reads, checks, loads and warms up a package; throws PlatformError. */
  load(project: string, version: number, spec: Project | undefined): Promise<ServedModel>;
  repository?: ModelRepository | undefined;
  log: LogLine;
  /** Runs `work` once after a delay. */
  later(delayMs: number, work: () => void): void;
  /** After any change of what is ready. */
  changed(): void;
}

/** A damaged package may be repaired, a package may arrive after its route: look again this often. */
const RETRY_FAILED_MS = 2_000;

export class ModelSet implements RepositoryControl {
  private readonly entries = new ModelEntries();
  private readonly queue: LoadQueue;
  private readonly repositoryModels: RepositoryModels | undefined;
  private retrying = false;
  private closed = false;

  constructor(private readonly ports: ModelSetPorts) {
    const { log, repository, changed } = ports;
    this.queue = new LoadQueue(log);
    if (repository)
      this.repositoryModels = new RepositoryModels(repository, this.entries, this.queue, { log, changed });
  }

  applyRoute(route: Route): void {
    const entry = this.routed(route.project);
    // A replayed older state must not undo a newer one.
    if (!entry || (entry.route && route.revision < entry.route.revision)) return;
    entry.route = route;
    this.reconcile(route.project, entry);
  }

  removeRoute(project: string): void {
    const entry = this.entries.get(project);
    if (entry?.source !== 'route') return;
    entry.route = undefined;
    this.reconcile(project, entry);
  }

  applyProject(project: Project): void {
    const entry = this.routed(project.name);
    if (!entry) return;
    entry.project = project;
    for (const slot of entry.slots.values()) slot.served?.follow?.(project);
  }

  /**
   * '' or 0 = the version with the most live traffic, else the newest; a label of the model's configuration stands for
   * its version. Throws not_found, unavailable, or invalid_argument.
   */
  find(name: string, version: string | number): ServedModel {
    return this.entries.find(name, version);
  }

  isReady(name: string, version: string): boolean {
    return this.entries.isReady(name, version);
  }

  versionsOf(name: string): string[] {
    return this.entries.versionsOf(name);
  }

  /**
   * Served versions of one model, or of all where `name` is '', also failed ones: what they counted stands. Throws
   * not_found for an unknown one.
   */
  select(name: string, version: string): ServedModel[] {
    if (name === '') return [...this.served()];
    if (version !== '') return [this.find(name, version)];
    return this.entries.servedOf(name);
  }

  served(): Iterable<ServedModel> {
    return this.entries.served();
  }

  /** What was asked for at some time: served, being loaded, refused or unloaded. */
  index(): RepositoryEntry[] {
    return this.entries.index();
  }

  /** The index with the models of the folder that nobody asked for yet, which have no version and no state. */
  async repositoryIndex(readyOnly: boolean): Promise<RepositoryEntry[]> {
    if (readyOnly) return this.index().filter(({ state }) => state === 'READY');
    // Where the folder cannot be read, what is served is listed all the same.
    const names = (await this.repositoryModels?.names().catch(() => [])) ?? [];
    const index = this.index();
    const known = new Set(index.map(({ name }) => name));
    const others = names.filter((name) => !known.has(name));
    return [...index, ...others.map((name): RepositoryEntry => ({ name, version: '', state: '', reason: '' }))];
  }

  /** Routes as they stand, for the snapshot that a restart without broker starts from. */
  desired(): Route[] {
    return [...this.entries].flatMap(([, entry]) => (entry.route ? [entry.route] : []));
  }

  /** Loads models of the repository; undefined = all. What is refused is logged and indexed. */
  async loadRepository(names: readonly string[] | undefined): Promise<void> {
    await this.repositoryModels?.loadAll(names);
  }

  /** Loads what is new or changed in the repository, unloads what has gone. */
  async pollRepository(): Promise<void> {
    await this.repositoryModels?.poll();
  }

  async load(model: string, parameters: LoadParameters): Promise<void> {
    await this.explicit().load(model, parameters);
  }

  async unload(model: string, dependents: boolean): Promise<void> {
    await this.explicit().unload(model, dependents);
  }

  /** Resolves when every load and unload that is wanted now was done or has failed. */
  settled(): Promise<void> {
    return this.queue.settled();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.repositoryModels?.stop();
    await this.settled();
    this.queue.retire([...this.served()]);
    this.entries.clear();
    await this.queue.retired();
  }

  private explicit(): RepositoryModels {
    if (this.repositoryModels) return this.repositoryModels;
    throw new PlatformError(
      'invalid_argument',
      'explicit model load / unload is not allowed: no model repository is served (MILLRACE_SERVING_REPOSITORY)',
    );
  }

  private routed(project: string): Entry | undefined {
    const entry = this.entries.ensure(project, 'route');
    if (entry.source === 'route') return entry;
    this.ports.log('error', 'the route is ignored: a model of the repository has its name', { project });
    return undefined;
  }

  private reconcile(project: string, entry: Entry): void {
    const wanted = new Set(entry.route?.loadedVersions.slice(0, LOADED_MAX) ?? []);
    for (const version of wanted) {
      const slot = entry.slots.get(version);
      if (slot && slot.state !== 'UNAVAILABLE') continue;
      entry.slots.set(version, { state: 'LOADING', reason: slot?.reason ?? '', served: undefined });
      this.queue.enqueue(() => this.loadPackage(project, entry, version));
    }
    for (const [version, { served }] of entry.slots) {
      if (wanted.has(version)) continue;
      entry.slots.delete(version);
      if (!served) continue;
      this.ports.changed();
      this.queue.retire([served]);
    }
  }

  private async loadPackage(project: string, entry: Entry, version: number): Promise<void> {
    const slot = entry.slots.get(version);
    if (slot?.state !== 'LOADING' || this.closed) return;
    try {
      const served = await this.ports.load(project, version, entry.project);
      if (entry.slots.get(version) !== slot || this.closed) {
        // No longer wanted when it was ready.
        await served.close();
        return;
      }
      if (entry.project) served.follow?.(entry.project);
      entry.slots.set(version, { state: 'READY', reason: '', served });
      this.ports.log('info', 'model version ready', { project, version });
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      if (slot.reason !== error.reason)
        this.ports.log('error', `model version refused: ${error.message}`, { project, version });
      if (entry.slots.get(version) === slot) {
        entry.slots.set(version, { state: 'UNAVAILABLE', reason: error.reason, served: undefined });
        this.retryLater();
      }
    }
    this.ports.changed();
  }

  private retryLater(): void {
    if (this.retrying || this.closed) return;
    this.retrying = true;
    this.ports.later(RETRY_FAILED_MS, () => {
      this.retrying = false;
      for (const [project, entry] of this.entries) if (entry.source === 'route') this.reconcile(project, entry);
    });
  }
}
