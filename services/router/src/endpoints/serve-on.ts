// The first part of an ordered end: the endpoint says that it is not ready and serves on for a moment, so that
// balancers see it, and what a client is about to send on a connection that it has is still answered.

/**
 * A balancer that asks every second has asked. And HTTP/1.1 tells a client with its next answer, while a connection
 * that is closed idle may have a request on its way: what is used once a second is told before that.
 */
export const NOTICE_MS = 1_000;
export const LOOK_MS = 50;

/** Resolves when the moment is over, or nobody is connected any more. */
export async function serveOn(drainMs: number, isConnected: () => boolean): Promise<void> {
  const noticeMs = Math.min(NOTICE_MS, drainMs);
  for (let servedMs = 0; isConnected() && servedMs < noticeMs; servedMs += LOOK_MS)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}
