// What the API answers of the archive: what it holds, and a prediction out of it.

import { PlatformError, timeText } from '@millrace/domain';
import { type Archive, neededFiles } from '../archive/archive.js';
import type { ArchiveHolds } from '../archive/archive-holds.js';
import type { ArchiveSearch, Looked } from '../archive/archive-search.js';
import type { UpkeepFiles } from '../archive/archive-upkeep.js';
import type { ProjectMonitor } from '../windows/project-monitor.js';

export interface ArchiveSources {
  search: Pick<ArchiveSearch, 'find'>;
  files: Pick<UpkeepFiles, 'list' | 'cut'>;
  archive: Pick<Archive, 'failure'>;
  holds: Pick<ArchiveHolds, 'reasonOf'>;
  /** undefined: there is no such project. */
  monitor(project: string): ProjectMonitor | undefined;
}

/** @throws PlatformError 'not_found'. */
function monitorOf(sources: ArchiveSources, project: string): ProjectMonitor {
  const monitor = sources.monitor(project);
  if (monitor === undefined) throw new PlatformError('not_found', `no project '${project.slice(0, 63)}'`);
  return monitor;
}

/** Of all processes, by what lies in the store. */
export async function archiveView(sources: ArchiveSources, project: string) {
  const { files, archive } = sources;
  const monitor = monitorOf(sources, project);
  const of = { project: monitor.name, createdAtMs: monitor.createdAtMs };
  const kept = neededFiles(await files.list(of));
  const sum = (count: (file: (typeof kept)[number]) => number) => kept.reduce((total, file) => total + count(file), 0);
  const rows = (kind: 'predictions' | 'labels') => sum((file) => (file.kind === kind ? file.rows : 0));
  return {
    project: monitor.name,
    files: kept.length,
    bytes: sum(({ bytes }) => bytes),
    predictions: rows('predictions'),
    labels: rows('labels'),
    fromMs: kept.length === 0 ? null : Math.min(...kept.map(({ writtenFromMs }) => writtenFromMs)),
    toMs: kept.length === 0 ? null : Math.max(...kept.map(({ writtenToMs }) => writtenToMs)),
    ...monitor.archiveSpec,
    cut: (await files.cut(of)) ?? null,
    hold: sources.holds.reasonOf(monitor.name),
    failure: archive.failure ?? null,
  };
}

/** @throws PlatformError 'not_found' that says what was looked through. */
export async function predictionView(
  sources: ArchiveSources,
  project: string,
  id: string,
  aroundMs: number | undefined,
) {
  const monitor = monitorOf(sources, project);
  const of = { project: monitor.name, createdAtMs: monitor.createdAtMs };
  const { predictions, labels, looked } = await sources.search.find(of, id, aroundMs);
  if (predictions.length === 0) throw notArchived(monitor, id, looked, aroundMs !== undefined);
  return { project: monitor.name, predictions, labels };
}

function notArchived(monitor: ProjectMonitor, id: string, looked: Looked, isNear: boolean): PlatformError {
  const { files, predictions, fromMs, toMs } = looked;
  const { keepMs } = monitor.archiveSpec;
  const reach =
    fromMs === null || toMs === null
      ? 'the archive holds no prediction of it yet'
      : `the archive holds those written from ${timeText(fromMs)} to ${timeText(toMs)}`;
  const why =
    keepMs === 0
      ? 'monitoring.archive.keep is 0s: nothing is archived'
      : 'one that was just answered is there within a minute';
  const narrowed = isNear ? ' Leave the event time out to look through all of it.' : '';
  return new PlatformError(
    'not_found',
    `no prediction '${id}' of ${monitor.name} among ${predictions} in ${files} files; ${reach}; ${why}.${narrowed}`,
    { facts: { files, predictions, ...(fromMs === null ? {} : { fromMs }), ...(toMs === null ? {} : { toMs }) } },
  );
}
