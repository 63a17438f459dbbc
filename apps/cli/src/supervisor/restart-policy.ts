// When a dead process comes back: exponential back-off with jitter, and an end to crash loops. The first restart is
// quick (a killed service must answer again within seconds); a process that stayed up long enough starts over.

import type { Rng } from '@millrace/domain';

export interface RestartLimits {
  firstDelayMs: number;
  maxDelayMs: number;
  /** Delay is multiplied by 1 ± this share, so that processes that died together do not come back together. */
  jitterShare: number;
  /** Alive this long: the death counts as the first again. */
  stableAfterMs: number;
  /** Deaths in a row before giving up. */
  maxDeaths: number;
  /** The same for a process that was never ready: a wrong setting does not mend itself, so the start fails soon. */
  maxDeathsUnready: number;
}

export const DEFAULT_RESTART_LIMITS: RestartLimits = {
  firstDelayMs: 100,
  maxDelayMs: 10_000,
  jitterShare: 0.2,
  stableAfterMs: 20_000,
  maxDeaths: 8, // at these delays a little over half a minute of trying, plus the time each attempt takes
  maxDeathsUnready: 3,
};

export type RestartDecision =
  | { kind: 'restart'; delayMs: number; attempt: number }
  | { kind: 'give-up'; deaths: number };

/** Counts the deaths of one process. */
export class RestartPolicy {
  private deaths = 0;
  private wasReady = false;

  constructor(
    private readonly rng: Rng,
    private readonly limits: RestartLimits = DEFAULT_RESTART_LIMITS,
  ) {}

  /** It has worked once, so that its settings are not what is wrong. */
  onReady(): void {
    this.wasReady = true;
  }

  /** @param aliveMs from its start to its death */
  onDeath(aliveMs: number): RestartDecision {
    if (aliveMs >= this.limits.stableAfterMs) this.deaths = 0;
    this.deaths += 1;
    const limit = this.wasReady ? this.limits.maxDeaths : this.limits.maxDeathsUnready;
    if (this.deaths > limit) return { kind: 'give-up', deaths: this.deaths };
    const bare = Math.min(this.limits.maxDelayMs, this.limits.firstDelayMs * 2 ** (this.deaths - 1));
    const factor = 1 + (this.rng.next() * 2 - 1) * this.limits.jitterShare;
    return { kind: 'restart', delayMs: Math.round(bare * factor), attempt: this.deaths };
  }
}
