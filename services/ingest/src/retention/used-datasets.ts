// What needs dataset versions beside the rules: models in service and blessed ones by their lineage, trainings that are
// open, holds. Filled from models.v1, routes.v1 and trainer.v1; holds come with progress.v1.
//
// The trainer tells that a model version is gone before it looks for the last time whether something needs it, and
// announces it again then. So what was told to be gone needs its data for `BACK_MS`; and where a route or a hold names
// a version of which nothing is known, it may need any of them.

import type { HoldProgress, ModelVersion } from '@millrace/contracts';
import type { Clock } from '@millrace/domain';

interface Model {
  readonly blessed: boolean;
  readonly datasetVersions: readonly string[];
  /** Processing time when it was told to be gone; null = it is there. */
  readonly goneAtMs: number | null;
}

/** Far longer than a trainer needs between its two looks, or another one to take over what it has left. */
const BACK_MS = 3_600_000;
/** Of no model version: no rollback, no traffic. */
const NONE = 0;

interface Users {
  readonly models: Map<number, Model>;
  /** Those that have not ended. Which data each reads, the trainer alone knows. */
  readonly trainings: Set<string>;
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
  constructor(
    private readonly holds: (project: string) => readonly HoldProgress[],
    private readonly clock: Pick<Clock, 'nowMs'>,
  ) {}

  model({ project, version, blessed, datasetVersions }: ModelVersion): void {
    this.of(project).models.set(version, { blessed, datasetVersions, goneAtMs: null });
  }

  removeModel(project: string, version: number): void {
    const { models } = this.of(project);
    const model = models.get(version);
    if (model !== undefined) models.set(version, { ...model, goneAtMs: this.clock.nowMs() });
  }

  served(project: string, versions: readonly number[]): void {
    this.of(project).served = new Set(versions);
  }

  training(project: string, trainingId: string, isOpen: boolean): void {
    const { trainings } = this.of(project);
    if (isOpen) trainings.add(trainingId);
    else trainings.delete(trainingId);
  }

  /** What a model version was trained on; null where none of this number is known. */
  trainedOn(project: string, version: number): readonly string[] | null {
    const model = this.projects.get(project)?.models.get(version);
    return model === undefined || model.goneAtMs !== null ? null : model.datasetVersions;
  }

  neededOf(project: string): NeededDatasets {
    const byId = new Map<string, string>();
    const { models, trainings, served } = this.of(project);
    const need = (ids: readonly string[], why: string): void => {
      for (const id of ids) byId.set(id, why);
    };
    let all: string | null = null;
    const needModel = (version: number, why: string): void => {
      const model = models.get(version);
      if (model !== undefined) need(model.datasetVersions, why);
      else if (version !== NONE) all = `${why}; what model version ${version} was trained on is not known`;
    };
    const nowMs = this.clock.nowMs();
    // The strongest reason is told: it is the last.
    for (const [version, { blessed, datasetVersions, goneAtMs }] of models) {
      if (goneAtMs === null) {
        if (blessed) need(datasetVersions, `model version ${version}, which is blessed`);
      } else if (nowMs - goneAtMs < BACK_MS) need(datasetVersions, `model version ${version}, which may come back`);
    }
    for (const training of trainings) all = `training ${training}, which is open`;
    for (const version of served) needModel(version, `model version ${version} in service`);
    for (const hold of this.holds(project)) {
      const why = `hold ${hold.id}: ${hold.reason}`;
      if (hold.dataset !== '') need([hold.dataset], why);
      else if (hold.model > 0) needModel(hold.model, why);
      else all = why;
    }
    return { byId, all };
  }

  private of(project: string): Users {
    let users = this.projects.get(project);
    if (users === undefined) {
      users = { models: new Map(), trainings: new Set(), served: new Set() };
      this.projects.set(project, users);
    }
    return users;
  }
}
