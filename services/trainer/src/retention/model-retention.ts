// Which model versions of a project its retention lets go of, and what needs them whatever it says: traffic and the way
// back (routes.v1), holds (progress.v1), trainings that are open, the newest blessed one. Filled from the topics.

import type { HoldProgress, ModelVersion } from '@millrace/contracts';
import { type Fate, fatesOf, type RetentionRules } from '@millrace/domain';
import type { Route } from '@millrace/routing';

interface Uses {
  /** By version. */
  route: ReadonlyMap<number, string>;
  readonly holds: Map<string, HoldProgress>;
}

export class ModelUses {
  private readonly projects = new Map<string, Uses>();

  /** null = there is none any more. */
  route(project: string, route: Route | null): void {
    const uses = new Map<number, string>();
    if (route !== null) {
      for (const version of route.loadedVersions) uses.set(version, 'loaded by serving');
      if (route.rollout.version > 0) uses.set(route.rollout.version, 'of the last rollout');
      uses.set(route.previousVersion, 'where a rollback goes');
      for (const { version } of route.targets) uses.set(version, 'in service');
      for (const version of route.shadows) uses.set(version, 'in service');
    }
    this.of(project).route = uses;
  }

  /** Also one that was taken off. */
  hold(hold: HoldProgress): void {
    this.of(hold.project).holds.set(hold.id, hold);
  }

  /** Of a hold that names it, or everything, or of traffic; null = nothing. */
  whyOf(project: string, version: number): string | null {
    const { route, holds } = this.of(project);
    for (const { id, dataset, model, reason, removedAtMs } of holds.values())
      if (removedAtMs === 0 && dataset === '' && (model === 0 || model === version)) return `hold ${id}: ${reason}`;
    return route.get(version) ?? null;
  }

  private of(project: string): Uses {
    let uses = this.projects.get(project);
    if (uses === undefined) {
      uses = { route: new Map(), holds: new Map() };
      this.projects.set(project, uses);
    }
    return uses;
  }
}

/** `openTraining`: the id of one that may compare with any of them, or begin with it. @param models oldest first */
export function modelFates(
  models: readonly ModelVersion[],
  rules: RetentionRules | undefined,
  uses: ModelUses,
  openTraining: string | null,
  nowMs: number,
): Fate<ModelVersion>[] {
  const blessed = models.findLast((model) => model.blessed);
  const newest = new Set(models.slice(models.length - Math.min(models.length, rules?.keep ?? 0)));
  return fatesOf(models, rules, {
    neededBy: (model) => {
      const why = uses.whyOf(model.project, model.version);
      if (why !== null) return why;
      if (model === blessed) return 'the newest blessed one';
      return openTraining === null ? null : `training ${openTraining}, which is open`;
    },
    isInPlace: (model) => newest.has(model),
    ageMs: ({ createdAtMs }) => nowMs - createdAtMs,
  });
}
