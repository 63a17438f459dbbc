// The routes in force on this replica, compiled for the request path: project → split. A lookup is one map access; the
// whole table is replaced per project in one assignment, so that a request sees the old route or the new one, never a mix.

import { emptyRoute, type Route } from '../rollout/route.js';
import { bucketOf, makeSplit, projectSalt, type Split, versionOf } from './split.js';

/** Projects one platform routes; more are refused when applied, and counted. */
export const PROJECTS_MAX = 1_024;

interface Entry {
  route: Route;
  split: Split;
  salt: number;
  /** Sole target, so that the common case hashes nothing; 0 = look at the split. */
  sole: number;
  sticky: boolean;
}

export type NoChoice = { kind: 'unknown_project' } | { kind: 'not_loaded' };

const UNKNOWN: NoChoice = { kind: 'unknown_project' };
const NOT_LOADED: NoChoice = { kind: 'not_loaded' };

export class RouteTable {
  private readonly entries = new Map<string, Entry>();
  private readonly stickiness = new Map<string, boolean>();

  /** Puts a route in force; an older revision than the one in force is ignored. Returns whether it is now in force. */
  apply(route: Route): boolean {
    const current = this.entries.get(route.project);
    if (current === undefined && this.entries.size >= PROJECTS_MAX) return false;
    if (current !== undefined && route.revision < current.route.revision) return false;
    this.entries.set(route.project, this.compile(route));
    return true;
  }

  remove(project: string): void {
    this.entries.delete(project);
  }

  setSticky(project: string, sticky: boolean): void {
    if (this.stickiness.size >= PROJECTS_MAX && !this.stickiness.has(project)) return;
    this.stickiness.set(project, sticky);
    const entry = this.entries.get(project);
    if (entry) entry.sticky = sticky;
  }

  get(project: string): Route | undefined {
    return this.entries.get(project)?.route;
  }

  routeOrEmpty(project: string): Route {
    return this.get(project) ?? emptyRoute(project);
  }

  all(): Route[] {
    return [...this.entries.values()].map((entry) => entry.route);
  }

  /**
   * The version for one request. `pinned` is the version the client asked for by itself (0 = none): it gets it as long as
   * serving holds it. The key is the entity where the project is sticky, else the request id.
   */
  choose(project: string, entity: string, requestId: string, pinned: number): number | NoChoice {
    const entry = this.entries.get(project);
    if (entry === undefined) return UNKNOWN;
    if (pinned !== 0) return entry.route.loadedVersions.includes(pinned) ? pinned : NOT_LOADED;
    if (entry.sole !== 0) return entry.sole;
    const key = entry.sticky && entity !== '' ? entity : requestId;
    const version = versionOf(entry.split, bucketOf(key, entry.salt));
    return version === 0 ? NOT_LOADED : version;
  }

  private compile(route: Route): Entry {
    return {
      route,
      split: makeSplit(route.targets),
      salt: projectSalt(route.project),
      sole: route.targets.length === 1 ? (route.targets[0]?.version ?? 0) : 0,
      sticky: this.stickiness.get(route.project) ?? true,
    };
  }
}
