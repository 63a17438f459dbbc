// Requests and failures at the routers over processing time, from cumulative counters that were read now and then: what
// each router counted between two readings of it, added. A counter that went down means a restarted router: its new
// value is the increase. Bounded to SAMPLES_MAX readings of each of at most ROUTERS_MAX routers, those read last.
// What open windows need is saved with them, and the last reading: what the router counted while this process was down
// counts.

import { PROJECTS_MAX } from '@millrace/domain';

/** 2 s apart: an hour. */
export const SAMPLES_MAX = 1_800;
/** Ten replicas on six machines. */
const ROUTERS_MAX = 64;

export interface RouterTotals {
  requests: number;
  failures: number;
}

interface Sample extends RouterTotals {
  router: string;
  /** Processing time of the reading; requests and failures are those since the reading before. */
  atMs: number;
  fromMs: number;
}

/** Readings that counted nothing are left out: [from, at, requests, failures]. */
export interface TrafficState {
  /** The last reading of each router: [router, at, requests, failures]. Release 0.1.0 knew of one, without a name. */
  before: [string, number, number, number][] | { atMs: number; totals: RouterTotals } | null;
  samples: [number, number, number, number][];
}

export interface ProjectTrafficState {
  all: TrafficState;
  byVersion: [number, TrafficState][];
}

export class Traffic {
  private readonly samples: Sample[] = [];
  /** The last reading of each router, in the order of reading. */
  private readonly before = new Map<string, { atMs: number; totals: RouterTotals }>();

  /** The newest reading of any router. */
  get readAtMs(): number | undefined {
    const times = [...this.before.values()].map(({ atMs }) => atMs);
    return times.length === 0 ? undefined : Math.max(...times);
  }

  readAtMsOf(router: string): number | undefined {
    return this.before.get(router)?.atMs;
  }

  /** The router's counters are known to have been 0 at that time. */
  zero(router: string, atMs: number): void {
    this.before.set(router, { atMs, totals: { requests: 0, failures: 0 } });
  }

  read(totals: RouterTotals, atMs: number, router: string): void {
    const before = this.before.get(router);
    // The map's order is the order of reading.
    this.before.delete(router);
    this.before.set(router, { atMs, totals });
    if (this.before.size > ROUTERS_MAX) this.before.delete(this.before.keys().next().value as string);
    if (before === undefined || atMs <= before.atMs) return;
    const restarted = totals.requests < before.totals.requests;
    this.samples.push({
      router,
      fromMs: before.atMs,
      atMs,
      requests: totals.requests - (restarted ? 0 : before.totals.requests),
      failures: Math.max(0, totals.failures - (restarted ? 0 : before.totals.failures)),
    });
    if (this.samples.length > SAMPLES_MAX * this.before.size) this.samples.shift();
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
      before: [...this.before].map(([router, { atMs, totals }]) => [router, atMs, totals.requests, totals.failures]),
      samples: needed.map(({ fromMs, atMs, requests, failures }) => [fromMs, atMs, requests, failures]),
    };
  }

  /** Goes on where a saved one was; `read` since, where something was. */
  static fromState({ before, samples }: TrafficState, read?: Traffic): Traffic {
    const traffic = new Traffic();
    for (const [router, atMs, requests, failures] of Array.isArray(before) ? before : [])
      traffic.before.set(router, { atMs, totals: { requests, failures } });
    for (const [fromMs, atMs, requests, failures] of samples)
      traffic.samples.push({ router: '', fromMs, atMs, requests, failures });
    for (const [router, { atMs, totals }] of read?.before ?? []) traffic.read(totals, atMs, router);
    return traffic;
  }

  /** Per second, over the last reading of each router; undefined before the second one or when readings stopped. */
  latest(nowMs: number): { requestsPerSecond: number; failuresPerSecond: number } | undefined {
    let sum: { requestsPerSecond: number; failuresPerSecond: number } | undefined;
    const seen = new Set<string>();
    for (let i = this.samples.length - 1; i >= 0 && seen.size < this.before.size; i--) {
      const last = this.samples[i] as Sample;
      if (nowMs - last.atMs > 10_000) break;
      if (seen.has(last.router)) continue;
      seen.add(last.router);
      const seconds = (last.atMs - last.fromMs) / 1000;
      sum = {
        requestsPerSecond: (sum?.requestsPerSecond ?? 0) + last.requests / seconds,
        failuresPerSecond: (sum?.failuresPerSecond ?? 0) + last.failures / seconds,
      };
    }
    return sum;
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

  /** One reading of one router. */
  read(project: string, totals: ReadonlyMap<number, RouterTotals>, atMs: number, router: string): void {
    const traffic = this.trafficOf(project);
    if (traffic === undefined) return;
    const sum = { requests: 0, failures: 0 };
    for (const [version, { requests, failures }] of totals) {
      sum.requests += requests;
      sum.failures += failures;
      if (version !== 0) versionOf(traffic, version, router).read({ requests, failures }, atMs, router);
    }
    traffic.all.read(sum, atMs, router);
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

/** A version that a router did not name when the project was read there before has counted from 0 since then. */
function versionOf({ all, byVersion }: ProjectTraffic, version: number, router: string): Traffic {
  const found = byVersion.get(version) ?? new Traffic();
  const readAtMs = all.readAtMsOf(router);
  if (readAtMs !== undefined && found.readAtMsOf(router) === undefined) found.zero(router, readAtMs);
  // The map's order is the order of reading.
  byVersion.delete(version);
  byVersion.set(version, found);
  if (byVersion.size > VERSIONS_MAX) byVersion.delete(byVersion.keys().next().value as number);
  return found;
}
