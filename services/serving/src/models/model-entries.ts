// The table behind the model set: by name and version, what is served, what is being loaded and what was refused.
// Answers look-ups; it loads nothing.

import { PlatformError } from '@millrace/domain';
import type { RepositoryEntry, RepositoryState } from '@millrace/inference';
import type { Project } from '@millrace/project';
import { primaryVersion, type Route } from '@millrace/routing';
import { notTaken } from './not-taken.js';
import type { ServedModel } from './served-model.js';

export interface Slot {
  state: RepositoryState;
  /** Why it is not ready, or why a newer load of it was refused while this one goes on. */
  reason: string;
  served: ServedModel | undefined;
}

export interface Entry {
  readonly source: 'route' | 'repository';
  route: Route | undefined;
  project: Project | undefined;
  readonly slots: Map<number, Slot>;
  /** Label → version. */
  labels: Readonly<Record<string, number>>;
  /** Models that an ensemble is made of. */
  parts: readonly string[];
  /** Of the repository's files at the last attempt to load them; undefined = not wanted from there now. */
  fingerprint: string | undefined;
}

export class ModelEntries {
  private readonly entries = new Map<string, Entry>();

  get(name: string): Entry | undefined {
    return this.entries.get(name);
  }

  /** The one there is, whatever its source, else a new one of this source. */
  ensure(name: string, source: Entry['source']): Entry {
    let entry = this.entries.get(name);
    if (!entry) {
      entry = {
        source,
        route: undefined,
        project: undefined,
        slots: new Map(),
        labels: {},
        parts: [],
        fingerprint: undefined,
      };
      this.entries.set(name, entry);
    }
    return entry;
  }

  delete(name: string): void {
    this.entries.delete(name);
  }

  clear(): void {
    this.entries.clear();
  }

  [Symbol.iterator](): IterableIterator<[string, Entry]> {
    return this.entries.entries();
  }

  /** See ModelSet.find. */
  find(name: string, version: string | number): ServedModel {
    const entry = this.entries.get(name);
    if (!entry || entry.slots.size === 0) throw unknownModel(name);
    if (version === '' || version === 0) return live(name, entry);
    const number = typeof version === 'number' ? version : versionNumber(name, version, entry.labels);
    const slot = entry.slots.get(number);
    if (!slot) throw unknownModel(name, version);
    if (!slot.served || slot.served.failure) throw notReady(name, version, slot);
    return slot.served;
  }

  isReady(name: string, version: string): boolean {
    try {
      return this.find(name, version) !== undefined;
    } catch {
      return false;
    }
  }

  versionsOf(name: string): string[] {
    return this.servedOf(name).map(({ version }) => String(version));
  }

  /** By version, ascending; also those that have failed since. Throws not_found for an unknown model. */
  servedOf(name: string): ServedModel[] {
    const entry = this.entries.get(name);
    if (!entry || entry.slots.size === 0) throw unknownModel(name);
    return [...entry.slots].sort(([a], [b]) => a - b).flatMap(([, { served }]) => served ?? []);
  }

  *served(): Iterable<ServedModel> {
    for (const entry of this.entries.values()) {
      for (const slot of entry.slots.values()) if (slot.served) yield slot.served;
    }
  }

  index(): RepositoryEntry[] {
    return [...this.entries].flatMap(([name, { slots }]) =>
      [...slots]
        .sort(([a], [b]) => a - b)
        .map(([version, slot]) => ({ name, version: String(version), ...stateOf(slot) })),
    );
  }
}

function stateOf({ state, reason, served }: Slot): Pick<RepositoryEntry, 'state' | 'reason'> {
  return served?.failure ? { state: 'UNAVAILABLE', reason: served.failure } : { state, reason };
}

const NO_TARGETS: Route['targets'] = [];

function isServing(slot: Slot | undefined): boolean {
  return slot?.served !== undefined && !slot.served.failure;
}

/** The primary of the route among the versions that serve here. */
function live(name: string, entry: Entry): ServedModel {
  const primary = primaryVersion(entry.route?.targets ?? NO_TARGETS, (version) => isServing(entry.slots.get(version)));
  let best = entry.slots.get(primary);
  // Of those without traffic the newest: a model of the repository, a project before its first rollout.
  if (primary === 0) {
    let newest = 0;
    for (const [version, slot] of entry.slots) {
      if (version < newest || !isServing(slot)) continue;
      newest = version;
      best = slot;
    }
  }
  if (best?.served) return best.served;
  const [version, slot] = [...entry.slots][0] as [number, Slot];
  throw notReady(name, version, slot);
}

function versionNumber(name: string, version: string, labels: Readonly<Record<string, number>>): number {
  if (/^[1-9][0-9]{0,8}$/.test(version)) return Number(version);
  if (Object.hasOwn(labels, version)) return labels[version] as number;
  const known = Object.keys(labels).map((label) => `'${label}'`);
  const hint = known.length === 0 ? '' : `; its labels are ${known.join(', ')}`;
  throw new PlatformError('invalid_argument', `'${version.slice(0, 32)}' is no version of model '${name}'${hint}`);
}

export function unknownModel(name: string, version?: string | number): PlatformError {
  const which = version === undefined ? '' : ` version ${version}`;
  return new PlatformError('not_found', `Request for unknown model: '${name.slice(0, 64)}'${which} is not found`);
}

function notReady(name: string, version: string | number, slot: Slot): PlatformError {
  const { reason } = stateOf(slot);
  const why = reason === '' ? '' : `: ${reason}`;
  return notTaken(`Request for model '${name}' version ${version} that is not ready${why}`);
}
