// Every project in a line: what it has, what serves, what rings. Each part comes from the service that owns it; a
// service that does not answer leaves its part unknown, so that the others are still told.

import { newestVersions, timeText } from '@millrace/domain';
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
  archive: ArchiveNow | undefined;
  /** Of labels that met no prediction; empty = nothing to say. */
  labelsSay: string | undefined;
}

/** Of predictions and labels; times are milliseconds since the epoch. */
export interface ArchiveNow {
  predictions: number;
  fromMs: number | null;
  bytesMax: number;
  cut: { throughMs: number; predictions: number } | null;
  failure: string | null;
}

/** What the overview asks for; each may reject. */
export interface OverviewSources {
  projects(): Promise<readonly { name: string; revision: number }[]>;
  datasets(project: string): Promise<readonly (Parameters<typeof newestVersions>[0][number] & { rows: number })[]>;
  models(project: string): Promise<readonly unknown[]>;
  routeOrNone(project: string): Promise<{ targets: readonly RouteTarget[] } | undefined>;
  /** That ring; `idle`: of a version that gets no traffic any more. */
  alarms(project: string): Promise<readonly { idle: boolean }[]>;
  watchedModels(project: string): Promise<Parameters<typeof collectingOf>[0]>;
  loop(project: string): Promise<{ phase: string }>;
  archive(project: string): Promise<ArchiveNow>;
  live(project: string): Promise<{ labelsSay: string }>;
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
  const [datasets, models, route, alarms, watched, loop, archive, live] = await Promise.all([
    known(sources.datasets(name)),
    known(sources.models(name)),
    known(sources.routeOrNone(name).then((found) => ({ targets: found?.targets ?? [] }))),
    known(sources.alarms(name)),
    known(sources.watchedModels(name)),
    known(sources.loop(name)),
    known(sources.archive(name)),
    known(sources.live(name)),
  ]);
  return {
    name,
    revision,
    rows: datasets && newestVersions(datasets).reduce((sum, { rows }) => sum + rows, 0),
    datasetVersions: datasets?.length,
    modelVersions: models?.length,
    liveVersion: route && primaryVersion(route.targets),
    activeAlarms: alarms?.filter(({ idle }) => !idle).length,
    phase: loop?.phase,
    collecting: watched && collectingOf(watched),
    archive,
    labelsSay: live?.labelsSay,
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
export function overviewNotes({ name, collecting = [], archive, labelsSay = '' }: ProjectOverview): string[] {
  return [
    ...collecting.map((one) => `${name} ${collectingText(one)}`),
    ...(labelsSay === '' ? [] : [`${name}: ${labelsSay}`]),
    ...(archive === undefined ? [] : archiveNotes(archive)).map((note) => `${name}: ${note}`),
  ];
}

/** Where the archive is not what it was declared to be. */
function archiveNotes({ cut, failure, bytesMax }: ArchiveNow): string[] {
  return [
    ...(failure === null
      ? []
      : [`predictions cannot be archived: ${failure}; they wait in Kafka, and nothing is judged meanwhile`]),
    ...(cut === null
      ? []
      : [
          `the archive has nothing from before ${timeText(cut.throughMs)}: it takes ${(bytesMax / 1e9).toFixed(1)} GB at most, ` +
            `and ${cut.predictions} predictions went before their time; raise monitoring.archive.sizeMax`,
        ]),
  ];
}
