// Every project in a line: what it has, what serves, what rings. Each part comes from the service that owns it; a
// service that does not answer leaves its part unknown, so that the others are still told.

import { newestVersions } from '@millrace/domain';
import { primaryVersion, type RouteTarget } from '@millrace/routing';
import { type Collecting, collectingOf, collectingText } from './own-reference.js';

/** undefined = the service that knows it does not answer. */
export interface ProjectOverview {
  name: string;
  revision: number;
  /** Rows in its dataset versions. */
  rows: number | undefined;
  datasetVersions: number | undefined;
  modelVersions: number | undefined;
  /** 0 = none. */
  liveVersion: number | undefined;
  activeAlarms: number | undefined;
  phase: string | undefined;
  /** Versions whose first rows are to become their reference. */
  collecting: readonly Collecting[] | undefined;
}

/** What the overview asks for; each may reject. */
export interface OverviewSources {
  projects(): Promise<readonly { name: string; revision: number }[]>;
  datasets(project: string): Promise<readonly (Parameters<typeof newestVersions>[0][number] & { rows: number })[]>;
  models(project: string): Promise<readonly unknown[]>;
  routeOrNone(project: string): Promise<{ targets: readonly RouteTarget[] } | undefined>;
  alarms(project: string): Promise<readonly unknown[]>;
  watchedModels(project: string): Promise<Parameters<typeof collectingOf>[0]>;
  loop(project: string): Promise<{ phase: string }>;
}

/** Rejects only where the projects themselves are not to be had. */
export async function projectOverviews(sources: OverviewSources): Promise<ProjectOverview[]> {
  const projects = await sources.projects();
  return Promise.all(projects.map((project) => overviewOf(project, sources)));
}

async function overviewOf(
  { name, revision }: { name: string; revision: number },
  sources: OverviewSources,
): Promise<ProjectOverview> {
  const [datasets, models, route, alarms, watched, loop] = await Promise.all([
    known(sources.datasets(name)),
    known(sources.models(name)),
    known(sources.routeOrNone(name).then((found) => ({ targets: found?.targets ?? [] }))),
    known(sources.alarms(name)),
    known(sources.watchedModels(name)),
    known(sources.loop(name)),
  ]);
  return {
    name,
    revision,
    rows: datasets && newestVersions(datasets).reduce((sum, { rows }) => sum + rows, 0),
    datasetVersions: datasets?.length,
    modelVersions: models?.length,
    liveVersion: route && primaryVersion(route.targets),
    activeAlarms: alarms?.length,
    phase: loop?.phase,
    collecting: watched && collectingOf(watched),
  };
}

const known = <T>(asked: Promise<T>): Promise<T | undefined> => asked.catch(() => undefined);

export const OVERVIEW_HEAD = ['project', 'revision', 'rows', 'datasets', 'versions', 'live', 'alarms', 'loop'];

export function overviewRow(one: ProjectOverview): (string | number)[] {
  const live = one.liveVersion === 0 ? 'none' : (one.liveVersion ?? '?');
  const counts = [one.rows, one.datasetVersions, one.modelVersions].map((count) => count ?? '?');
  return [one.name, one.revision, ...counts, live, one.activeAlarms ?? '?', one.phase ?? '?'];
}

/** What the table has no room for, a line each. */
export function overviewNotes({ name, collecting = [] }: ProjectOverview): string[] {
  return collecting.map((one) => `${name} ${collectingText(one)}`);
}
