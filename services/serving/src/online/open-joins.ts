// Requests whose features are being looked up: what their callers can cancel, and what a version that closes waits for.

/** A request in flight; first it waits for its look-up, then for its job. */
export class JoiningRequest {
  cancelled = false;
  /** Set when the request was queued. */
  job: { cancel(): void } | undefined;

  /** `onEarly`: cancelled before there was a job that counts it. */
  constructor(private readonly onEarly: () => void) {}

  cancel(): void {
    if (this.job !== undefined) {
      this.job.cancel();
      return;
    }
    if (this.cancelled) return;
    this.cancelled = true;
    this.onEarly();
  }
}

/** Look-ups end within their deadline, so that nobody waits here for long. */
export class OpenJoins {
  private open = 0;
  private waiters: (() => void)[] = [];

  /** Gives what ends it; calling that twice does nothing more. */
  begin(): () => void {
    this.open++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (--this.open > 0) return;
      for (const resolve of this.waiters.splice(0)) resolve();
    };
  }

  async ended(): Promise<void> {
    if (this.open > 0) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }
}
