// Whether a request can still be answered before its deadline, said when it comes: under overload a queue that answers
// everything too late answers nothing. One lane for each model version, for each has a speed of its own.
//
//   m = most answers in one of the last SLOTS whole slots;  r = (m + NOISE sqrt(m)) / SLOT_MS       1/ms
//   w = EWMA of latency                    ms
//   expected = (L + 1) / r                 ms, L = requests of the lane in flight now (Little's law, answers in order)
//   f = latency of the quickest answer     ms
//   refused: L > 0, expected > HEADROOM · left, w > EVIDENCE · left and w > QUEUED · f   left = ms until the deadline
//            (w > HEADROOM · left where the fullest slot has fewer than ANSWERS_MIN answers)
//
// Priorities: where a request of a better level came within FORGET_MS, one of a worse level goes only while
//
//   expected <= WORSE_HEADROOM · left, or it is the STARVED_MAX-th in turn that only its level holds back
//
// so that what is left of the queue belongs to the better ones, and the worse ones never come to a halt. Levels are
// Triton's (1 = highest); who gives none has DEFAULT_LEVEL, so that there is one above and many below.
//
// Below capacity r is the rate of arrivals and says nothing of what the model can do, so that a burst would look
// hopeless; then w is short, and the second condition lets it through. After a stall w is long, and r is that of
// before; after one of more than FORGET_MS, of serving or of this process, r is not known any more, and for as long
// nobody is refused: what has waited comes at once, and the first slot's answers say nothing of it. Answers count
// that are no fault of the platform, sent once: a refusal for a full queue is quick and says nothing. A serving that
// hangs gives no answers, and what is known of it is forgotten after FORGET_MS: its requests wait as long as they
// may. O(1) a request; memory: LANES_MAX lanes, requests of further models are never refused here.

/** Of the time left: queues answer in their own order, and the estimate is a mean. */
const HEADROOM = 0.5;
const EVIDENCE = 0.25;
/** Half of it: as many of a better level find room beside those that are let in. */
const WORSE_HEADROOM = 0.25;
/** A tenth of the worse level's requests goes whatever comes above it. */
const STARVED_MAX = 10;
const DEFAULT_LEVEL = 2;
/** More make no difference here; a model may know more of them. */
const LEVEL_MAX = 1_000;
/** Of one answer in w. */
const WEIGHT = 1 / 4;
const FORGET_MS = 1_000;
/**
 * In the fullest slot. With fewer its rate is that of arrivals by chance: a version with a twentieth of the traffic
 * would be refused what the others are answered.
 */
const ANSWERS_MIN = 8;
/** Latency is this many times that of the quickest answer where requests queue; a model by itself varies less. */
const QUEUED = 2;
/** A model that has become slower for good: in an overload of minutes the floor stays what it was. */
const FLOOR_DOUBLES_MS = 600_000;
/** Standard deviations of a count that are given to the rate: counts are noisy where they are small. */
const NOISE = 2;
/** A second: a model that becomes slower is seen by then. */
const SLOTS = 5;
const SLOT_MS = 200;
/** Versions with requests at a time. */
const LANES_MAX = 1_024;

/** `priority` as a request gives it; 0 and undefined: not at all. */
export function levelOf(priority: number | undefined): number {
  return priority === undefined || priority === 0 ? DEFAULT_LEVEL : Math.min(priority, LEVEL_MAX);
}

export class Lane {
  inFlight = 0;
  /** The best level of late, and when a request of it came. */
  private bestLevel = Number.POSITIVE_INFINITY;
  private bestAtMs = Number.NEGATIVE_INFINITY;
  /** Requests in turn that their level alone held back. */
  private heldBack = 0;
  private latencyMs = 0;
  /** The quickest answer, which counts for less as time goes by. */
  private floorMs = Number.POSITIVE_INFINITY;
  private answeredAtMs = Number.NEGATIVE_INFINITY;
  /** Since when there have been answers without a stall. */
  private knownSinceMs = Number.NEGATIVE_INFINITY;
  /** Answers by slot, the one that has not ended among them. */
  private readonly answers = new Uint32Array(SLOTS + 1);
  private slot = 0;

