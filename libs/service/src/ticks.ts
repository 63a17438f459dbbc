// Work on a timer: what is still at work when its time comes is left to finish, a failure is logged and the next tick
// tries again. Timers do not keep the process alive.

import { logger } from '@millrace/telemetry';
import type { Tick } from './service-parts.js';

const log = logger('ticks');

/** The returned function stops all of them; work that runs is not waited for. */
export function startTicks(ticks: readonly Tick[]): () => void {
  const timers = ticks.map(({ name, everyMs, work }) => {
    let busy = false;
    const failed = (error: unknown) => log.warn('failed, tried again', { tick: name }, error);
    const tick = () => {
      if (busy) return;
      try {
        const working = work();
        if (working === undefined) return;
        busy = true;
        working.catch(failed).finally(() => {
          busy = false;
        });
      } catch (error) {
        failed(error);
      }
    };
    const timer = setInterval(tick, everyMs);
    timer.unref();
    return timer;
  });
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}
