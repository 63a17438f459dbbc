// What the trainer knows of projects, dataset versions, model versions and routes: a projection of the compacted
// topics, rebuilt at each start. Bounded by the topics' own number of keys, per project by the maxima below (oldest go
// first).

import type { DatasetVersion, ModelVersion } from '@millrace/contracts';
import { PlatformError } from '@millrace/domain';
import type { Project } from '@millrace/project';

/** Dataset versions remembered a project; a year of daily ones several times over. */
const DATASETS_MAX = 10_000;
const MODELS_MAX = 10_000;

interface Entry {
  project: Project | null;
  datasets: Map<string, DatasetVersion>;
  models: Map<number, ModelVersion>;
}

export class ModelRegistry {
  private readonly entries = new Map<string, Entry>();

  setProject(name: string, project: Project | null): void {
    this.entry(name).project = project;
  }

  setDataset(version: DatasetVersion): void {
    const { datasets } = this.entry(version.project);
    datasets.delete(version.id);
    datasets.set(version.id, version);
    const oldest = datasets.keys().next().value;
    if (datasets.size > DATASETS_MAX && oldest !== undefined) datasets.delete(oldest);
  }

  setModel(version: ModelVersion): void {
    const { models } = this.entry(version.project);
    models.set(version.version, version);
    if (models.size > MODELS_MAX) models.delete(Math.min(...models.keys()));
  }

  project(name: string): Project | undefined {
    return this.entries.get(name)?.project ?? undefined;
  }

  dataset(project: string, id: string): DatasetVersion {
    const found = this.entries.get(project)?.datasets.get(id);
    if (found === undefined) throw new PlatformError('not_found', `project "${project}" has no dataset version ${id}`);
    return found;
  }

  /** Ascending versions. */
  models(project: string): ModelVersion[] {
    return [...(this.entries.get(project)?.models.values() ?? [])].sort((a, b) => a.version - b.version);
  }

  model(project: string, version: number): ModelVersion {
    const found = this.entries.get(project)?.models.get(version);
    if (found === undefined)
      throw new PlatformError('not_found', `project "${project}" has no model version ${version}`);
    return found;
  }

  latestBlessed(project: string): number {
    return this.models(project).reduce((latest, model) => (model.blessed ? model.version : latest), 0);
  }

  nextVersion(project: string): number {
    return this.models(project).reduce((latest, { version }) => Math.max(latest, version), 0) + 1;
  }

  announced(project: string, trainingId: string): boolean {
    return this.models(project).some((model) => model.trainingId === trainingId);
  }

  private entry(name: string): Entry {
    let entry = this.entries.get(name);
    if (entry === undefined) {
      entry = { project: null, datasets: new Map(), models: new Map() };
      this.entries.set(name, entry);
    }
    return entry;
  }
}
