// Heartbeats of one partition while its handler runs. A heartbeat that fails means that the partition is lost; the
// error is kept and thrown once the handler has ended, because kafkajs must see it to join the group again.

import type { EachBatchPayload } from 'kafkajs';

export const HEARTBEAT_MS = 3000;

/** Keeps a partition's membership alive while its handler runs. */
export class Membership {
  private lost: Error | undefined;
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly payload: EachBatchPayload,
    everyMs = HEARTBEAT_MS,
  ) {
    this.timer = setInterval(() => {
      this.beat().catch(() => undefined); // kept in `lost`
    }, everyMs);
  }

  async beat(): Promise<void> {
    try {
      await this.payload.heartbeat();
    } catch (error) {
      this.lost = error as Error;
      throw error;
    }
  }

  check(): void {
    if (this.lost !== undefined) throw this.lost;
  }

  async wait(forMs: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, forMs));
    this.check();
    await this.beat();
  }

  end(): void {
    clearInterval(this.timer);
  }
}
