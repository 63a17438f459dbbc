// When a delivery is tried again. After n failures in a row at an endpoint: a pause drawn from [half, whole) of
// FIRST_PAUSE_MS · 2^(n-1), at most PAUSE_MS_MAX, so that many senders do not come back together; never less than
// the receiver's Retry-After, up to RETRY_AFTER_MS_MAX. What was not taken within GIVE_UP_MS of its event is given
// up.

import type { Rng } from '@millrace/domain';
import type { Sent } from './send.js';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const FIRST_PAUSE_MS = 5 * SECOND_MS;
const PAUSE_MS_MAX = HOUR_MS;
/** A receiver may ask for more than we would wait by ourselves, but not for ever. */
const RETRY_AFTER_MS_MAX = 6 * HOUR_MS;
/** A receiver that is away over a night gets everything in the morning. */
export const GIVE_UP_MS = 24 * HOUR_MS;

/** `gone`: the receiver wants nothing any more (410). */
export type Outcome = { kind: 'taken' } | { kind: 'gone' } | { kind: 'again'; reason: string; notBeforeMs: number };

const GONE = 410;
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

export function outcomeOf(sent: Sent, nowMs: number): Outcome {
  if (sent.kind !== 'answered') return { kind: 'again', reason: sent.reason, notBeforeMs: 0 };
  const { status, retryAfter } = sent;
  if (status >= 200 && status < 300) return { kind: 'taken' };
  if (status === GONE) return { kind: 'gone' };
  const redirects = status >= 300 && status < 400 ? ', and redirects are not followed' : '';
  return { kind: 'again', reason: `status ${status}${redirects}`, notBeforeMs: retryAfterMs(retryAfter, nowMs) };
}

/** Seconds, or a date of HTTP; what is neither says nothing. */
function retryAfterMs(text: string | undefined, nowMs: number): number {
  if (text === undefined) return 0;
  const atMs = /^\d{1,9}$/.test(text) ? nowMs + Number(text) * SECOND_MS : HTTP_DATE.test(text) ? Date.parse(text) : 0;
  return Number.isFinite(atMs) ? Math.min(atMs, nowMs + RETRY_AFTER_MS_MAX) : 0;
}

/** @param failures in a row, at least 1 */
export function nextTryMs(failures: number, notBeforeMs: number, nowMs: number, rng: Rng): number {
  const whole = Math.min(PAUSE_MS_MAX, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 30));
  return Math.max(notBeforeMs, nowMs + whole / 2 + (rng.next() * whole) / 2);
}
