// Since when a version is ready in some servings and not in all: after a while that is enough. Pure; each rollout
// counts from its own beginning: what was ready in the end, or nobody asked about for as long, begins anew.

/** A serving that cannot load a version does not hold a rollout up for longer, where another one has it. */
const OTHERS_WAIT_MS = 10_000;
/** Versions that some serving has and another has not. */
const PARTLY_MAX = 64;

export class PartlyReady {
  private readonly seen = new Map<string, { sinceMs: number; askedAtMs: number }>();

  /** @param ready what each serving that is there says of the version */
  isReady(model: string, version: number, ready: readonly boolean[], nowMs: number): boolean {
    const key = `${model} ${version}`;
    const isAll = ready.every(Boolean);
    if (isAll || !ready.some(Boolean)) {
      this.seen.delete(key);
      return isAll;
    }
    const before = this.seen.get(key);
    const isSame = before !== undefined && nowMs - before.askedAtMs < OTHERS_WAIT_MS;
    const sinceMs = isSame ? before.sinceMs : nowMs;
    const isEnough = nowMs - sinceMs >= OTHERS_WAIT_MS;
    if (this.seen.size >= PARTLY_MAX) this.seen.clear();
    if (isEnough) this.seen.delete(key);
    else this.seen.set(key, { sinceMs, askedAtMs: nowMs });
    return isEnough;
  }
}
