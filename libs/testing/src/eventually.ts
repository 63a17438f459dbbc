// Waiting for something that another process or the broker brings about.

/** Long: it ends what hangs, and must not be what a machine with other work to do breaks. */
const WITHIN_MS = 40_000;

/** Polls until `check` returns something truthy; rejects with `what` after `withinMs`. */
export async function eventually<T>(
  what: string,
  check: () => T | Promise<T>,
  withinMs = WITHIN_MS,
): Promise<NonNullable<T>> {
  const pollMs = 20;
  for (let waitedMs = 0; ; waitedMs += pollMs) {
    const value = await check();
    if (value) return value as NonNullable<T>;
    if (waitedMs >= withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
