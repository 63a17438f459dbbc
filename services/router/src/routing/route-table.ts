// The routes in force on this replica, by project. A lookup is one map access; a project's route is replaced in one
// assignment, so that a request sees the old route or the new one, never a mix.

import { PROJECTS_MAX } from '@millrace/domain';
import {
  armName,
  type Choice,
  type Drawn,
  drawnBy,
  emptyRoute,
  type Headers,
  type MatchRule,
  type NotLoaded,
  type Route,
  RouteChoices,
  runningExperiment,
} from '@millrace/routing';
import type { RoutedCall } from '../calls/infer-call.js';

export type NoChoice = { kind: 'unknown_project' } | NotLoaded;

const UNKNOWN: NoChoice = { kind: 'unknown_project' };
const NO_RULES: readonly MatchRule[] = [];

export class RouteTable {
  private readonly entries = new Map<string, RouteChoices>();
  private readonly stickiness = new Map<string, boolean>();
  private readonly rules = new Map<string, readonly MatchRule[]>();
  /** Revisions of routes of a later release that cannot be read here; what was known before is served by. */
  private readonly unreadable = new Map<string, number>();

  /** `fellThrough`: a rule of the project fits a request, and its version is not loaded. */
  constructor(private readonly fellThrough: (project: string) => void = () => undefined) {}

  /** Puts a route in force; an older revision than the one in force is ignored. Returns whether it is now in force. */
  apply(route: Route): boolean {
    const current = this.entries.get(route.project);
    if (current === undefined && this.entries.size >= PROJECTS_MAX) return false;
    if (current !== undefined && route.revision < current.route.revision) return false;
    this.putInForce(route);
    if (route.revision >= (this.unreadable.get(route.project) ?? 0)) this.unreadable.delete(route.project);
    return true;
  }

  remove(project: string): void {
    this.entries.delete(project);
    this.unreadable.delete(project);
  }

  /** A router of a later release has written the project's route, and it cannot be read here. */
  cannotRead(project: string, revision: number): void {
    const known = this.get(project)?.revision ?? 0;
    if (revision > known && this.unreadable.size < PROJECTS_MAX) this.unreadable.set(project, revision);
  }

  /** Nothing may be decided on the route that is known of it: a later one is there, by a later release. */
  isOutdated(project: string): boolean {
    return this.unreadable.has(project);
  }

  /** Of the route that is in force and cannot be read here; undefined: the one that is known is in force. */
  unreadRevision(project: string): number | undefined {
    return this.unreadable.get(project);
  }

  /** Whether an entity of the project stays with one version; until it is known, it does. */
  setSticky(project: string, sticky: boolean): void {
    if (this.stickiness.size >= PROJECTS_MAX && !this.stickiness.has(project)) return;
    this.stickiness.set(project, sticky);
    const entry = this.entries.get(project);
    if (entry) this.putInForce(entry.route);
  }

  /** What the file of a deleted project said. */
  forgetFile(project: string): void {
    this.stickiness.delete(project);
    this.rules.delete(project);
  }

  isSticky(project: string): boolean {
    return this.stickiness.get(project) ?? true;
  }

  /** Rules about headers, in the order of the project file. */
  setMatches(project: string, rules: readonly MatchRule[] = NO_RULES): void {
    if (rules.length === 0) this.rules.delete(project);
    else if (this.rules.size < PROJECTS_MAX || this.rules.has(project)) this.rules.set(project, rules);
    const entry = this.entries.get(project);
    if (entry) this.putInForce(entry.route);
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

  /** The version for one request: see RouteChoices. */
  choose(project: string, entity: string, requestId: string, pinned: number, headers?: Headers): Choice | NoChoice {
    return this.entries.get(project)?.choose(entity, requestId, pinned, headers) ?? UNKNOWN;
  }

  /** Which arm of the project's running experiment a request was drawn for; undefined: it takes part in none. */
  drawn(project: string, entity: string, requestId: string): Drawn | undefined {
    return this.entries.get(project)?.drawn(entity, requestId);
  }

  /** What a version is drawn by; an experiment keeps entities with their arm whatever the project says. */
  drawnBy(project: string, entity: string, requestId: string): string {
    const isKept = this.isSticky(project) || runningExperiment(this.routeOrEmpty(project)) !== undefined;
    return drawnBy(isKept, entity, requestId);
  }

  /** Of a request that the route gave this version: why. undefined: it is no target any more. */
  routed(project: string, version: number, entity: string, requestId: string): RoutedCall | undefined {
    const { revision = 0, targets = [] } = this.get(project) ?? {};
    const drawn = this.drawn(project, entity, requestId);
    if (drawn?.version === version) {
      const { experiment } = drawn;
      const variant = armName(experiment, version);
      const key = entity === '' ? requestId : entity;
      return { project, revision, version, variant, experiment: experiment.name, reason: 'split', key };
    }
    const target = targets.find((one) => one.version === version);
    if (target === undefined) return undefined;
    const key = this.drawnBy(project, entity, requestId);
    const reason = targets.length === 1 ? 'static' : 'split';
    return { project, revision, version, variant: target.name, experiment: '', reason, key };
  }

  private putInForce(route: Route): void {
    const { project } = route;
    const rules = this.rules.get(project);
    const fellThrough = () => this.fellThrough(project);
    this.entries.set(project, new RouteChoices(route, this.isSticky(project), rules, fellThrough));
  }
}
