// A clock on the wall that is set, back or ahead: times that a state keeps would make it wait for longer, or for less.
// While a trainer runs, its monotonic clock tells how much it was set by (HeldClock), and the times are moved with it:
// what has been waited stays waited. Over a restart, or where another trainer's clock is behind, nobody knows: times
// that lie ahead count as now, and a wait is longer by at most what the clock was set back by. The end of a question to
// people is a time of day that they were told, and stays one. Pure.

import type { LoopPolicy, LoopState } from './loop-state.js';
import { PAUSE_MS_MAX } from './open-drifts.js';

/** The same state where nothing of it is ahead. */
export function notAhead(state: LoopState, { retrain, probation: spec }: LoopPolicy, nowMs: number): LoopState {
  const { startedAtMs, openDrifts, probation, takingBack } = state;
  const times = {
    coolUntilMs: Math.min(state.coolUntilMs, nowMs + retrain.cooldownMs),
    liveSinceMs: Math.min(state.liveSinceMs, nowMs),
    lastBegunAtMs: Math.min(state.lastBegunAtMs, nowMs),
    trainingSinceMs: Math.min(state.trainingSinceMs, nowMs),
    rollingSinceMs: Math.min(state.rollingSinceMs, nowMs),
    askedSinceMs: Math.min(state.askedSinceMs, nowMs),
    waitingSinceMs: Math.min(state.waitingSinceMs, nowMs),
  };
  const isAhead = (Object.keys(times) as (keyof typeof times)[]).some((name) => times[name] !== state[name]);
  const areStarts = startedAtMs.some((atMs) => atMs > nowMs);
  const areDrifts = openDrifts.some(({ againAtMs }) => againAtMs > nowMs + PAUSE_MS_MAX);
  const isProbation = probation !== null && probation.sinceMs > nowMs;
  const isTaking = takingBack?.sinceMs !== undefined && takingBack.sinceMs > nowMs;
  if (!isAhead && !areStarts && !areDrifts && !isProbation && !isTaking) return state;
  return {
    ...{ ...state, ...times },
    ...(isProbation ? { probation: { ...probation, sinceMs: nowMs, untilMs: nowMs + spec.forMs } } : {}),
    ...(isTaking ? { takingBack: { ...takingBack, sinceMs: nowMs } } : {}),
    startedAtMs: startedAtMs.map((atMs) => Math.min(atMs, nowMs)),
    openDrifts: openDrifts.map((one) => ({ ...one, againAtMs: Math.min(one.againAtMs, nowMs + PAUSE_MS_MAX) })),
  };
}

/** How a clock was set: of what the state keeps, all that was told from `fromMs` on; not there = all. */
export interface ClockMove {
  byMs: number;
  fromMs?: number | undefined;
}

/** The clock was set back by this: what has been waited for stays so. */
export const movedBack = (state: LoopState, { byMs, fromMs }: ClockMove, { retrain }: LoopPolicy): LoopState =>
  movedBy(state, { byMs: -byMs, fromMs }, retrain.cooldownMs);

/** What was told by a clock that was behind is what the right one would have told; what is older has aged. */
export const movedAhead = (state: LoopState, move: ClockMove, { retrain }: LoopPolicy): LoopState =>
  movedBy(state, move, retrain.cooldownMs);

function movedBy(state: LoopState, { byMs, fromMs }: ClockMove, cooldownMs: number): LoopState {
  const { startedAtMs, openDrifts, probation, takingBack } = state;
  const isMoved = (atMs: number) => fromMs === undefined || atMs >= fromMs;
  // Processing time as the state keeps it; 0 = none.
  const of = (atMs: number) => (atMs === 0 || !isMoved(atMs) ? atMs : Math.max(1, atMs + byMs));
  return {
    ...state,
    // An end goes with its beginning.
    coolUntilMs: isMoved(state.coolUntilMs - cooldownMs) ? of(state.coolUntilMs) : state.coolUntilMs,
    liveSinceMs: of(state.liveSinceMs),
    lastBegunAtMs: of(state.lastBegunAtMs),
    trainingSinceMs: of(state.trainingSinceMs),
    rollingSinceMs: of(state.rollingSinceMs),
    startedAtMs: startedAtMs.map(of),
    openDrifts: openDrifts.map((one) => ({ ...one, againAtMs: of(one.againAtMs) })),
    probation: probation && {
      ...{ ...probation, sinceMs: of(probation.sinceMs), againAtMs: of(probation.againAtMs) },
      untilMs: isMoved(probation.sinceMs) ? of(probation.untilMs) : probation.untilMs,
    },
    takingBack: takingBack && {
      ...takingBack,
      ...(takingBack.sinceMs === undefined ? {} : { sinceMs: of(takingBack.sinceMs) }),
    },
    // People were told a wrong time of day.
    ...(fromMs === undefined ? {} : { askedSinceMs: of(state.askedSinceMs), waitingSinceMs: of(state.waitingSinceMs) }),
  };
}