  /** Milliseconds after which a request that comes now would be answered; undefined: it may go. */
  tooLateMs(leftMs: number, nowMs: number, level = DEFAULT_LEVEL): number | undefined {
    if (level <= this.bestLevel || nowMs - this.bestAtMs > FORGET_MS) {
      this.bestLevel = level;
      this.bestAtMs = nowMs;
    }
    if (this.inFlight === 0 || this.latencyMs <= EVIDENCE * leftMs) return undefined;
    if (nowMs - this.answeredAtMs > FORGET_MS || nowMs - this.knownSinceMs < FORGET_MS) return undefined;
    // Nobody queues to speak of: who waits then waits for the model itself, and a refusal helps nobody.
    if (this.latencyMs < QUEUED * this.floorMs) return undefined;
    this.turn(nowMs);
    const { answers, slot } = this;
    let most = 0;
    for (let back = 1; back <= SLOTS; back++)
      most = Math.max(most, answers[(slot + SLOTS + 1 - back) % (SLOTS + 1)] as number);
    // No slot has ended yet: nobody knows.
    if (most === 0) return undefined;
    // So few answers that the most of them is chance: only what is late already says that it is too much.
    if (most < ANSWERS_MIN && this.latencyMs <= HEADROOM * leftMs) return undefined;
    const expectedMs = (SLOT_MS * (this.inFlight + 1)) / (most + NOISE * Math.sqrt(most));
    if (expectedMs > HEADROOM * leftMs) return expectedMs;
    if (level <= this.bestLevel || expectedMs <= WORSE_HEADROOM * leftMs) return undefined;
    this.heldBack = (this.heldBack + 1) % STARVED_MAX;
    return this.heldBack === 0 ? undefined : expectedMs;
  }

  answered(latencyMs: number, nowMs: number): void {
    const sinceMs = nowMs - this.answeredAtMs;
    const weight = sinceMs > FORGET_MS ? 1 : WEIGHT;
    if (Number.isFinite(sinceMs) && sinceMs > FORGET_MS) this.knownSinceMs = nowMs;
    const rises = Number.isFinite(sinceMs) ? 1 + sinceMs / FLOOR_DOUBLES_MS : 1;
    this.floorMs = Math.min(this.floorMs * rises, latencyMs);
    this.answeredAtMs = nowMs;
    this.latencyMs += weight * (latencyMs - this.latencyMs);
    this.turn(nowMs);
    const at = this.slot % (SLOTS + 1);
    this.answers[at] = (this.answers[at] as number) + 1;
  }

  private turn(nowMs: number): void {
    const slot = Math.floor(nowMs / SLOT_MS);
    if (slot === this.slot) return;
    const ended = Math.min(SLOTS + 1, slot - this.slot);
    for (let i = 0; i < ended; i++) this.answers[(slot - i) % (SLOTS + 1)] = 0;
    this.slot = slot;
  }
}

export class Lanes {
  private readonly lanes = new Map<string, Map<number, Lane>>();
  private count = 0;

  /** undefined: there are too many. */
  of(model: string, version: number): Lane | undefined {
    const found = this.lanes.get(model)?.get(version);
    if (found !== undefined) return found;
    if (this.count >= LANES_MAX) this.forgetIdle();
    if (this.count >= LANES_MAX) return undefined;
    const made = new Lane();
    const versions = this.lanes.get(model) ?? new Map<number, Lane>();
    versions.set(version, made);
    this.lanes.set(model, versions);
    this.count += 1;
    return made;
  }

  private forgetIdle(): void {
    for (const [model, versions] of this.lanes) {
      for (const [version, { inFlight }] of versions) {
        if (inFlight > 0) continue;
        versions.delete(version);
        this.count -= 1;
      }
      if (versions.size === 0) this.lanes.delete(model);
    }
  }
}
