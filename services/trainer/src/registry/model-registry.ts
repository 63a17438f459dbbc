// What the trainer knows of projects, dataset versions, model versions and routes: a projection of the compacted
// topics, rebuilt at each start. Bounded by the topics' own number of keys, per project by the maxima below (oldest go
// first). What is older than its project belongs to a deleted one of the same name: it is not there, but its version
// numbers are not given again, for the packages still lie there.

import type { DatasetVersion, ModelVersion } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { Project } from '@millrace/project';

/** Dataset versions remembered a project; a year of daily ones several times over. */
const DATASETS_MAX = 10_000;
const MODELS_MAX = 10_000;
/** Numbers of model versions that are gone; the packages of more stay. */
const GONE_MAX = 10_000;

interface Entry {
  project: Project | null;
  createdAtMs: number;
  revision: number;
  datasets: Map<string, DatasetVersion>;
  models: Map<number, ModelVersion>;
  gone: Set<number>;
  liveVersion: number;
}

const NOTHING: Pick<Entry, 'models' | 'createdAtMs'> = { models: new Map(), createdAtMs: 0 };

export class ModelRegistry {
  private readonly entries = new Map<string, Entry>();

  setProject(name: string, project: Project | null, createdAtMs = 0, revision = 0): void {
    Object.assign(this.entry(name), { project, createdAtMs, revision });
  }

  /** 0 where there is no such project. */
  projectRevision(project: string): number {
    return this.entries.get(project)?.revision ?? 0;
  }

  /** undefined where there is no such project. */
  createdAtMs(project: string): number | undefined {
    const entry = this.entries.get(project);
    return entry?.project === null ? undefined : entry?.createdAtMs;
  }

  setDataset(version: DatasetVersion): void {
    const { datasets } = this.entry(version.project);
    datasets.delete(version.id);
    datasets.set(version.id, version);
    const oldest = datasets.keys().next().value;
    if (datasets.size > DATASETS_MAX && oldest !== undefined) datasets.delete(oldest);
  }

  /** Its file is gone: no training can name it any more. */
  removeDataset(project: string, id: string): void {
    this.entries.get(project)?.datasets.delete(id);
  }

  setModel(version: ModelVersion): void {
    const { models, gone } = this.entry(version.project);
    models.set(version.version, version);
    gone.delete(version.version);
    if (models.size > MODELS_MAX) models.delete(Math.min(...models.keys()));
  }

  /** Retention has deleted it, and its package. The newest one stays: numbers are not given again. */
  removeModel(project: string, version: number): void {
    const { models, gone } = this.entry(project);
    models.delete(version);
    gone.add(version);
    if (gone.size > GONE_MAX) gone.delete(Math.min(...gone));
  }

  /** Of which it was told that they are gone: not those that are no longer remembered here. */
  goneVersions(project: string): ReadonlySet<number> {
    return new Set(this.entries.get(project)?.gone);
  }

  /** Of deleted projects of this name, too. */
  allVersions(project: string): ReadonlySet<number> {
    return new Set(this.entries.get(project)?.models.keys());
  }

  /** Those that are there. */
  projectNames(): string[] {
    return [...this.entries].flatMap(([name, { project }]) => (project === null ? [] : [name]));
  }

  project(name: string): Project | undefined {
    return this.entries.get(name)?.project ?? undefined;
  }

  dataset(project: string, id: string): DatasetVersion {
    const entry = this.entries.get(project);
    const found = entry?.datasets.get(id);
    if (entry === undefined || found === undefined || found.closedAtMs < entry.createdAtMs)
      throw new PlatformError('not_found', `project "${project}" has no dataset version ${id}`);
    return found;
  }

  /** Ascending versions. */
  models(project: string): ModelVersion[] {
    const { models, createdAtMs } = this.entries.get(project) ?? NOTHING;
    return [...models.values()]
      .filter((model) => model.createdAtMs >= createdAtMs)
      .sort((a, b) => a.version - b.version);
  }

  model(project: string, version: number): ModelVersion {
    const { models, createdAtMs } = this.entries.get(project) ?? NOTHING;
    const found = models.get(version);
    if (found === undefined || found.createdAtMs < createdAtMs)
      throw new PlatformError('not_found', `project "${project}" has no model version ${version}`);
    return found;
  }

  /** `liveVersion`: the one in service; 0 = none. */
  setRoute(project: string, liveVersion: number): void {
    this.entry(project).liveVersion = liveVersion;
  }

  /** 0 = none that is known here. */
  inService(project: string): number {
    const live = this.entries.get(project)?.liveVersion ?? 0;
    return this.models(project).some(({ version }) => version === live) ? live : 0;
  }

  latestBlessed(project: string): number {
    return this.models(project).reduce((latest, model) => (model.blessed ? model.version : latest), 0);
  }

  nextVersion(project: string): number {
    return Math.max(0, ...(this.entries.get(project)?.models.keys() ?? [])) + 1;
  }

  /** The version that a training became; undefined = none yet. */
  announced(project: string, trainingId: string): ModelVersion | undefined {
    return this.models(project).find((model) => model.trainingId === trainingId);
  }

  private entry(name: string): Entry {
    let entry = this.entries.get(name);
    if (entry === undefined) {
      const none = { datasets: new Map(), models: new Map(), gone: new Set<number>() };
      entry = { project: null, createdAtMs: 0, revision: 0, ...none, liveVersion: 0 };
      this.entries.set(name, entry);
    }
    return entry;
  }
}
