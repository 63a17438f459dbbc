// The user's wish to end. The first SIGINT, SIGTERM or SIGHUP asks for an ordered stop and says so; one more ends
// everything at once. A platform that cannot go on (a process keeps dying, its home is gone) asks for the same stop
// with an error.

import { type Clock, PlatformError } from '@millrace/domain';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK } from '../exit-codes.js';

/** One Ctrl-C may arrive twice, from the terminal and handed on by npm; later than this it is a second one. */
const SAME_REQUEST_MS = 400;
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopSignalParts {
  clock: Clock;
  say: (line: string) => void;
}

export class StopSignal {
  private readonly controller = new AbortController();
  private readonly lastActs: (() => void)[] = [];
  private askedAtMs: number | undefined;

  constructor(private readonly parts: StopSignalParts) {
    for (const name of STOP_SIGNALS) process.on(name, () => this.asked());
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** The platform cannot go on: an ordered stop, with EXIT_FAILED. */
  fail(error: PlatformError): void {
    this.controller.abort(error);
  }

  /** Called before a second signal ends this process; must not wait for anything. */
  beforeEndAtOnce(act: () => void): void {
    this.lastActs.push(act);
  }

  /** Resolves with the exit code of what runs until a signal: 0 after one, EXIT_FAILED after `fail`. */
  async ended(): Promise<number> {
    if (!this.signal.aborted) {
      await new Promise((resolve) => this.signal.addEventListener('abort', resolve, { once: true }));
    }
    return this.signal.reason instanceof PlatformError ? EXIT_FAILED : EXIT_OK;
  }

  /**
   * The work's result; rejects with `cancelled` as soon as a stop is asked for, and with its reason after `fail`,
   * however long the work would still take. The fact `told` says that the terminal has the reason already.
   */
  async unlessAsked<T>(work: Promise<T>): Promise<T> {
    let stopped: () => void = () => undefined;
    const asked = new Promise<never>((_, reject) => {
      stopped = () => {
        const { reason: why } = this.signal;
        const { code, reason } =
          why instanceof PlatformError ? why : { code: 'cancelled' as const, reason: 'stopped before it was done' };
        reject(new PlatformError(code, reason, { facts: { told: true } }));
      };
      if (this.signal.aborted) stopped();
      this.signal.addEventListener('abort', stopped, { once: true });
    });
    try {
      return await Promise.race([work, asked]);
    } finally {
      this.signal.removeEventListener('abort', stopped);
    }
  }

  private asked(): void {
    const nowMs = this.parts.clock.monotonicMs();
    if (this.askedAtMs === undefined) {
      this.askedAtMs = nowMs;
      this.controller.abort();
      this.parts.say('Stopping … (once more ends everything at once)');
      return;
    }
    if (nowMs - this.askedAtMs < SAME_REQUEST_MS) return;
    for (const act of this.lastActs) act();
    process.exit(EXIT_INTERRUPTED);
  }
}
