// Which model versions this process should hold and which it holds. Desired state comes from routes (loaded versions) and
// projects; versions are loaded one after the other beside the serving path, become visible in one assignment once warm,
// and disappear in one assignment before they are drained and closed. A version that cannot be loaded keeps its reason
// and is tried again; the others are not touched by it.

import { PlatformError } from '@millrace/domain';
import type { RepositoryEntry, RepositoryState } from '@millrace/inference';
import type { Project } from '@millrace/project';
import type { ServedVersion } from './served-version.js';

/** Most versions of one project held at a time; routes name 2 to 3. */
export const VERSIONS_MAX = 16;

export interface DesiredRoute {
  project: string;
  revision: number;
  loadedVersions: readonly number[];
  targets: readonly { version: number; weight: number }[];
}

export interface ModelSetPorts {
  /** Reads, checks, loads and warms up; throws PlatformError. */
  load(project: string, version: number, spec: Project | undefined): Promise<ServedVersion>;
  log(level: 'info' | 'error', message: string, facts: Record<string, string | number>): void;
  /** Runs `work` once after a delay. */
  later(delayMs: number, work: () => void): void;
  /** After any change of what is ready. */
  changed(): void;
}

/** A damaged package may be repaired, a package may arrive after its route: look again this often. */
const RETRY_FAILED_MS = 2_000;

interface Slot {
  state: RepositoryState;
  reason: string;
  served: ServedVersion | undefined;
}

interface Entry {
  route: DesiredRoute | undefined;
  project: Project | undefined;
  slots: Map<number, Slot>;
}

export class ModelSet {
  private readonly entries = new Map<string, Entry>();
  private readonly queue: (() => Promise<void>)[] = [];
  private working = false;
  private retrying = false;
  private closed = false;
  private settledWaiters: (() => void)[] = [];

  constructor(private readonly ports: ModelSetPorts) {}

  applyRoute(route: DesiredRoute): void {
    const entry = this.entry(route.project);
    // A replayed older state must not undo a newer one.
    if (entry.route && route.revision < entry.route.revision) return;
    entry.route = route;
    this.reconcile(route.project, entry);
  }

  removeRoute(project: string): void {
    const entry = this.entries.get(project);
    if (!entry) return;
    entry.route = undefined;
    this.reconcile(project, entry);
  }

  applyProject(project: Project): void {
    const entry = this.entry(project.name);
    entry.project = project;
    for (const slot of entry.slots.values()) slot.served?.follow(project);
  }

  /** '' or 0 = the version with the most live traffic, else the newest. Throws not_found or unavailable. */
  find(name: string, version: string | number): ServedVersion {
    const entry = this.entries.get(name);
    if (!entry || entry.slots.size === 0) throw unknownModel(name);
    if (version === '' || version === 0) return this.live(name, entry);
    const slot = entry.slots.get(typeof version === 'number' ? version : versionNumber(name, version));
    if (!slot) throw unknownModel(name, version);
    if (!slot.served) throw notReady(name, version, slot);
    return slot.served;
  }

  isReady(name: string, version: string): boolean {
    try {
      return this.find(name, version) !== undefined;
    } catch {
      return false;
    }
  }

  private live(name: string, entry: Entry): ServedVersion {
    let best: ServedVersion | undefined;
    let bestWeight = -1;
    for (const [version, slot] of entry.slots) {
      if (!slot.served) continue;
      const weight = entry.route?.targets.find((target) => target.version === version)?.weight ?? 0;
      if (weight > bestWeight || (weight === bestWeight && version > (best?.facts.version ?? 0))) {
        best = slot.served;
        bestWeight = weight;
      }
    }
    if (best) return best;
    const [version, slot] = [...entry.slots][0] as [number, Slot];
    throw notReady(name, version, slot);
  }

  versionsOf(name: string): string[] {
    const entry = this.entries.get(name);
    if (!entry || entry.slots.size === 0) throw unknownModel(name);
    return [...entry.slots]
      .filter(([, slot]) => slot.served)
      .map(([version]) => version)
      .sort((a, b) => a - b)
      .map(String);
  }

