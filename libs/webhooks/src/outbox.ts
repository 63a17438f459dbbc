// What waits to be sent, one queue an endpoint, oldest first, one delivery at a time: what happened first is told
// first, and an endpoint that does not answer holds up nobody else. Kept by a port before an event counts as taken
// over, so that a message comes at least once whoever dies; a receiver knows a repeated one by its id.
//
// An endpoint that fails rests (retry.ts), and its whole queue with it: that is its circuit. Bounds: WAITING_MAX
// deliveries an endpoint (the oldest goes to the dead letters), DEAD_MAX dead letters and SEEN_MAX ids that are
// known, an endpoint each. Pure; the caller sends and keeps.

import type { Rng } from '@millrace/domain';
import { GIVE_UP_MS, nextTryMs, type Outcome } from './retry.js';

/** A day of an endpoint that is away, at a step of the loop every two minutes. */
export const WAITING_MAX = 1_000;
export const DEAD_MAX = 100;
/** What is read again after a crash: the last seconds before it. */
const SEEN_MAX = 1_000;

export interface Waiting {
  id: string;
  type: string;
  /** The body as it is signed and sent. */
  body: string;
  /** Processing time when it was taken over. */
  sinceMs: number;
  tries: number;
}

export interface DeadLetter {
  id: string;
  type: string;
  sinceMs: number;
  diedAtMs: number;
  tries: number;
  reason: string;
}

/** Of one endpoint, as it is kept. */
export interface EndpointState {
  /** What happened before is nobody's to hear: processing time when it was declared. */
  sinceMs: number;
  waiting: Waiting[];
  dead: DeadLetter[];
  seen: string[];
  delivered: number;
  /** Given up: no room, not taken in time, or the endpoint is gone. */
  dropped: number;
  /** In a row. */
  failures: number;
  /** Processing time; 0 = at once. */
  nextTryMs: number;
  lastFailure: string;
  lastDeliveredAtMs: number;
  /** When it said 410: nothing is sent until the project file is applied anew; 0 = it has not. */
  goneAtMs: number;
}

export function emptyEndpoint(sinceMs: number): EndpointState {
  return {
    sinceMs,
    ...{ waiting: [], dead: [], seen: [], delivered: 0, dropped: 0, failures: 0, nextTryMs: 0 },
    ...{ lastFailure: '', lastDeliveredAtMs: 0, goneAtMs: 0 },
  };
}

/** Takes an event over; false where it is known, or the endpoint wants nothing. */
export function enqueue(state: EndpointState, event: Omit<Waiting, 'sinceMs' | 'tries'>, nowMs: number): boolean {
  if (state.goneAtMs > 0 || state.seen.includes(event.id)) return false;
  state.seen.push(event.id);
  if (state.seen.length > SEEN_MAX) state.seen.shift();
  state.waiting.push({ ...event, sinceMs: nowMs, tries: 0 });
  if (state.waiting.length > WAITING_MAX) {
    bury(state, state.waiting.shift() as Waiting, `more than ${WAITING_MAX} deliveries waited`, nowMs);
  }
  return true;
}

/** The delivery that is due; undefined: none is, or the endpoint rests. */
export function due(state: EndpointState, nowMs: number): Waiting | undefined {
  return state.goneAtMs > 0 || state.nextTryMs > nowMs ? undefined : state.waiting[0];
}

/** What became of a try. The delivery may have gone for want of room meanwhile. */
export function settle(state: EndpointState, tried: Waiting, outcome: Outcome, nowMs: number, rng: Rng): void {
  const at = state.waiting.findIndex(({ id }) => id === tried.id);
  const waiting = state.waiting[at];
  if (outcome.kind === 'taken') {
    if (waiting !== undefined) state.waiting.splice(at, 1);
    Object.assign(state, { failures: 0, nextTryMs: 0, lastFailure: '', lastDeliveredAtMs: nowMs });
    state.delivered += 1;
    return;
  }
  if (outcome.kind === 'gone') {
    for (const each of state.waiting.splice(0)) bury(state, each, 'the endpoint is gone (410)', nowMs);
    Object.assign(state, {
      goneAtMs: nowMs,
      failures: 0,
      nextTryMs: 0,
      lastFailure: 'status 410: it wants nothing more',
    });
    return;
  }
  state.failures += 1;
  state.lastFailure = outcome.reason;
  state.nextTryMs = nextTryMs(state.failures, outcome.notBeforeMs, nowMs, rng);
  if (waiting === undefined) return;
  waiting.tries += 1;
  if (nowMs - waiting.sinceMs < GIVE_UP_MS) return;
  state.waiting.splice(at, 1);
  bury(state, waiting, `not taken within ${GIVE_UP_MS / 3_600_000} h: ${outcome.reason}`, nowMs);
}

function bury(state: EndpointState, { id, type, sinceMs, tries }: Waiting, reason: string, nowMs: number): void {
  state.dropped += 1;
  state.dead.push({ id, type, sinceMs, diedAtMs: nowMs, tries, reason });
  if (state.dead.length > DEAD_MAX) state.dead.shift();
}
