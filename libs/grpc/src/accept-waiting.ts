// Connections that the system has made and nobody has accepted: it resets them with their listener, requests sent.

/** Of a listener that more connect to than a turn accepts: it is closed all the same. */
const WAIT_MS_MAX = 1_000;

/** Resolves right after the event loop has taken what the system had for it. */
export function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Resolves right after a turn of the event loop, which accepts one connection, in which none came: a listener that is
 * closed now resets nobody.
 * @param accepted How many connections were accepted, ever.
 */
export async function acceptWaiting(accepted: () => number): Promise<void> {
  const endMs = performance.now() + WAIT_MS_MAX;
  let before: number;
  do {
    before = accepted();
    await turnOfLoop();
  } while (accepted() > before && performance.now() < endMs);
}