  /** Ready versions of one model, or of all where `name` is ''; throws not_found for an unknown one. */
  select(name: string, version: string): ServedVersion[] {
    if (name === '') return [...this.served()];
    if (version !== '') return [this.find(name, version)];
    return this.versionsOf(name).map((one) => this.find(name, one));
  }

  *served(): Iterable<ServedVersion> {
    for (const entry of this.entries.values()) {
      for (const slot of entry.slots.values()) if (slot.served) yield slot.served;
    }
  }

  index(): RepositoryEntry[] {
    const rows: RepositoryEntry[] = [];
    for (const [name, entry] of this.entries) {
      for (const [version, { state, reason }] of entry.slots)
        rows.push({ name, version: String(version), state, reason });
    }
    return rows;
  }

  /** Routes and projects as they stand, for the snapshot that a restart without broker starts from. */
  desired(): DesiredRoute[] {
    return [...this.entries.values()].flatMap((entry) => (entry.route ? [entry.route] : []));
  }

  /** Resolves when every load and unload that is wanted now was done or has failed. */
  async settled(): Promise<void> {
    if (!this.working) return;
    await new Promise<void>((resolve) => this.settledWaiters.push(resolve));
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.settled();
    await Promise.all([...this.served()].map((served) => served.close()));
    this.entries.clear();
  }

  private entry(project: string): Entry {
    let entry = this.entries.get(project);
    if (!entry) {
      entry = { route: undefined, project: undefined, slots: new Map() };
      this.entries.set(project, entry);
    }
    return entry;
  }

  private reconcile(project: string, entry: Entry): void {
    const wanted = new Set(entry.route?.loadedVersions.slice(0, VERSIONS_MAX) ?? []);
    for (const version of wanted) {
      const slot = entry.slots.get(version);
      if (slot && slot.state !== 'UNAVAILABLE') continue;
      entry.slots.set(version, { state: 'LOADING', reason: slot?.reason ?? '', served: undefined });
      this.enqueue(() => this.load(project, entry, version));
    }
    for (const [version, slot] of entry.slots) {
      if (!wanted.has(version)) this.unload(project, entry, version, slot);
    }
  }

  private async load(project: string, entry: Entry, version: number): Promise<void> {
    const slot = entry.slots.get(version);
    if (slot?.state !== 'LOADING' || this.closed) return;
    try {
      const served = await this.ports.load(project, version, entry.project);
      if (entry.slots.get(version) !== slot || this.closed) {
        // No longer wanted when it was ready.
        await served.close();
        return;
      }
      if (entry.project) served.follow(entry.project);
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

  private unload(project: string, entry: Entry, version: number, slot: Slot): void {
    entry.slots.delete(version);
    const { served } = slot;
    if (!served) return;
    this.ports.changed();
    this.enqueue(async () => {
      await served.close();
      this.ports.log('info', 'model version unloaded', { project, version });
    });
  }

  private retryLater(): void {
    if (this.retrying || this.closed) return;
    this.retrying = true;
    this.ports.later(RETRY_FAILED_MS, () => {
      this.retrying = false;
      for (const [project, entry] of this.entries) this.reconcile(project, entry);
    });
  }

  private enqueue(work: () => Promise<void>): void {
    this.queue.push(work);
    if (!this.working) void this.work();
  }

  private async work(): Promise<void> {
    this.working = true;
    for (let next = this.queue.shift(); next; next = this.queue.shift()) {
      try {
        await next();
      } catch (thrown) {
        this.ports.log('error', PlatformError.from(thrown).message, {});
      }
    }
    this.working = false;
    for (const resolve of this.settledWaiters.splice(0)) resolve();
  }
}

function versionNumber(name: string, version: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(version)) {
    throw new PlatformError('invalid_argument', `'${version.slice(0, 32)}' is no version of model '${name}'`);
  }
  return Number(version);
}

function unknownModel(name: string, version?: string | number): PlatformError {
  const which = version === undefined ? '' : ` version ${version}`;
  return new PlatformError('not_found', `Request for unknown model: '${name.slice(0, 64)}'${which} is not found`);
}

function notReady(name: string, version: string | number, slot: Slot): PlatformError {
  const why = slot.reason === '' ? '' : `: ${slot.reason}`;
  return new PlatformError('unavailable', `Request for model '${name}' version ${version} that is not ready${why}`);
}
