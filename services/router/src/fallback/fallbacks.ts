// Requests that their version has failed by its own fault are answered once by another one (project file:
// rollout.fallback), where that is safe: never a step of a sequence or a stream, and never what the client or the
// router itself decided. What is asked twice costs twice, so it has a budget: a purse begins with BURST, each
// request of the project puts share/100 into it, what SAVED requests put in at most, and each second one takes 1. So
// of N requests at most share/100 × N + BURST are asked twice, and where all in flight fail at once, they find what
// those before them have left. Memory: a purse a project that declares it.

import { PROJECTS_MAX } from '@millrace/domain';
import { fallbackVersion, mayFallBack, type Route } from '@millrace/routing';

/** With few requests a share alone would never let one be asked again. */
export const BURST = 10;
/** As many as a busy router has in flight for one version; a second of load that fails must not use up a minute's. */
const SAVED = 1_000;

/**
 * What became of one: answered, failed by the second version too, given up by its caller while that was asked, or the
 * budget was used up and nobody was asked.
 */
export type FallbackResult = 'answered' | 'failed' | 'cancelled' | 'over_budget';

export interface FallbackCounts {
  counted(project: string, version: number, fallback: number, result: FallbackResult): void;
}

interface Purse {
  share: number;
  left: number;
}

export class Fallbacks {
  private readonly purses = new Map<string, Purse>();

  constructor(
    private readonly routeOf: (project: string) => Route | undefined,
    private readonly counts: FallbackCounts,
  ) {}

  /** Percent of a project's requests; 0 = nothing is asked twice. */
  setShare(project: string, share: number): void {
    const known = this.purses.get(project);
    if (share === 0) this.purses.delete(project);
    else if (known !== undefined) known.share = share;
    else if (this.purses.size < PROJECTS_MAX) this.purses.set(project, { share, left: BURST });
  }

  /** A request for which the route chose the version is on its way. */
  sent(project: string): void {
    const purse = this.purses.size === 0 ? undefined : this.purses.get(project);
    if (purse === undefined) return;
    const each = purse.share / 100;
    purse.left = Math.min(Math.max(BURST, SAVED * each), purse.left + each);
  }

  /** Its version has answered so: which other one is asked now; 0 = none. */
  after(project: string, version: number, status: number): number {
    const purse = this.purses.size === 0 ? undefined : this.purses.get(project);
    if (purse === undefined || !mayFallBack(status)) return 0;
    const route = this.routeOf(project);
    const fallback = route === undefined ? 0 : fallbackVersion(route, version);
    if (fallback === 0) return 0;
    if (purse.left < 1) {
      this.counts.counted(project, version, fallback, 'over_budget');
      return 0;
    }
    purse.left -= 1;
    return fallback;
  }

  /** What the second version was asked for has come to its end. */
  ended(project: string, version: number, fallback: number, result: Exclude<FallbackResult, 'over_budget'>): void {
    this.counts.counted(project, version, fallback, result);
  }
}
