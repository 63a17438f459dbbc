// Waiting for something that another process does: polled, with a deadline, ended by the user's signal.

import { type Clock, PlatformError } from '@millrace/domain';

export interface Waiting {
  clock: Clock;
  signal: AbortSignal;
}

/** Longest wait for one step of the main job. */
const STEP_DEADLINE_MS = 600_000;
const POLL_MS = 100;

/** @throws PlatformError 'cancelled' as soon as the signal comes */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new PlatformError('cancelled', 'stopped before it was done'));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

/** @throws PlatformError 'cancelled' on the signal, 'deadline_exceeded' after STEP_DEADLINE_MS with what was awaited */
export async function until(
  { clock, signal }: Waiting,
  check: () => Promise<boolean | undefined>,
  what: string,
  pollMs = POLL_MS,
): Promise<void> {
  const startedMs = clock.monotonicMs();
  while (!(await check())) {
    if (clock.monotonicMs() - startedMs > STEP_DEADLINE_MS) {
      throw new PlatformError('deadline_exceeded', `waited ${STEP_DEADLINE_MS / 1_000} s for ${what}`);
    }
    await pause(pollMs, signal);
  }
}
