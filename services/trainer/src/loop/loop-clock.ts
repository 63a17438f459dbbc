// A clock on the wall that is set back: times that a state keeps would make it wait for that much longer. While a
// trainer runs, its monotonic clock tells how much it was (LoopRunner), and the times are moved with it: what has been
// waited stays waited. Over a restart, or where another trainer's clock is behind, nobody knows: times that lie ahead
// count as now, and a wait is longer by at most what the clock was set back by. The end of a question to people is a
// time of day that they were told, and stays one. Pure.

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

/** By less it is not told from two clocks that are read one after the other, or that are slewed. */
export const SET_BACK_MS_MIN = 1_000;

/** Processing time as the state keeps it; 0 = none. */
const moved = (atMs: number, byMs: number): number => (atMs === 0 ? 0 : Math.max(1, atMs - byMs));

/** The clock was set back by this: what has been waited for stays so. */
export function movedBack(state: LoopState, byMs: number): LoopState {
  const { startedAtMs, openDrifts, probation, takingBack } = state;
  const of = (atMs: number) => moved(atMs, byMs);
  return {
    ...state,
    coolUntilMs: of(state.coolUntilMs),
    liveSinceMs: of(state.liveSinceMs),
    lastBegunAtMs: of(state.lastBegunAtMs),
    trainingSinceMs: of(state.trainingSinceMs),
    rollingSinceMs: of(state.rollingSinceMs),
    startedAtMs: startedAtMs.map(of),
    openDrifts: openDrifts.map((one) => ({ ...one, againAtMs: of(one.againAtMs) })),
    probation: probation && {
      ...{ ...probation, sinceMs: of(probation.sinceMs), untilMs: of(probation.untilMs) },
      againAtMs: of(probation.againAtMs),
    },
    takingBack: takingBack && {
      ...takingBack,
      ...(takingBack.sinceMs === undefined ? {} : { sinceMs: of(takingBack.sinceMs) }),
    },
  };
}
