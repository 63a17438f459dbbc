// Seeded traffic of two arms, and the first request after which a test decides.
//
// A test's evidence is asked after every request without computing it after every one. Evidence that the second arm
// fails more rises with an answer of the first arm and with a failure of the second, and falls with the other two
// (the nearest point of the null lies between the arms' alternatives); evidence that it does not rises with those.
// So from one rare rise to the next it is nowhere above what it would be if only the frequent rises had happened:
// only where even that reaches the bar, the way is walked request by request.

import type { Rng } from '@millrace/domain';
import type { Count, Side } from '@millrace/statistics';

export interface Truth {
  /** Share of requests that fail. */
  first: number;
  second: number;
  /** Share of the requests that the second arm gets. */
  share: number;
}

/** What happened to a request: which arm had it, and how it ended. */
const OUTCOME = { firstAnswered: 0, secondAnswered: 1, firstFailed: 2, secondFailed: 3 } as const;

/** One byte a request: an outcome. */
export function trafficOf(rng: Rng, requests: number, { first, second, share }: Truth): Uint8Array {
  const traffic = new Uint8Array(requests);
  for (let i = 0; i < requests; i++) {
    const arm = rng.next() < share ? 1 : 0;
    traffic[i] = arm + (rng.next() < (arm === 1 ? second : first) ? 2 : 0);
  }
  return traffic;
}

interface Counts {
  first: Count;
  second: Count;
}

const none = (): Counts => ({ first: { k: 0, n: 0 }, second: { k: 0, n: 0 } });

function count({ first, second }: Counts, outcome: number): void {
  const arm = (outcome & 1) === 1 ? second : first;
  arm.n += 1;
  if (outcome >= OUTCOME.firstFailed) arm.k += 1;
}

/** Requests at most that one bound stands for: a longer stretch has a looser one. */
const STRETCH = 64;

export type Evidence = (first: Count, second: Count) => number;

const RISES = {
  more: { often: OUTCOME.firstAnswered, seldom: OUTCOME.secondFailed },
  fewer: { often: OUTCOME.secondAnswered, seldom: OUTCOME.firstFailed },
} as const;

/** Requests until the evidence for that side reaches the bar; Infinity where it never does. */
export function decidedAfter(traffic: Uint8Array, side: Side, evidence: Evidence, bar: number): number {
  const { often, seldom } = RISES[side];
  const counts = none();
  for (let from = 0; from < traffic.length; ) {
    let to = from;
    let rises = 0;
    const end = Math.min(traffic.length, from + STRETCH);
    for (; to < end && traffic[to] !== seldom; to++) if (traffic[to] === often) rises += 1;
    const { first, second } = counts;
    const answered = side === 'more' ? { k: first.k, n: first.n + rises } : { k: second.k, n: second.n + rises };
    const most = side === 'more' ? evidence(answered, second) : evidence(first, answered);
    for (let i = from; i < to; i++) {
      const outcome = traffic[i] as number;
      count(counts, outcome);
      if (most >= bar && outcome === often && evidence(first, second) >= bar) return i + 1;
    }
    from = to;
    if (to === end) continue;
    count(counts, seldom);
    from += 1;
    if (evidence(first, second) >= bar) return from;
  }
  return Number.POSITIVE_INFINITY;
}

/** Counts after some of the requests. */
export function countsOf(traffic: Uint8Array, from: number, to: number): Counts {
  const counts = none();
  for (let i = from; i < to; i++) count(counts, traffic[i] as number);
  return counts;
}
