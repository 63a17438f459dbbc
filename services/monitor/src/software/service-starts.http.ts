// Asks the other services since when they run. One that does not answer is asked again at the next turn: the monitor
// watches, it does not depend.

import type { ServiceStarts, Watched } from './service-starts.js';

const TIMEOUT_MS = 1_500;

/** @param processes where each listens by HTTP */
export async function askStarts(
  processes: readonly { service: Watched; url: string }[],
  starts: ServiceStarts,
): Promise<void> {
  await Promise.all(
    processes.map(async ({ service, url }) => {
      const startedAtMs = await startOf(url).catch(() => undefined); // away, as said above
      if (startedAtMs !== undefined) starts.heard(service, startedAtMs, url);
    }),
  );
}

async function startOf(url: string): Promise<number | undefined> {
  const response = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
  const { startedAtMs } = (await response.json()) as { startedAtMs?: unknown };
  return typeof startedAtMs === 'number' ? startedAtMs : undefined;
}
