import { describe, expect, it } from '@jest/globals';
import { seededRng } from '@millrace/domain';
import { DEAD_MAX, due, emptyEndpoint, enqueue, settle, WAITING_MAX, type Waiting } from './outbox.js';
import { GIVE_UP_MS, nextTryMs, outcomeOf } from './retry.js';

const HOUR_MS = 3_600_000;
const rng = () => seededRng(3);
const event = (id: string) => ({ id, type: 't', body: '{}' });
const again = (reason = 'status 500', notBeforeMs = 0) => ({ kind: 'again' as const, reason, notBeforeMs });

function filled(count: number, nowMs = 0) {
  const state = emptyEndpoint(0);
  for (let i = 0; i < count; i++) enqueue(state, event(`e${i}`), nowMs);
  return state;
}

const first = (state: ReturnType<typeof filled>, nowMs = 0) => due(state, nowMs) as Waiting;

describe('an endpoint’s queue', () => {
  it('gives what came first, until it was taken', () => {
    const state = filled(2);
    expect(first(state).id).toBe('e0');
    settle(state, first(state), again(), 0, rng());
    expect(due(state, 0)).toBeUndefined();
    expect(first(state, HOUR_MS)).toMatchObject({ id: 'e0', tries: 1 });
    settle(state, first(state, HOUR_MS), { kind: 'taken' }, HOUR_MS, rng());
    expect(first(state, HOUR_MS).id).toBe('e1');
    expect(state).toMatchObject({ delivered: 1, failures: 0, lastFailure: '', lastDeliveredAtMs: HOUR_MS });
  });

  it('takes an event once, also when it was delivered', () => {
    const state = filled(1);
    expect(enqueue(state, event('e0'), 0)).toBe(false);
    settle(state, first(state), { kind: 'taken' }, 0, rng());
    expect(enqueue(state, event('e0'), 0)).toBe(false);
    expect(state.waiting).toEqual([]);
  });

  it('holds so many: the oldest goes to the dead letters, counted', () => {
    const state = filled(WAITING_MAX + 3);
    expect([state.waiting.length, state.dropped]).toEqual([WAITING_MAX, 3]);
    expect(state.dead.map(({ id }) => id)).toEqual(['e0', 'e1', 'e2']);
    expect(filled(WAITING_MAX + DEAD_MAX + 50).dead).toHaveLength(DEAD_MAX);
  });

  it('gives a delivery up that was not taken for a day, and goes on with the next', () => {
    const state = filled(2);
    settle(state, first(state), again(), GIVE_UP_MS - 1, rng());
    expect(state.waiting).toHaveLength(2);
    settle(state, state.waiting[0] as Waiting, again('status 500'), GIVE_UP_MS, rng());
    expect(state.waiting.map(({ id }) => id)).toEqual(['e1']);
    expect(state.dead).toEqual([
      {
        ...{ id: 'e0', type: 't', sinceMs: 0, diedAtMs: GIVE_UP_MS, tries: 2 },
        reason: 'not taken within 24 h: status 500',
      },
    ]);
  });

  it('is empty for an endpoint that is gone, and stays so', () => {
    const state = filled(2);
    settle(state, first(state), { kind: 'gone' }, 5, rng());
    expect([state.goneAtMs, state.waiting, state.dead.length]).toEqual([5, [], 2]);
    expect([enqueue(state, event('e9'), 6), due(state, GIVE_UP_MS)]).toEqual([false, undefined]);
  });

  it('survives that what is on its way was dropped meanwhile', () => {
    const state = filled(1);
    const tried = first(state);
    for (let i = 1; i <= WAITING_MAX; i++) enqueue(state, event(`e${i}`), 0);
    settle(state, tried, { kind: 'taken' }, 0, rng());
    expect([state.waiting.length, state.delivered]).toEqual([WAITING_MAX, 1]);
  });
});

describe('the next try', () => {
  it.each([
    [1, 2_500, 5_000],
    [2, 5_000, 10_000],
    [5, 40_000, 80_000],
    [11, HOUR_MS / 2, HOUR_MS],
    [1_000, HOUR_MS / 2, HOUR_MS],
  ])('after %i failures is %i to %i ms away, drawn', (failures, least, most) => {
    const source = seededRng(11);
    const drawn = Array.from({ length: 200 }, () => nextTryMs(failures, 0, 1_000, source) - 1_000);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(least);
    expect(Math.max(...drawn)).toBeLessThan(most);
    expect(new Set(drawn).size).toBeGreaterThan(100);
  });

  it('is not before the receiver wants it', () => {
    expect(nextTryMs(1, 90_000, 1_000, rng())).toBe(90_000);
  });
});

describe('an answer', () => {
  const NOW_MS = Date.parse('2026-11-30T12:00:00Z');
  const answered = (status: number, retryAfter?: string) => outcomeOf({ kind: 'answered', status, retryAfter }, NOW_MS);

  it.each([
    [200, { kind: 'taken' }],
    [204, { kind: 'taken' }],
    [410, { kind: 'gone' }],
    [302, { kind: 'again', reason: 'status 302, and redirects are not followed', notBeforeMs: 0 }],
    [404, { kind: 'again', reason: 'status 404', notBeforeMs: 0 }],
    [500, { kind: 'again', reason: 'status 500', notBeforeMs: 0 }],
  ])('of %i is %j', (status, expected) => {
    expect(answered(status)).toEqual(expected);
  });

  it.each([
    ['120', NOW_MS + 120_000],
    ['Mon, 30 Nov 2026 12:05:00 GMT', NOW_MS + 300_000],
    ['999999999', NOW_MS + 6 * HOUR_MS],
    ['soon', 0],
    ['-5', 0],
  ])('with Retry-After %s is waited for', (text, notBeforeMs) => {
    const outcome = answered(503, text);
    expect(outcome.kind === 'again' && Math.max(0, outcome.notBeforeMs)).toBe(notBeforeMs);
  });
});
