// Programmer errors: a broken invariant ends the process, it is not handled.

/** Throws when an invariant does not hold. For bad input use `PlatformError` or an outcome value instead. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}

/** For the default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
