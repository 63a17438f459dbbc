// What needs dataset versions beside the rules: models in service and blessed ones by their lineage, trainings that are
// open, holds. Filled from models.v1, routes.v1 and trainings.v1; holds come with progress.v1.

import type { HoldProgress, ModelVersion, TrainingEvent } from '@millrace/contracts';

interface Model {
  readonly blessed: boolean;
  readonly datasetVersions: readonly string[];
}

interface Users {
  readonly models: Map<number, Model>;
  /** Data of the trainings that have not ended. */
  readonly trainings: Map<string, readonly string[]>;
  /** Versions that get traffic, or got it before them, or are loaded. */
  served: ReadonlySet<number>;
}

export interface NeededDatasets {
  readonly byId: ReadonlyMap<string, string>;
  /** Why all of them are; null = not all. */
  readonly all: string | null;
}

export class UsedDatasets {
  private readonly projects = new Map<string, Users>();

  /** `holds`: of the project, in force. */
  constructor(private readonly holds: (project: string) => readonly HoldProgress[]) {}

  model({ project, version, blessed, datasetVersions }: ModelVersion): void {
    this.of(project).models.set(version, { blessed, datasetVersions });
  }

  removeModel(project: string, version: number): void {
    this.projects.get(project)?.models.delete(version);
  }

  served(project: string, versions: readonly number[]): void {
    this.of(project).served = new Set(versions);
  }

  training({ project, trainingId, event }: TrainingEvent): void {
    const { trainings } = this.of(project);
    if (event.kind === 'requested') trainings.set(trainingId, event.datasetVersions);
    else if (event.kind === 'finished' || event.kind === 'failed') trainings.delete(trainingId);
  }

  /** What a model version was trained on; null where none of this number is known. */
  trainedOn(project: string, version: number): readonly string[] | null {
    return this.projects.get(project)?.models.get(version)?.datasetVersions ?? null;
  }

  neededOf(project: string): NeededDatasets {
    const byId = new Map<string, string>();
    const { models, trainings, served } = this.of(project);
    const need = (ids: readonly string[], why: string): void => {
      for (const id of ids) byId.set(id, why);
    };
    // The strongest reason is told: it is the last.
    for (const [version, { blessed, datasetVersions }] of models)
      if (blessed) need(datasetVersions, `model version ${version}, which is blessed`);
    for (const [training, ids] of trainings) need(ids, `training ${training}, which is open`);
    for (const version of served)
      need(models.get(version)?.datasetVersions ?? [], `model version ${version} in service`);
    let all: string | null = null;
    for (const hold of this.holds(project)) {
      const why = `hold ${hold.id}: ${hold.reason}`;
      if (hold.dataset !== '') need([hold.dataset], why);
      else if (hold.model > 0) need(models.get(hold.model)?.datasetVersions ?? [], why);
      else all = why;
    }
    return { byId, all };
  }

  private of(project: string): Users {
    let users = this.projects.get(project);
    if (users === undefined) {
      users = { models: new Map(), trainings: new Map(), served: new Set() };
      this.projects.set(project, users);
    }
    return users;
  }
}
