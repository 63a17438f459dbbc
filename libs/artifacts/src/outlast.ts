// For a write that ends work of minutes or hours, as a package does a training's: it waits out a store that is away,
// for a bounded time, so that the work is not lost for a bucket that is restarted.

import { type Clock, PlatformError } from '@millrace/domain';
import { logger } from '@millrace/telemetry';

/** A server that is moved or restarted by people; longer, and the work had better be told of as failed. */
export const OUTLAST_MS = 1_800_000;
const WAIT_MS = 5_000;

const log = logger('artifacts');

const slept = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Does `write` until it succeeds, fails for another reason than that the store is away, or the time is over. */
export async function outlast<T>(write: () => Promise<T>, clock: Clock, sleep = slept): Promise<T> {
  const untilMs = clock.monotonicMs() + OUTLAST_MS;
  let isTold = false;
  for (;;) {
    try {
      return await write();
    } catch (thrown) {
      const error = PlatformError.from(thrown);
      const isAway = error.code === 'unavailable' || error.code === 'permission_denied';
      if (!isAway || clock.monotonicMs() + WAIT_MS > untilMs) throw error;
      if (!isTold) log.warn('the artifact store is away: a finished work waits to be written', {}, error);
      isTold = true;
      await sleep(WAIT_MS);
    }
  }
}
