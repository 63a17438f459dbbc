// Which serving is left out for a while because it fails or lags where the others do not. Pure. Judged every JUDGE_MS
// over what was answered since the last judgement, each serving against all others together: what a model does wrong it
// does everywhere, and takes nobody out.
//
//   fails:  failed/answered >= FAIL_SHARE here, <= SOUND_SHARE at the others
//   lags:   mean latency >= LAG_TIMES · that of the others, and LAG_MS more
//
// both over at least ANSWERS_MIN answers here and at the others. Left out for EJECT_MS, twice as long each time it
// is found again soon after (EJECT_MS_MAX at most); at most half of the servings at a time, never the last. A
// serving whose streams are gone is forgotten: it comes back as another one. O(1) an answer, O(servings) a
// judgement.

const JUDGE_MS = 500;
/** Below it chance speaks: 5 failures of 10 happen to a sound serving at a model that fails now and then. */
const ANSWERS_MIN = 20;
const FAIL_SHARE = 0.5;
const SOUND_SHARE = 0.1;
const LAG_TIMES = 5;
const LAG_MS = 100;
const EJECT_MS = 1_000;
const EJECT_MS_MAX = 30_000;

interface Seen {
  answered: number;
  failed: number;
  latencyMs: number;
  untilMs: number;
  /** Of the last time; 0 = never. */
  ejectMs: number;
}

export class Outliers {
  ejections = 0;
  private readonly seen = new Map<string, Seen>();
  private judgedAtMs = Number.NEGATIVE_INFINITY;
  private ejectedUntilMs = Number.NEGATIVE_INFINITY;

  up(target: string): void {
    if (this.seen.has(target)) return;
    this.seen.set(target, { answered: 0, failed: 0, latencyMs: 0, untilMs: Number.NEGATIVE_INFINITY, ejectMs: 0 });
  }

  down(target: string): void {
    this.seen.delete(target);
  }

  answered(target: string, failed: boolean, latencyMs: number): void {
    const seen = this.seen.get(target);
    if (seen === undefined) return;
    seen.answered += 1;
    seen.latencyMs += latencyMs;
    if (failed) seen.failed += 1;
  }

  /** Whether any is left out: the common case costs one comparison. */
  isAny(nowMs: number): boolean {
    return nowMs < this.ejectedUntilMs;
  }

  isEjected(target: string, nowMs: number): boolean {
    return nowMs < (this.seen.get(target)?.untilMs ?? nowMs);
  }

  ejected(nowMs: number): string[] {
    return [...this.seen.keys()].filter((target) => this.isEjected(target, nowMs));
  }

  judge(nowMs: number): void {
    if (nowMs - this.judgedAtMs < JUDGE_MS || this.seen.size < 2) return;
    this.judgedAtMs = nowMs;
    const all = { answered: 0, failed: 0, latencyMs: 0 };
    for (const { answered, failed, latencyMs } of this.seen.values()) {
      all.answered += answered;
      all.failed += failed;
      all.latencyMs += latencyMs;
    }
    const room = Math.floor(this.seen.size / 2) - this.ejected(nowMs).length;
    const found = [...this.seen.values()].filter((one) => isOutlier(one, all));
    for (const one of found.slice(0, Math.max(0, room))) this.eject(one, nowMs);
    for (const one of this.seen.values()) {
      // Few answers are kept for the next judgement.
      if (one.answered < ANSWERS_MIN) continue;
      Object.assign(one, { answered: 0, failed: 0, latencyMs: 0 });
    }
  }

  private eject(one: Seen, nowMs: number): void {
    const isAgain = nowMs - one.untilMs < EJECT_MS_MAX;
    one.ejectMs = isAgain ? Math.min(EJECT_MS_MAX, 2 * one.ejectMs) : EJECT_MS;
    one.untilMs = nowMs + one.ejectMs;
    Object.assign(one, { answered: 0, failed: 0, latencyMs: 0 });
    this.ejectedUntilMs = Math.max(this.ejectedUntilMs, one.untilMs);
    this.ejections += 1;
  }
}

function isOutlier(one: Seen, all: Pick<Seen, 'answered' | 'failed' | 'latencyMs'>): boolean {
  const others = all.answered - one.answered;
  if (one.answered < ANSWERS_MIN || others < ANSWERS_MIN) return false;
  const failedElsewhere = (all.failed - one.failed) / others;
  if (one.failed / one.answered >= FAIL_SHARE && failedElsewhere <= SOUND_SHARE) return true;
  const [here, elsewhere] = [one.latencyMs / one.answered, (all.latencyMs - one.latencyMs) / others];
  return here >= LAG_TIMES * elsewhere && here >= elsewhere + LAG_MS;
}
