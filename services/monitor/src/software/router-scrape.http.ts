// Reads every router's /metrics now and then. One that does not answer leaves a gap, no error: the monitor watches, it
// does not depend.

import type { Clock } from '@millrace/domain';
import { routerTotals } from './router-metrics.js';
import type { TrafficHistory } from './traffic-history.js';

const TIMEOUT_MS = 1_500;
/** Far above what the router writes. */
const TEXT_BYTES_MAX = 4 * 1_048_576;

export class RouterScrape {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    /** Of each router; they are told apart by it. */
    private readonly urls: readonly string[],
    private readonly traffic: TrafficHistory,
    private readonly clock: Clock,
    /** The router's counters outlive a project. */
    private readonly isWatched: (project: string) => boolean,
  ) {}

  start(everyMs: number): void {
    this.timer = setInterval(() => void this.scrape(), everyMs);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  async scrape(): Promise<void> {
    await Promise.all(this.urls.map((url) => this.read(url).catch(() => undefined))); // a gap, as said above
  }

  private async read(url: string): Promise<void> {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
    if (!response.ok || Number(response.headers.get('content-length') ?? 0) > TEXT_BYTES_MAX) return;
    const text = await response.text();
    const atMs = this.clock.nowMs();
    for (const [project, totals] of routerTotals(text)) {
      if (this.isWatched(project)) this.traffic.read(project, totals, atMs, url);
    }
  }
}
