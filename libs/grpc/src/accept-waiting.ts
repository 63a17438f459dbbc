// Connections that the system has made and nobody has accepted: it resets them with their listener, requests sent.

/** As long as the queue of a listener is by default: one that somebody connects to in each turn ends, too. */
const TURNS_MAX = 511;

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
  for (let turns = 0; turns < TURNS_MAX; turns++) {
    const before = accepted();
    await turnOfLoop();
    if (accepted() === before) return;
  }
}
