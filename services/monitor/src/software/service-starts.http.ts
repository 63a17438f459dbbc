// Asks the other services since when they run. One that does not answer is asked again at the next turn: the monitor
// watches, it does not depend.

import { type ServiceStarts, WATCHED, type Watched } from './service-starts.js';

const TIMEOUT_MS = 1_500;

/** @param urls where each listens by HTTP */
export async function askStarts(urls: Readonly<Record<Watched, string>>, starts: ServiceStarts): Promise<void> {
  await Promise.all(
    WATCHED.map(async (service) => {
      const startedAtMs = await startOf(urls[service]).catch(() => undefined); // away, as said above
      if (startedAtMs !== undefined) starts.heard(service, startedAtMs);
    }),
  );
}

async function startOf(url: string): Promise<number | undefined> {
  const response = await fetch(`${url}/health/live`, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
  const { startedAtMs } = (await response.json()) as { startedAtMs?: unknown };
  return typeof startedAtMs === 'number' ? startedAtMs : undefined;
}
