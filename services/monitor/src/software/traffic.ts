// Requests and failures at the router over processing time, from cumulative counters that were read now and then. A counter
// that went down means a restarted router: its new value is the increase. Bounded to SAMPLES_MAX readings.

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

export class Traffic {
  private readonly samples: Sample[] = [];
  private before: { atMs: number; totals: RouterTotals } | undefined;

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

  /** Per second, over the last reading; undefined before the second one or when readings stopped. */
  latest(nowMs: number): { requestsPerSecond: number; failuresPerSecond: number } | undefined {
    const last = this.samples[this.samples.length - 1];
    if (last === undefined || nowMs - last.atMs > 10_000) return undefined;
    const seconds = (last.atMs - last.fromMs) / 1000;
    return { requestsPerSecond: last.requests / seconds, failuresPerSecond: last.failures / seconds };
  }
}

/** Projects whose traffic is kept; as many as the engine watches. */
const PROJECTS_MAX = 200;

/** One record of traffic a project. */
export class TrafficBook {
  private readonly byProject = new Map<string, Traffic>();

  read(project: string, totals: RouterTotals, atMs: number): void {
    let traffic = this.byProject.get(project);
    if (traffic === undefined) {
      if (this.byProject.size >= PROJECTS_MAX) return;
      traffic = new Traffic();
      this.byProject.set(project, traffic);
    }
    traffic.read(totals, atMs);
  }

  between(project: string, fromMs: number, toMs: number): RouterTotals {
    return this.byProject.get(project)?.between(fromMs, toMs) ?? { requests: 0, failures: 0 };
  }

  latest(project: string, nowMs: number): { requestsPerSecond: number; failuresPerSecond: number } | undefined {
    return this.byProject.get(project)?.latest(nowMs);
  }
}
