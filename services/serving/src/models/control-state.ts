// What the topics projects.v1 and routes.v1 say, and how it reaches the model set. While the topics are read from their
// beginning nothing is applied, because old routes on the way would load and unload versions that nobody wants; then
// the last word counts. A snapshot of the last known state stands in until then, so that a restart while the broker is
// down still serves; the topics' word replaces it whole.

import type { Project } from '@millrace/project';
import type { Route } from '@millrace/routing';
import type { ModelSet } from './model-set.js';

export interface ProjectDocument {
  name: string;
  /** Canonical JSON of the project file. */
  document: string;
}

/** What a restart starts from. */
export interface ControlSnapshot {
  format: 2;
  projects: ProjectDocument[];
  routes: Route[];
}

export interface ControlStatePorts {
  models: Pick<ModelSet, 'applyProject' | 'applyRoute' | 'removeRoute'>;
  /** Throws where the document is no project. */
  parse(document: string): Project;
  /** After each change that came from the topics. */
  changed(snapshot: ControlSnapshot): void;
  skipped(what: string, error: unknown): void;
}

export class ControlState {
  private readonly projects = new Map<string, ProjectDocument>();
  private readonly routes = new Map<string, Route>();
  private snapshotRoutes: readonly Route[] = [];
  private live = false;

  constructor(private readonly ports: ControlStatePorts) {}

  /** Applies the last known state; only before the topics have spoken. */
  restore(snapshot: ControlSnapshot): void {
    if (this.live) return;
    this.snapshotRoutes = snapshot.routes;
    for (const project of snapshot.projects) this.applyProject(project);
    for (const route of snapshot.routes) this.ports.models.applyRoute(route);
  }

  projectEntry(name: string, entry: ProjectDocument | null): void {
    if (entry === null) this.projects.delete(name);
    else this.projects.set(name, { name: entry.name, document: entry.document });
    if (!this.live) return;
    if (entry !== null) this.applyProject(entry);
    this.ports.changed(this.snapshot());
  }

  routeEntry(name: string, route: Route | null): void {
    if (route === null) this.routes.delete(name);
    else this.routes.set(name, route);
    if (!this.live) return;
    if (route === null) this.ports.models.removeRoute(name);
    else this.ports.models.applyRoute(route);
    this.ports.changed(this.snapshot());
  }

  /** The topics have been read to their end: what they say holds from now on. */
  caughtUp(): void {
    if (this.live) return;
    this.live = true;
    for (const project of this.projects.values()) this.applyProject(project);
    for (const { project, revision } of this.snapshotRoutes) {
      // Gone, or begun anew (another broker): the snapshot's newer revision must not stand in the way.
      const route = this.routes.get(project);
      if (!route || route.revision < revision) this.ports.models.removeRoute(project);
    }
    for (const route of this.routes.values()) this.ports.models.applyRoute(route);
    this.ports.changed(this.snapshot());
  }

  private applyProject({ name, document }: ProjectDocument): void {
    try {
      this.ports.models.applyProject(this.ports.parse(document));
    } catch (error) {
      this.ports.skipped(`project ${name}`, error);
    }
  }

  private snapshot(): ControlSnapshot {
    return { format: 2, projects: [...this.projects.values()], routes: [...this.routes.values()] };
  }
}

/** Throws where the text is no snapshot of this format. */
export function checkSnapshot(value: unknown): ControlSnapshot {
  const snapshot = value as ControlSnapshot;
  if (snapshot?.format !== 2 || !Array.isArray(snapshot.projects) || !Array.isArray(snapshot.routes)) {
    throw new Error('unknown format');
  }
  return snapshot;
}
