// What the monitor knows of a version, gathered for the verdict: its rows in the newest closed windows, the newest
// quality, the alarms of its project, what the routers count. Cost: a look at a few windows; for quality, which
// waits for labels, at as many as SCAN_MAX.

import { cohortOfVersion, PlatformError, sameCohort } from '@millrace/domain';
import type { MetadataCache } from '../metadata/metadata-cache.js';
import type { TrafficHistory } from '../software/traffic-history.js';
import type { Engine } from '../windows/engine.js';
import type { WindowRecord } from '../windows/history.js';
import {
  FRESH_WINDOWS,
  type Ground,
  type JudgedRow,
  RECENT_MS,
  type VersionGood,
  versionGood,
} from './version-good.js';

/** Closed windows that are looked through for judged quality: 40 days of hours. */
const SCAN_MAX = 1_000;

export interface GoodSources {
  engine: Pick<Engine, 'monitor' | 'windowsBefore'>;
  metadata: Pick<MetadataCache, 'project' | 'model' | 'createdAtMs' | 'route'>;
  traffic: Pick<TrafficHistory, 'between'>;
}

/** @throws PlatformError 'not_found': no such project, or none of its versions is called so. */
export function goodOf(
  { engine, metadata, traffic }: GoodSources,
  { project, version, nowMs, required = [] }: { project: string; version: number; nowMs: number; required?: Ground[] },
): VersionGood {
  const monitor = engine.monitor(project, nowMs);
  const monitoring = metadata.project(project)?.monitoring;
  if (monitor === undefined || monitoring === undefined)
    throw new PlatformError('not_found', `no project '${project.slice(0, 63)}'`);
  const windows: (JudgedRow | null)[] = [];
  let quality: JudgedRow | undefined;
  let scanned = 0;
  let qualityJudged = 0;
  for (const window of engine.windowsBefore(project)) {
    scanned += 1;
    const row = rowOf(window, version);
    if (windows.length < FRESH_WINDOWS) windows.push(row ?? null);
    if (window.revision > 0) {
      qualityJudged += 1;
      quality = row;
    }
    const enough = windows.length === FRESH_WINDOWS && (quality !== undefined || qualityJudged === FRESH_WINDOWS);
    if (enough || scanned === SCAN_MAX) break;
  }
  const announced = metadata.model(project, version);
  const isOfThis = announced !== undefined && announced.createdAtMs >= (metadata.createdAtMs(project) ?? 0);
  // A version that answers has rows, also where nobody has announced it.
  if (!isOfThis && windows.every((row) => row === null))
    throw new PlatformError('not_found', `${project} has no version ${version}`);
  return versionGood({
    ...{ version, nowMs, monitoring, windows, quality, required },
    episodes: monitor.alarms.list(),
    recent: traffic.between(project, version, nowMs - RECENT_MS, nowMs),
  });
}

function rowOf({ startMs, endMs, revision, metrics }: WindowRecord, version: number): JudgedRow | undefined {
  const row = metrics.find(({ cohort }) => sameCohort(cohort, cohortOfVersion(version)));
  return row && { ...row, startMs, endMs, revision };
}
