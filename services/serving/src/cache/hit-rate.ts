// Whether a model's cache is worth its look-ups. It counts in windows; after a window with too few hits the cache is
// passed by for a while that doubles with every poor window, and one window is tried again. Inputs that never repeat
// thus cost at most WINDOW look-ups in BYPASS_MAX requests, and a model whose traffic changes is found out.

/** Look-ups that are judged together: enough that 1 % is 10 hits. */
const WINDOW = 1024;
/**
 * Below, hashing and copying cost more than the engine calls they save, measured with models of 20 to 400 µs a call.
 */
const HIT_SHARE_MIN = 0.01;
const BYPASS_FIRST = 8 * WINDOW;
const BYPASS_MAX = 64 * WINDOW;

export class HitRate {
  private lookups = 0;
  private hits = 0;
  private bypassLeft = 0;
  private bypass = BYPASS_FIRST;

  /** Whether the next request is to be looked up. */
  worthwhile(): boolean {
    if (this.bypassLeft === 0) return true;
    this.bypassLeft--;
    return false;
  }

  counted(hit: boolean): void {
    this.lookups++;
    if (hit) this.hits++;
    if (this.lookups < WINDOW) return;
    if (this.hits < WINDOW * HIT_SHARE_MIN) {
      this.bypassLeft = this.bypass;
      this.bypass = Math.min(this.bypass * 2, BYPASS_MAX);
    } else this.bypass = BYPASS_FIRST;
    this.lookups = 0;
    this.hits = 0;
  }
}
