// Requests and failures at the router over processing time, from cumulative counters that were read now and then. A
// counter that went down means a restarted router: its new value is the increase. Bounded to SAMPLES_MAX readings.
// What open windows need is saved with them, and the last reading: what the router counted while this process was down
// counts.

import { PROJECTS_MAX } from '@millrace/domain';

/** 2 s apart: an hour. */
export const SAMPLES_MAX = 1_800;

export interface RouterTotals {
  requests: number;
  failures: number;
}

interface Sample extends RouterTotals {
  /** Processing time of the reading; requests and failures are those since the reading before. */
  atMs: number;
  fromMs: number;
}

/** Readings that counted nothing are left out: [from, at, requests, failures]. */
export interface TrafficState {
  before: { atMs: number; totals: RouterTotals } | null;
  samples: [number, number, number, number][];
}

export interface ProjectTrafficState {
  all: TrafficState;
  byVersion: [number, TrafficState][];
}

export class Traffic {
  private readonly samples: Sample[] = [];
  private before: { atMs: number; totals: RouterTotals } | undefined;

  /** `zeroAtMs`: a time at which the counters are known to have been 0. */
  constructor(zeroAtMs?: number) {
    if (zeroAtMs !== undefined) this.before = { atMs: zeroAtMs, totals: { requests: 0, failures: 0 } };
  }

  get readAtMs(): number | undefined {
    return this.before?.atMs;
  }

  read(totals: RouterTotals, atMs: number): void {
    const { before } = this;
    this.before = { atMs, totals };
    if (before === undefined || atMs <= before.atMs) return;
    const restarted = totals.requests < before.totals.requests;
    this.samples.push({
      fromMs: before.atMs,
      atMs,
      requests: totals.requests - (restarted ? 0 : before.totals.requests),
      failures: Math.max(0, totals.failures - (restarted ? 0 : before.totals.failures)),
    });
    if (this.samples.length > SAMPLES_MAX) this.samples.shift();
  }

  /** Sums the readings whose span touches [fromMs, toMs]: at least one reading around a short span. */
  between(fromMs: number, toMs: number): RouterTotals {
    let requests = 0;
    let failures = 0;
    for (const sample of this.samples) {
      if (sample.atMs < fromMs || sample.fromMs > toMs) continue;
      requests += sample.requests;
      failures += sample.failures;
    }
    return { requests, failures };
  }

  state(sinceMs: number): TrafficState {
    const needed = this.samples.filter(({ atMs, requests }) => atMs >= sinceMs && requests > 0);
    return {
      before: this.before ?? null,
      samples: needed.map(({ fromMs, atMs, requests, failures }) => [fromMs, atMs, requests, failures]),
    };
  }

  /** Goes on where a saved one was; `read` since, where something was. */
  static fromState({ before, samples }: TrafficState, read?: Traffic): Traffic {
    const traffic = new Traffic();
    traffic.before = before ?? undefined;
    for (const [fromMs, atMs, requests, failures] of samples)
      traffic.samples.push({ fromMs, atMs, requests, failures });
    if (read?.before !== undefined) traffic.read(read.before.totals, read.before.atMs);
    return traffic;
  }

  /** Per second, over the last reading; undefined before the second one or when readings stopped. */
  latest(nowMs: number): { requestsPerSecond: number; failuresPerSecond: number } | undefined {
    const last = this.samples[this.samples.length - 1];
    if (last === undefined || nowMs - last.atMs > 10_000) return undefined;
    const seconds = (last.atMs - last.fromMs) / 1000;
    return { requestsPerSecond: last.requests / seconds, failuresPerSecond: last.failures / seconds };
  }
}

/** Versions of a project whose traffic is kept apart, those read last; a route has fewer targets. */
const VERSIONS_MAX = 16;

interface ProjectTraffic {
  all: Traffic;
  byVersion: Map<number, Traffic>;
}

/** One record of traffic a project, and one for each of its versions. */
export class TrafficHistory {
  private readonly byProject = new Map<string, ProjectTraffic>();

  read(project: string, totals: ReadonlyMap<number, RouterTotals>, atMs: number): void {
    const traffic = this.trafficOf(project);
    if (traffic === undefined) return;
    const sum = { requests: 0, failures: 0 };
    for (const [version, { requests, failures }] of totals) {
      sum.requests += requests;
      sum.failures += failures;
      if (version !== 0) versionOf(traffic, version, traffic.all.readAtMs).read({ requests, failures }, atMs);
    }
    traffic.all.read(sum, atMs);
  }

  forget(project: string): void {
    this.byProject.delete(project);
  }

  between(project: string, version: number | 'all', fromMs: number, toMs: number): RouterTotals {
    const traffic = this.byProject.get(project);
    const of = version === 'all' ? traffic?.all : traffic?.byVersion.get(version);
    return of?.between(fromMs, toMs) ?? { requests: 0, failures: 0 };
  }

  readAtMs(project: string): number {
    return this.byProject.get(project)?.all.readAtMs ?? 0;
  }

  state(project: string, sinceMs: number): ProjectTrafficState | undefined {
    const traffic = this.byProject.get(project);
    if (traffic === undefined) return undefined;
    const byVersion = [...traffic.byVersion].map(([version, of]): [number, TrafficState] => [
      version,
      of.state(sinceMs),
    ]);
    return { all: traffic.all.state(sinceMs), byVersion };
  }

  restore(project: string, state: ProjectTrafficState): void {
    const read = this.byProject.get(project);
    if (read === undefined && this.byProject.size >= PROJECTS_MAX) return;
    const byVersion = new Map(read?.byVersion);
    for (const [version, of] of state.byVersion)
      byVersion.set(version, Traffic.fromState(of, read?.byVersion.get(version)));
    this.byProject.set(project, { all: Traffic.fromState(state.all, read?.all), byVersion });
  }

  latest(project: string, nowMs: number): { requestsPerSecond: number; failuresPerSecond: number } | undefined {
    return this.byProject.get(project)?.all.latest(nowMs);
  }

  private trafficOf(project: string): ProjectTraffic | undefined {
    const known = this.byProject.get(project);
    if (known !== undefined || this.byProject.size >= PROJECTS_MAX) return known;
    const made: ProjectTraffic = { all: new Traffic(), byVersion: new Map() };
    this.byProject.set(project, made);
    return made;
  }
}

/** `readAtMs`: when the project was read before; a version that comes later has counted from 0 since then. */
function versionOf({ byVersion }: ProjectTraffic, version: number, readAtMs: number | undefined): Traffic {
  const found = byVersion.get(version) ?? new Traffic(readAtMs);
  // The map's order is the order of reading.
  byVersion.delete(version);
  byVersion.set(version, found);
  if (byVersion.size > VERSIONS_MAX) byVersion.delete(byVersion.keys().next().value as number);
  return found;
}
