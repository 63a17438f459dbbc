// What became of the requests, in all and by project and version, for GET /v1/stats.

import { isFailure, statusName } from '@millrace/routing';
import type { Relay } from '../relay/relay.js';
import type { LatencySummary, Outcomes, Series } from './outcomes.js';

export interface SeriesStats {
  requests: number;
  failures: number;
  byStatus: Record<string, number>;
  latency: { sinceStart: LatencySummary; lastMinute: LatencySummary };
}

interface RelayStats {
  up: boolean;
  /** Those that a stream leads to. */
  servings: string[];
  /** Those among them that get nothing for a while. */
  ejected: string[];
  inFlight: number;
  retried: number;
  retriesRefused: number;
  shed: number;
  shedByLag: number;
  brokenStreams: number;
  corruptMessages: number;
}

type VersionStats = SeriesStats & { project: string; version: number };

export interface RouterStats extends SeriesStats {
  versions: VersionStats[];
  relay: RelayStats;
}

function statsOf(outcomes: Outcomes, all: readonly Series[]): SeriesStats {
  const byStatus: Record<string, number> = {};
  let requests = 0;
  let failures = 0;
  for (const series of all) {
    series.byStatus.forEach((count, status) => {
      if (count === 0) return;
      requests += count;
      if (isFailure(status)) failures += count;
      byStatus[statusName(status)] = (byStatus[statusName(status)] ?? 0) + count;
    });
  }
  const latency = { sinceStart: outcomes.summary(all, 'start'), lastMinute: outcomes.summary(all, 'minute') };
  return { requests, failures, byStatus, latency };
}

function seriesOf(outcomes: Outcomes, project: string | undefined): Series[] {
  return outcomes.all().filter((series) => project === undefined || series.project === project);
}

export function versionStats(outcomes: Outcomes, project?: string): VersionStats[] {
  return seriesOf(outcomes, project).map((series) => ({
    project: series.project,
    version: series.version,
    ...statsOf(outcomes, [series]),
  }));
}

export function routerStats(outcomes: Outcomes, relay: Relay, project?: string): RouterStats {
  const all = seriesOf(outcomes, project);
  return {
    ...statsOf(outcomes, all),
    versions: versionStats(outcomes, project),
    relay: {
      up: relay.up,
      servings: relay.targetsUp(),
      ejected: relay.ejected(),
      inFlight: relay.inFlight,
      ...relay.counters,
    },
  };
}
