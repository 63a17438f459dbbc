// What the monitor knows from the compacted topics: projects, model versions with their references, routes. Filled by
// edges, read by the engine. What is older than its project belongs to a deleted one of the same name and is not there.
// Bounded by REFERENCES_MAX prepared references a project; the oldest versions go first.

import type { ModelVersion, ReferenceProfile } from '@millrace/contracts';
import type { Evaluation } from '@millrace/evaluation';
import type { WatchedInput } from '@millrace/features';
import { labelRuleText, type Project, sameLabelRule } from '@millrace/project';
import type { Route } from '@millrace/routing';
import { prepareReference, type VersionReference } from '../windows/profile.js';
import type { ModelMetadata } from '../windows/sources.js';

/** A reference weighs about 100 KB prepared. */
const REFERENCES_MAX = 32;

/** What a package holds that the monitor needs. */
export interface PackagedReference {
  /** undefined: the package has none, and its version's first rows become it. */
  profile: ReferenceProfile | undefined;
  /** The model's inputs, in the order in which predictions carry the features. */
  inputs: readonly WatchedInput[];
}

export class MetadataCache implements ModelMetadata {
  private readonly projects = new Map<string, { project: Project; createdAtMs: number }>();
  private readonly models = new Map<string, Map<number, ModelVersion>>();
  private readonly references = new Map<string, Map<number, VersionReference>>();
  private readonly withoutReference = new Map<string, Map<number, readonly WatchedInput[]>>();
  private readonly routes = new Map<string, Route>();

  setProject(project: Project, createdAtMs = 0): void {
    this.projects.set(project.name, { project, createdAtMs });
  }

  /** Its models stay in their topic, and their numbers are not given again. */
  removeProject(name: string): void {
    this.projects.delete(name);
    this.references.delete(name);
  }

  setModel(model: ModelVersion): void {
    inner(this.models, model.project).set(model.version, model);
  }

  setRoute(route: Route): void {
    this.routes.set(route.project, route);
  }

  removeRoute(project: string): void {
    this.routes.delete(project);
  }

  setReference(project: string, version: number, { profile, inputs }: PackagedReference): void {
    if (profile === undefined) {
      keep(inner(this.withoutReference, project), version, inputs);
      return;
    }
    const names = inputs.map(({ name }) => name);
    keep(inner(this.references, project), version, prepareReference(version, profile, names));
  }

  project(name: string): Project | undefined {
    return this.projects.get(name)?.project;
  }

  createdAtMs(name: string): number | undefined {
    return this.projects.get(name)?.createdAtMs;
  }

  projectNames(): string[] {
    return [...this.projects.keys()].sort();
  }

  model(project: string, version: number): ModelVersion | undefined {
    return this.models.get(project)?.get(version);
  }

  /** Ascending by version. */
  modelsOf(project: string): ModelVersion[] {
    const createdAtMs = this.createdAtMs(project) ?? 0;
    return [...(this.models.get(project)?.values() ?? [])]
      .filter((model) => model.createdAtMs >= createdAtMs)
      .sort((a, b) => a.version - b.version);
  }

  route(project: string): Route | undefined {
    const route = this.routes.get(project);
    return route !== undefined && route.changedAtMs < (this.createdAtMs(project) ?? 0) ? undefined : route;
  }

  /** Its package was read: the reference is known, or that there is none. */
  isPackageKnown(project: string, version: number): boolean {
    return this.references.get(project)?.has(version) || this.withoutReference.get(project)?.has(version) || false;
  }

  inputsWithoutReference(project: string, version: number): readonly WatchedInput[] | undefined {
    return this.withoutReference.get(project)?.get(version);
  }

  reference(project: string, version: number): VersionReference | undefined {
    return this.references.get(project)?.get(version);
  }

  /** Labels by another rule than it learnt would call its answers wrong: with them it is not compared. */
  evaluation(project: string, version: number): Evaluation | undefined {
    const model = this.model(project, version);
    const rule = labelRuleText(this.project(project)?.data.label);
    return model !== undefined && sameLabelRule(model.labelRule, rule) ? model.evaluation : undefined;
  }
}

function keep<V>(byVersion: Map<number, V>, version: number, value: V): void {
  byVersion.set(version, value);
  if (byVersion.size > REFERENCES_MAX) byVersion.delete(Math.min(...byVersion.keys()));
}

function inner<V>(outer: Map<string, Map<number, V>>, key: string): Map<number, V> {
  let map = outer.get(key);
  if (map === undefined) {
    map = new Map();
    outer.set(key, map);
  }
  return map;
}
