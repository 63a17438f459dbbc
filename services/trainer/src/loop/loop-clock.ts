// A clock that was ahead and is set back: times that a state keeps lie in the future then, and what waits for them
// would wait for as long as the clock was wrong. They count as now. Pure.

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
