// Tumbling event-time windows: [start, start + windowMs), aligned to the Unix epoch. Each window is cut into equal
// quality buckets, so that quality can be asked for a range finer than a window (72 to a window: an hour in three
// days).

/** Buckets to a window at most; the largest divisor of windowMs up to this is taken. */
const BUCKETS_PER_WINDOW = 72;
const BUCKET_MS_MIN = 1_000;

export function windowStart(eventTimeMs: number, windowMs: number): number {
  return Math.floor(eventTimeMs / windowMs) * windowMs;
}

/** Length of a quality bucket: divides windowMs, and is at least a second where windowMs is. */
export function bucketLength(windowMs: number): number {
  for (let parts = BUCKETS_PER_WINDOW; parts > 1; parts--) {
    if (windowMs % parts === 0 && windowMs / parts >= BUCKET_MS_MIN) return windowMs / parts;
  }
  return windowMs;
}
