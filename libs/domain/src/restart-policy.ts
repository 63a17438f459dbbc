// When a process that died comes back: exponential back-off, with jitter where processes may die together, and an end
// to crash loops. Whoever starts processes counts each one's deaths here; it starts, waits and ends nothing itself.
//
//   delay of the n-th death in a row = min(maxDelayMs, firstDelayMs * factor^(n - 1)) * (1 ± jitter)

import type { Rng } from './rng.js';

export interface RestartLimits {
  firstDelayMs: number;
  maxDelayMs: number;
  /** Each delay is so many times the one before. */
  factor: number;
  /** Alive this long: the death counts as the first again. */
  stableAfterMs: number;
  /** Deaths in a row before giving up; Infinity = never. */
  maxDeaths: number;
  /** The same for lives that were never ready: a wrong setting does not mend itself, so the start fails soon. */
  maxDeathsUnready: number;
}

/** A delay is multiplied by 1 ± `share`, so that processes that died together do not come back together. */
interface RestartJitter {
  share: number;
  rng: Rng;
}

/** The life that has ended. */
interface Life {
  /** As long as it was of use. */
  aliveMs: number;
  /** Whether it was ever ready; a supervisor may count earlier lives in. */
  ready: boolean;
}

type RestartDecision = { kind: 'restart'; delayMs: number; attempt: number } | { kind: 'give-up'; deaths: number };

/** Counts the deaths of one process. */
export class RestartPolicy {
  private deaths = 0;
  private deathsUnready = 0;

  constructor(
    private readonly limits: RestartLimits,
    private readonly jitter: RestartJitter | null = null,
  ) {}

  onDeath({ aliveMs, ready }: Life): RestartDecision {
    const { firstDelayMs, maxDelayMs, factor, stableAfterMs, maxDeaths, maxDeathsUnready } = this.limits;
    this.deaths = aliveMs >= stableAfterMs ? 1 : this.deaths + 1;
    this.deathsUnready = ready ? 0 : this.deathsUnready + 1;
    if (this.deathsUnready > maxDeathsUnready) return { kind: 'give-up', deaths: this.deathsUnready };
    if (this.deaths > maxDeaths) return { kind: 'give-up', deaths: this.deaths };
    const bareMs = Math.min(maxDelayMs, firstDelayMs * factor ** (this.deaths - 1));
    const delayMs = this.jitter === null ? bareMs : Math.round(bareMs * this.jitterFactor(this.jitter));
    return { kind: 'restart', delayMs, attempt: this.deaths };
  }

  private jitterFactor({ share, rng }: RestartJitter): number {
    return 1 + (rng.next() * 2 - 1) * share;
  }
}
