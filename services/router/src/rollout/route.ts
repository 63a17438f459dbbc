// What a project's route is: who gets live traffic, what serving must hold loaded, and how far a rollout is. The same
// shape as millrace.route.v1.Route without wire types.

export type RolloutPhase = 'idle' | 'loading' | 'ready' | 'progressing' | 'promoted' | 'failed';

export type Colour = 'blue' | 'green';

export interface RouteTarget {
  version: number;
  /** Percent of live traffic, 1 to 100. */
  weight: number;
  colour: Colour;
}

export interface Route {
  project: string;
  /** 0 = never changed; grows by one with each change. */
  revision: number;
  /** Empty before the first rollout, else one or two with weights that add up to 100. */
  targets: readonly RouteTarget[];
  loadedVersions: readonly number[];
  /** Where a rollback goes; 0 = nowhere. */
  previousVersion: number;
  rollout: { phase: RolloutPhase; version: number; message: string };
  changedAtMs: number;
  reason: string;
  correlationId: string;
  recentCommandIds: readonly string[];
}

export function emptyRoute(project: string): Route {
  return {
    project,
    revision: 0,
    targets: [],
    loadedVersions: [],
    previousVersion: 0,
    rollout: { phase: 'idle', version: 0, message: '' },
    changedAtMs: 0,
    reason: '',
    correlationId: '',
    recentCommandIds: [],
  };
}

/** The version with the largest share of traffic (the first of equals); 0 = none. */
export function primaryVersion(route: Route): number {
  let best: RouteTarget | undefined;
  for (const target of route.targets) if (best === undefined || target.weight > best.weight) best = target;
  return best?.version ?? 0;
}

/** Versions that serving has loaded and that may get traffic: a version still loading is not among them. */
export function readyVersions(route: Route): number[] {
  if (route.rollout.phase !== 'loading') return [...route.loadedVersions];
  return route.loadedVersions.filter((version) => version !== route.rollout.version);
}
